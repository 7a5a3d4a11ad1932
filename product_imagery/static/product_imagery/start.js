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
  const starters = () => form.querySelectorAll("button[name=start], button[name=try]");

  const setBusy = (busy) => {
    isBusy = busy;
    part("figures").classList.toggle("imagery-busy", busy);
    part("figures").setAttribute("aria-busy", String(busy));
    if (busy) starters().forEach((button) => { button.disabled = true; });
  };

  const fail = () => {
    const note = document.createElement("p");
    note.className = "imagery-note";
    note.setAttribute("role", "alert");
    note.textContent = part("figures").dataset.failed;
    part("figures").prepend(note);
    form.querySelectorAll("[data-without-script]").forEach((button) => { button.hidden = false; });
  };

  // The login page that the server sent leads back to this page with what is chosen.
  const endSession = (login) => {
    const note = document.getElementById("imagery-logged-out");
    note.querySelector("a").href = login;
    note.hidden = false;
  };

  const show = (page) => {
    const options = page.getElementById("imagery-options");
    const figures = page.getElementById("imagery-figures");
    if (!options || !figures) throw new Error("not our page");
    const opened = [...form.querySelectorAll("details[open]")].map((details) => details.id);
    if (options.dataset.look !== part("options").dataset.look) part("options").replaceWith(options);
    part("figures").replaceWith(figures);
    opened.forEach((id) => { const details = document.getElementById(id); if (details) details.open = true; });
    document.dispatchEvent(new Event("imagery:swapped"));
    tryLook();
  };

  // The chosen look on the first product: a picture that the server makes on this machine while the page stays usable.
  const tryLook = () => {
    const box = document.getElementById("start-try");
    if (!box) return;
    const image = document.getElementById("start-tried");
    const note = document.getElementById("start-try-note");
    box.hidden = false;
    const canTry = part("figures").dataset.canTry;
    const query = new URLSearchParams();
    new FormData(form).forEach((value, name) => {
      if (name === "preset" || name.startsWith("option-")) query.append(name, value);
    });
    const address = `${form.dataset.lookUrl}?${query}`;
    if (canTry && image.getAttribute("src") === address) return;
    note.textContent = canTry ? "" : box.dataset.elsewhere;
    const example = form.querySelector("input[name=preset]:checked")?.parentElement.querySelector("img").src;
    image.onload = () => image.classList.remove("start-waits");
    image.onerror = () => {
      image.onerror = null;
      note.textContent = box.dataset.failed;
      image.src = example;
    };
    image.classList.toggle("start-waits", Boolean(canTry));
    image.src = canTry ? address : example;
  };

  const refresh = async () => {
    clearTimeout(timer);
    const number = ++latest;
    setBusy(true);
    const data = new FormData(form);
    data.set("preview", "1");
    try {
      const response = await fetch(location.href, {method: "POST", body: data, credentials: "same-origin"});
      if (number === latest && response.redirected) {
        setBusy(false);
        return endSession(response.url);
      }
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
  form.addEventListener("change", (event) => {
    if (!isWritten(event.target)) refresh();
  });
  form.addEventListener("submit", (event) => {
    if (isBusy || isSent) event.preventDefault();
    else isSent = true;
  });
  window.addEventListener("pageshow", () => {
    isSent = false;
    if (chosen() !== part("options").dataset.look) refresh(); // the browser has restored an earlier choice
  });
  tryLook();
})();
