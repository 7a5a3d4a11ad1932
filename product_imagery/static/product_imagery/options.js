// An option with known values: the input for another value shows once “Other” is chosen; a choice empties it, because what
// is typed counts. Buttons that pages without script need are hidden.
"use strict";
(() => {
  const ownOf = (known) => known.parentElement.querySelector("[data-own]");
  const hide = () => {
    document.querySelectorAll("[data-known]").forEach((known) => { ownOf(known).hidden = Boolean(known.value); });
    document.querySelectorAll("[data-without-script]").forEach((button) => { button.hidden = true; });
  };
  document.addEventListener("change", (event) => {
    if (!event.target.matches?.("[data-known]")) return;
    const own = ownOf(event.target);
    own.hidden = Boolean(event.target.value);
    if (event.target.value) {
      own.value = "";
    } else {
      event.stopPropagation(); // the value is still to be typed
      own.focus();
    }
  }, true);
  document.addEventListener("DOMContentLoaded", hide);
  document.addEventListener("htmx:afterSwap", hide);
  document.addEventListener("imagery:swapped", hide);
})();
