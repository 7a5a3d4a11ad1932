// Shows the look on the chosen product beside the options of a preset, as they stand in the form.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const box = document.querySelector(".preset-preview");
  const image = box?.querySelector("img");
  if (!image) return;
  const form = box.closest("form");
  const note = box.querySelector("[role=status]");
  let timer = 0;

  const fail = async (address) => {
    image.hidden = true;
    const answer = await fetch(address, {credentials: "same-origin"}).catch(() => null);
    if (answer?.redirected) document.getElementById("imagery-logged-out").hidden = false; // to the login page
    else note.textContent = box.dataset.failed;
  };

  const show = () => {
    const query = new URLSearchParams({work: box.dataset.work, product: form.elements["preview-product"].value});
    new FormData(form).forEach((value, name) => { if (name.startsWith("option-")) query.append(name, value); });
    image.onload = () => { image.classList.remove("preset-waits"); image.hidden = false; note.textContent = ""; };
    image.onerror = () => fail(image.src);
    image.classList.add("preset-waits");
    image.src = `${box.dataset.url}?${query}`;
  };
  form.addEventListener("change", () => {
    clearTimeout(timer);
    timer = setTimeout(show, 300);
  });
  show();
});
