// Parts that htmx fetches into a form: once the session has ended, the page keeps what it shows and says so.
"use strict";
(() => {
  let ended = false;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const {xhr} = event.detail;
    if (xhr.getResponseHeader("X-Imagery-Part")) return;
    event.detail.shouldSwap = false; // the login page, or an error: not a part of this page
    if (xhr.status >= 500) return;
    ended = true;
    document.getElementById("imagery-logged-out").hidden = false;
  });
  document.addEventListener("htmx:beforeRequest", (event) => { if (ended) event.preventDefault(); });
})();
