// Keeps the run page fresh: it names what it shows and gets only what has changed. Without JavaScript the page reloads.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const run = document.getElementById("imagery-progress");
  if (!run || !window.htmx) return;
  const EVERY = 2000, AFTER_FAILURE = 8000, COMPARED = 150, SPEAK_EVERY = 15000;
  const MOVING = ["queued", "processing", "publishing"];
  const note = (name, shown) => { document.getElementById(name).hidden = !shown; };
  let timer = 0, spoken = "", spokenAt = 0, ended = false;

  const isNear = (tile) => {
    const box = tile.getBoundingClientRect();
    return box.bottom > -innerHeight && box.top < 2 * innerHeight;
  };
  const tiles = () => [...run.querySelectorAll(".run-tile")];
  const moving = () => tiles().filter((tile) => MOVING.includes(tile.dataset.state));
  const isActive = () => run.dataset.active === "1" || moving().length > 0;

  const address = () => {
    const near = tiles().filter(isNear);
    const far = moving().filter((tile) => !near.includes(tile));
    const shown = [...near, ...far].slice(0, COMPARED);
    const query = new URLSearchParams(location.search);
    query.set("part", "live");
    query.set("parts", [...run.querySelectorAll("[data-version]")].map((part) => `${part.id.slice(4)}:${part.dataset.version}`));
    query.set("tiles", shown.map((tile) => `${tile.id.slice(5)}:${tile.dataset.state}`));
    return `${location.pathname}?${query}`;
  };

  const speak = () => {
    const summary = run.querySelector("[data-summary]");
    if (!summary) return;
    run.dataset.active = summary.dataset.active;
    const isLast = summary.dataset.active !== "1";
    if (summary.textContent !== spoken && (isLast || Date.now() - spokenAt > SPEAK_EVERY)) {
      document.getElementById("run-status").textContent = spoken = summary.textContent;
      spokenAt = Date.now();
    }
  };

  const later = (wait) => {
    clearTimeout(timer);
    if (!ended && !document.hidden && isActive()) timer = setTimeout(poll, wait);
  };

  const poll = async () => {
    clearTimeout(timer);
    if (ended || document.hidden) return;
    run.querySelectorAll('.run-more[hx-trigger="imagery:poll"]').forEach((more) => htmx.trigger(more, "imagery:poll"));
    await htmx.ajax("GET", address(), {source: run, target: run, swap: "none"}).catch(() => {});
  };

  document.body.addEventListener("htmx:beforeSwap", (event) => {
    const xhr = event.detail.xhr;
    if (!run.contains(event.detail.elt) || xhr.getResponseHeader("X-Imagery-Part")) return;
    event.detail.shouldSwap = false; // the login page, or an error: not a part of this page
    if (xhr.status < 500) {
      ended = true;
      note("imagery-logged-out", true);
    }
  });
  document.body.addEventListener("htmx:oobBeforeSwap", (event) => {
    const {target, fragment} = event.detail, active = document.activeElement;
    if (target.contains(active) && active.matches("input, textarea, select")) event.detail.shouldSwap = false;
    if (target.querySelector("details[open]")) fragment.querySelectorAll("details").forEach((one) => { one.open = true; });
  });
  document.body.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt !== run) return;
    const failed = event.detail.failed || !event.detail.successful;
    note("run-offline", failed && !ended);
    speak();
    later(failed ? AFTER_FAILURE : EVERY);
  });
  document.addEventListener("visibilitychange", () => { if (document.hidden) clearTimeout(timer); else if (isActive()) poll(); });
  spoken = run.querySelector("[data-summary]")?.textContent ?? "";
  spokenAt = Date.now();
  later(EVERY);
});
