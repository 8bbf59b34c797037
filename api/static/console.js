// The console's own behaviour: the detail drawer, copying, and what to say when a request fails.
"use strict";

(() => {
  const notice = document.getElementById("notice");
  const drawer = document.getElementById("detail");

  // In the hand the menu is a strip: show its present entry.
  document.querySelector(".menu [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  let hideNotice = 0;
  function say(text) {
    window.clearTimeout(hideNotice);
    notice.textContent = text;
    notice.hidden = false;
    hideNotice = window.setTimeout(() => { notice.hidden = true; }, 8000);
  }

  function detailOf(body) {
    try {
      return JSON.parse(body).detail || notice.dataset.unreachable;
    } catch {
      return notice.dataset.unreachable;
    }
  }

  // What was written when too much was asked at once is sent again by itself, once.
  for (const form of document.querySelectorAll("form[data-send-again-after]")) {
    window.setTimeout(() => form.requestSubmit(), Number(form.dataset.sendAgainAfter) * 1000);
  }

  document.addEventListener("htmx:responseError", (event) => say(detailOf(event.detail.xhr.responseText)));
  document.addEventListener("htmx:sendError", () => say(notice.dataset.unreachable));
  document.addEventListener("htmx:beforeRequest", () => { notice.hidden = true; });

  // A button that copies is shown where scripts run; without, the text can be marked by hand.
  function offerCopies(root) {
    for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
  }
  offerCopies(document);
  document.addEventListener("htmx:afterSwap", (event) => offerCopies(event.detail.target));
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = button.dataset.copied;
    } catch {
      // No clipboard without TLS or permission: mark the text, for the keyboard to copy.
      window.getSelection().selectAllChildren(source);
    }
  });

  if (drawer) {
    // A modal <dialog> keeps the focus inside, closes on Escape and gives the focus back.
    document.addEventListener("htmx:afterSwap", (event) => {
      if (event.detail.target.id === "detail-body" && !drawer.open) drawer.showModal();
      if (event.detail.target.id === "detail-body") drawer.scrollTop = 0;
    });
    drawer.addEventListener("click", (event) => {
      if (event.target === drawer || event.target.closest("[data-close]")) drawer.close();
    });
  }
})();
