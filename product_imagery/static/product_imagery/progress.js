// Updates the progress page in place. Without JavaScript the page reloads itself.
"use strict";
(() => {
  const refresh = async () => {
    const region = document.getElementById("imagery-progress");
    if (!region || region.dataset.active !== "1") return;
    try {
      const answer = await fetch(location.href, {credentials: "same-origin"});
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("imagery-progress");
      if (fresh && !region.contains(document.activeElement)) region.replaceWith(fresh);
    } catch {
      // The next round tries again.
    }
    setTimeout(refresh, 2000);
  };
  setTimeout(refresh, 2000);
})();
