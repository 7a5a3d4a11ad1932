// Copies an address at the press of a button. Without JavaScript the address can be selected.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("button[data-copies]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const field = document.getElementById(button.dataset.copies);
      field.select();
      try {
        await navigator.clipboard.writeText(field.value);
      } catch {
        document.execCommand("copy"); // a page without https has no clipboard
      }
      button.textContent = button.dataset.done;
    });
  });
});
