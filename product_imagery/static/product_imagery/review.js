// The review: comparison in large, keys, ticks by range. Decisions are the same forms as without script; htmx sends them.
"use strict";
(() => {
  const root = () => document.querySelector(".review");
  const stage = () => document.getElementById("review-stage");
  const memory = {mode: "slider", ground: "white", share: 50, under: false};
  let zooms = [];
  let blinking = 0;

  const dialog = () => document.getElementById("review-another");

  const say = (text, link, address) => {
    if (dialog()?.open) dialog().close(); // nothing else could be reached while it is open
    const toast = document.getElementById("review-toast") || root().appendChild(document.createElement("div"));
    toast.id = "review-toast";
    toast.className = "review-toast";
    toast.setAttribute("role", "status");
    toast.textContent = text;
    if (!link) return;
    const anchor = document.createElement("a");
    anchor.className = "pi-button";
    anchor.href = address;
    anchor.textContent = link;
    toast.append(" ", anchor);
  };

  // One picture in large

  const panes = () => {
    const under = memory.under && stage().querySelector("[data-side=now]") ? "now" : "before";
    return [stage().querySelector(`[data-side=${under}]`), stage().querySelector("[data-side=after]")];
  };

  const clip = () => {
    const [, after] = panes();
    const line = stage().querySelector(".review-line");
    line.hidden = memory.mode !== "slider";
    line.style.insetInlineStart = `${memory.share}%`;
    const hidden = document.documentElement.dir === "rtl" ? `inset(0 ${memory.share}% 0 0)` : `inset(0 0 0 ${memory.share}%)`;
    after.style.clipPath = memory.mode === "slider" ? hidden : "";
  };

  const show = () => {
    const view = stage().querySelector(".review-view");
    view.dataset.mode = memory.mode;
    view.dataset.ground = memory.ground;
    view.toggleAttribute("data-under", memory.under);
    view.querySelector(".review-slider").hidden = memory.mode !== "slider";
    stage().querySelectorAll("[data-mode]:is(button)").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.mode === memory.mode));
    });
    const under = stage().querySelector("button[data-under]");
    if (under) under.setAttribute("aria-pressed", String(memory.under));
    clearInterval(blinking);
    const [, after] = panes();
    after.style.opacity = "";
    if (memory.mode === "blink") {
      blinking = setInterval(() => { after.style.opacity = after.style.opacity === "0" ? "" : "0"; }, 800);
    }
    clip();
  };

  const loadFull = () => stage().querySelectorAll("img[data-full]").forEach((image) => {
    if (image.dataset.full) image.src = image.dataset.full;
    image.removeAttribute("data-full");
  });

  const startZoom = () => {
    if (!window.Panzoom) return;
    const elements = [...stage().querySelectorAll(".review-zoom")];
    zooms = elements.map((element) => window.Panzoom(element, {
      maxScale: 8, minScale: 1, panOnlyWhenZoomed: true, touchAction: "pan-y", cursor: "auto", step: 0.4,
    }));
    elements.forEach((element, at) => {
      element.addEventListener("panzoomchange", (event) => {
        const {scale, x, y} = event.detail;
        if (scale > 1) loadFull();
        zooms.forEach((zoom, other) => {
          if (other === at) return;
          zoom.zoom(scale, {silent: true, force: true});
          zoom.pan(x, y, {silent: true, force: true});
        });
        stage().querySelector("[data-zoom]").setAttribute("aria-pressed", String(scale > 1));
      });
      element.parentElement.addEventListener("wheel", (event) => {
        if (event.ctrlKey || zooms[at].getScale() > 1) zooms[at].zoomWithWheel(event);
      }, {passive: false});
      element.addEventListener("dblclick", toggleZoom);
    });
  };

  const toggleZoom = () => {
    if (!zooms.length) return;
    if (zooms[0].getScale() > 1) zooms.forEach((zoom) => zoom.reset({animate: false}));
    else zooms[zooms.length - 1].zoom(2.5, {animate: false});
  };

  const startStage = () => {
    clearInterval(blinking);
    zooms = [];
    history.replaceState(history.state, "", stage().dataset.address);
    if (!stage().querySelector(".review-view")) return;
    stage().querySelector(".review-tools").hidden = false;
    stage().querySelector(".review-ground select").value = memory.ground;
    const range = stage().querySelector(".review-slider input");
    range.value = memory.share;
    range.addEventListener("input", () => { memory.share = Number(range.value); clip(); });
    stage().querySelector(".review-ground select").addEventListener("change", (event) => {
      memory.ground = event.target.value;
      show();
    });
    show();
    startZoom();
    const next = stage().querySelector("[data-preload]");
    if (next) next.dataset.preload.trim().split(/\s+/).forEach((address) => { new Image().src = address; });
  };

  const toggleHelp = () => {
    const help = document.getElementById("review-help");
    if (!help) return;
    help.hidden = !help.hidden;
    stage().querySelector("[data-help]").setAttribute("aria-expanded", String(!help.hidden));
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button || !stage() || !stage().contains(button)) return;
    if (button.dataset.mode) memory.mode = button.dataset.mode;
    else if (button.hasAttribute("data-under")) memory.under = !memory.under;
    else if (button.hasAttribute("data-zoom")) return toggleZoom();
    else if (button.hasAttribute("data-help")) return toggleHelp();
    else return;
    show();
  });

  // Keys: each presses a button or follows a link that stands on the page.

  const isWriting = (element) => element.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=range])");
  const usesArrows = (element) => element.matches("input[type=range], input[type=radio]");
  const VIEWS = {s: "[data-mode=slider]", d: "[data-mode=side]", b: "[data-mode=blink]", n: "button[data-under]",
    z: "[data-zoom]", "?": "[data-help]"};

  document.addEventListener("keydown", (event) => {
    if (!root() || dialog()?.open || event.ctrlKey || event.metaKey || event.altKey || event.repeat && !event.key.startsWith("Arrow")) return;
    let key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.target.matches?.("input:not([type])") && key === "Enter") {
      event.preventDefault(); // a reason is sent by its own button, never by the first one of the form
      event.target.closest("details, .review-buttons")?.querySelector("button[name=reject]")?.click();
      return;
    }
    if (key === "Escape" && isWriting(event.target)) return event.target.blur();
    if (isWriting(event.target)) return;
    if (key.startsWith("Arrow") && usesArrows(event.target)) return;
    if (document.documentElement.dir === "rtl" && key.startsWith("Arrow")) {
      key = {ArrowLeft: "ArrowRight", ArrowRight: "ArrowLeft"}[key] || key;
    }
    if (key === "Enter") return; // presses what has the focus
    const scope = stage() || root();
    const found = scope.querySelector(`[data-key="${CSS.escape(key)}"]`) ||
      root().querySelector(`.review-toast [data-key="${CSS.escape(key)}"]`) ||
      (stage() && VIEWS[key] ? stage().querySelector(`.review-tools ${VIEWS[key]}, .review-tools button${VIEWS[key]}`) : null);
    if (!found) return;
    event.preventDefault();
    found.click();
  });

  // Ticks: counted, by range with Shift, and kept when one goes to the large view and comes back.

  const form = () => document.getElementById("review-form");
  const boxes = () => [...form().querySelectorAll("input[name=ticked]")];
  const place = () => `imagery-ticks ${location.pathname}`;
  let last = null;

  const count = () => {
    const label = document.getElementById("review-ticked");
    if (!form()) return;
    const ticked = boxes().filter((box) => box.checked);
    sessionStorage.setItem(place(), JSON.stringify(ticked.map((box) => box.value)));
    if (!label) return;
    const {some, none} = label.dataset;
    label.textContent = ticked.length ? some.replace("%s", ticked.length.toLocaleString(document.documentElement.lang)) : none;
    form().querySelectorAll("button[value=ticked]").forEach((button) => { button.disabled = !ticked.length; });
  };

  document.addEventListener("click", (event) => {
    const box = event.target;
    if (!box.matches?.("input[name=ticked]")) return;
    const all = boxes();
    if (event.shiftKey && last && all.includes(last)) {
      const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
      all.slice(from, to + 1).forEach((one) => { one.checked = box.checked; });
    }
    last = box;
    count();
  });

  const restoreTicks = () => {
    let kept = [];
    try { kept = JSON.parse(sessionStorage.getItem(place()) || "[]"); } catch { kept = []; }
    boxes().forEach((box) => { box.checked = box.checked || kept.includes(box.value); });
  };

  document.addEventListener("submit", (event) => {
    if (event.target === form() && ["ticked"].includes(event.submitter?.value)) sessionStorage.removeItem(place());
  });

  // “Make another” asks in a dialog. Escape closes it and gives the focus back, as the browser does for all dialogs.

  if (dialog()) {
    dialog().addEventListener("close", () => { dialog().replaceChildren(); });
    dialog().addEventListener("click", (event) => {
      if (!event.target.closest("[data-close]")) return;
      event.preventDefault();
      dialog().close();
    });
  }

  const showDialog = () => {
    if (dialog().open) return;
    dialog().showModal();
    dialog().querySelector("select, input:not([type=hidden])")?.focus();
  };

  // What comes back from the server

  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!root() || event.detail.xhr.getResponseHeader("X-Imagery-Part")) return;
    event.detail.shouldSwap = false; // a login page, or another page that is not ours
    const {loggedOut, logIn, loginPage, refused, reload} = root().dataset;
    const here = location.pathname + location.search;
    if (event.detail.xhr.status < 400) say(loggedOut, logIn, `${loginPage}?next=${encodeURIComponent(here)}`);
    else say(refused, reload, here);
  });
  document.addEventListener("htmx:sendError", () => { if (root()) say(root().dataset.lost); });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target === dialog()) return showDialog();
    if (dialog()?.open) dialog().close();
    if (event.target.id === "review-stage" || event.detail.elt?.id === "review-stage") {
      startStage();
      const isChoice = event.detail.requestConfig?.elt?.matches?.("input[type=radio]");
      const place = isChoice && stage().querySelector("input[type=radio]:checked");
      (place || stage().querySelector("h2, a"))?.focus({preventScroll: true});
    } else if (form()) {
      const tile = event.detail.elt;
      if (tile?.matches?.(".review-tile")) tile.focus({preventScroll: true});
      count();
    }
  });

  if (root()) root().dataset.script = "on";
  if (form()) { restoreTicks(); count(); }
  if (stage()) startStage();
})();
