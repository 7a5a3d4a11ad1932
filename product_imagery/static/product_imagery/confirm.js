// Choosing a look shows its options at once; without JavaScript the button does it.
"use strict";
document.querySelectorAll(".imagery-looks input").forEach((input) => {
  input.addEventListener("change", () => input.form.submit());
});
