// The page that connects equipment: what arrives is added to the table as it arrives. The server
// sends whole rows, made and escaped as those of the page itself.
"use strict";

(() => {
  const following = document.getElementById("following");
  if (!following || typeof EventSource === "undefined") return;

  const rows = document.getElementById("arrivals");
  const state = document.getElementById("state");
  const checks = document.getElementById("checks");
  const nothing = document.getElementById("nothing");
  const patienceMs = 10_000;
  const mostRows = 50;

  const isHeard = () => state.classList.contains("heard");

  // Hints come when nothing else does.
  checks.hidden = true;
  const isWaiting = state.classList.contains("told");
  const patience = isWaiting ? window.setTimeout(() => { checks.hidden = false; }, patienceMs) : 0;

  function say(text, kind) {
    state.textContent = text;
    state.className = `following ${kind}`;
  }

  function add(html) {
    const template = document.createElement("template");
    template.innerHTML = `<table><tbody>${html}</tbody></table>`;
    const told = [...template.content.querySelectorAll("tr")];
    // What is told again has come again, or more of it has.
    for (const row of told) document.getElementById(row.id)?.remove();
    rows.prepend(...told);
    while (rows.children.length > mostRows) rows.lastElementChild.remove();
    nothing.hidden = true;
  }

  function calm() {
    window.clearTimeout(patience);
    checks.hidden = true;
  }

  const stream = new EventSource(following.dataset.stream);
  stream.addEventListener("heard", (event) => {
    calm();
    add(event.data);
    say(following.dataset.heard, "heard");
  });
  stream.addEventListener("refused", (event) => {
    calm();
    add(event.data);
    if (!isHeard()) say(following.dataset.refused, "refused");
  });
  stream.addEventListener("told", (event) => add(event.data));
  stream.addEventListener("parting", (event) => {
    stream.close();
    say(event.data, "ended");
  });
  stream.addEventListener("error", async () => {
    // While it only was interrupted the browser connects again by itself.
    if (stream.readyState !== EventSource.CLOSED) return;
    say(await reasonOf(following.dataset.stream), "ended");
  });
  window.addEventListener("pagehide", () => stream.close());

  // An EventSource does not tell why it was refused: ask once more, for the answer alone.
  async function reasonOf(address) {
    const asking = new AbortController();
    try {
      const answer = await fetch(address, { headers: { Accept: "application/problem+json" }, signal: asking.signal });
      if (answer.status === 401) return following.dataset.ended;
      if (!answer.ok) return (await answer.json()).detail ?? following.dataset.lost;
      asking.abort();
    } catch {
      // The server is away.
    }
    return following.dataset.lost;
  }
})();
