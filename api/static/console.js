// The console's own behaviour: the detail drawer, and what to say when a request fails.
"use strict";

(() => {
  const notice = document.getElementById("notice");
  const drawer = document.getElementById("detail");

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

  document.addEventListener("htmx:responseError", (event) => say(detailOf(event.detail.xhr.responseText)));
  document.addEventListener("htmx:sendError", () => say(notice.dataset.unreachable));
  document.addEventListener("htmx:beforeRequest", () => { notice.hidden = true; });

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
