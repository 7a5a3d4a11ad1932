// Updates options and figures in place when the form changes, so that the focus stays. Start is disabled meanwhile.
// Without JavaScript the buttons “Show its options” and “Update the figures” do the same.
"use strict";
(() => {
  const form = document.getElementById("imagery-start");
  let latest = 0; // the number of the latest request: responses to earlier ones are dropped
  let timer = 0;
  let isBusy = false;
  let isSent = false;

  const part = (name) => document.getElementById(`imagery-${name}`);
  const chosen = () => form.querySelector("input[name=preset]:checked")?.value;
  const start = () => form.querySelector("button[name=start]");

  const setBusy = (busy) => {
    isBusy = busy;
    part("figures").classList.toggle("imagery-busy", busy);
    part("figures").setAttribute("aria-busy", String(busy));
    if (busy) start().disabled = true;
  };

  const hideButtons = () => {
    form.querySelectorAll("[data-without-script]").forEach((button) => { button.hidden = true; });
  };

  const fail = () => {
    const note = document.createElement("p");
    note.className = "imagery-note";
    note.setAttribute("role", "alert");
    note.textContent = part("figures").dataset.failed;
    part("figures").prepend(note);
    form.querySelectorAll("[data-without-script]").forEach((button) => { button.hidden = false; });
  };

  const show = (page) => {
    const options = page.getElementById("imagery-options");
    const figures = page.getElementById("imagery-figures");
    if (!options || !figures) throw new Error("not our page");
    if (options.dataset.look !== part("options").dataset.look) part("options").replaceWith(options);
    part("figures").replaceWith(figures);
    hideButtons();
  };

  const refresh = async () => {
    clearTimeout(timer);
    const number = ++latest;
    setBusy(true);
    const data = new FormData(form);
    data.set("preview", "1");
    try {
      const response = await fetch(location.href, {method: "POST", body: data, credentials: "same-origin"});
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      if (number !== latest) return;
      show(page);
      setBusy(false);
    } catch {
      if (number !== latest) return;
      setBusy(false);
      fail();
    }
  };

  const later = () => {
    setBusy(true); // from the first letter on the figures are out of date
    latest += 1;
    clearTimeout(timer);
    timer = setTimeout(refresh, 400);
  };

  const isWritten = (field) => field.matches("textarea, input:not([type=radio], [type=checkbox])");
  form.addEventListener("input", (event) => { if (isWritten(event.target)) later(); });
  form.addEventListener("change", (event) => { if (!isWritten(event.target)) refresh(); });
  form.addEventListener("submit", (event) => {
    if (isBusy || isSent) event.preventDefault();
    else isSent = true;
  });
  window.addEventListener("pageshow", () => {
    isSent = false;
    if (chosen() !== part("options").dataset.look) refresh(); // the browser has restored an earlier choice
  });
  hideButtons();
})();
