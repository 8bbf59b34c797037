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
  let patience = rows.children.length ? 0 : window.setTimeout(() => { checks.hidden = false; }, patienceMs);

  function say(text, isNowHeard) {
    state.textContent = text;
    state.classList.toggle("heard", isNowHeard);
  }

  function add(html) {
    const template = document.createElement("template");
    template.innerHTML = `<table><tbody>${html}</tbody></table>`;
    const known = (row) => document.getElementById(row.id);
    const fresh = [...template.content.querySelectorAll("tr")].filter((row) => !known(row));
    rows.prepend(...fresh);
    while (rows.children.length > mostRows) rows.lastElementChild.remove();
    window.clearTimeout(patience);
    patience = 0;
    checks.hidden = true;
    nothing.hidden = true;
  }

  const stream = new EventSource(following.dataset.stream);
  stream.addEventListener("heard", (event) => {
    add(event.data);
    say(following.dataset.heard, true);
  });
  stream.addEventListener("refused", (event) => {
    add(event.data);
    if (!isHeard()) say(following.dataset.refused, false);
  });
  stream.addEventListener("parting", (event) => {
    stream.close();
    say(event.data, false);
  });
  stream.addEventListener("error", async () => {
    // While it only was interrupted the browser connects again by itself.
    if (stream.readyState !== EventSource.CLOSED) return;
    window.clearTimeout(patience);
    say(await reasonOf(following.dataset.stream), false);
  });
  window.addEventListener("pagehide", () => stream.close());

  // An EventSource does not tell why it was refused: ask once more, for the answer alone.
  async function reasonOf(address) {
    const asking = new AbortController();
    try {
      const answer = await fetch(address, { headers: { Accept: "application/problem+json" }, signal: asking.signal });
      if (!answer.ok) return (await answer.json()).detail ?? following.dataset.lost;
      asking.abort();
    } catch {
      // The server is away.
    }
    return following.dataset.lost;
  }
})();
