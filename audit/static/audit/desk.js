"use strict";
/* Small comforts; every page does its work without them. */

const WRITES_IN = "input, textarea, select, [contenteditable]";

// "/" jumps to the search.
document.addEventListener("keydown", (event) => {
  const search = document.querySelector("[data-search]");
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
  if (event.key === "/" && isPlain && search && !event.target.closest(WRITES_IN)) {
    event.preventDefault();
    search.focus();
    search.select();
  }
});

// One click takes an id along, whole. In lists it would be noise: there the id leads to its page.
function offerCopies(within) {
  if (!navigator.clipboard) return; // only where the page came over https, or from this machine
  for (const id of within.querySelectorAll("code.id")) {
    if (id.closest("#result_list, td")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "copy";
    button.setAttribute("aria-label", "Copy this id");
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(id.title || id.textContent);
      button.textContent = "copied";
      setTimeout(() => { button.textContent = "copy"; }, 2000);
    });
    id.after(button);
  }
}

// What is marked as live is fetched again, unless somebody stopped that or does not look.
function keepLive(part) {
  const stop = document.createElement("button");
  let isStopped = false;
  const say = () => { stop.textContent = isStopped ? "Go on updating" : "Stop updating"; };
  stop.type = "button";
  stop.className = "live";
  stop.addEventListener("click", () => { isStopped = !isStopped; say(); });
  say();
  part.after(stop);
  const timer = setInterval(async () => {
    if (isStopped || document.hidden || part.contains(document.activeElement)) return;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin", redirect: "error" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = answer.ok && page.getElementById(part.id);
      if (!fresh) return;
      part.replaceChildren(...fresh.childNodes);
      part.className = fresh.className;
      offerCopies(part);
      if (!fresh.dataset.liveS) { clearInterval(timer); stop.remove(); }
    } catch { /* the next try may reach it */ }
  }, 1000 * Number(part.dataset.liveS));
}

offerCopies(document);
document.querySelectorAll("[data-live-s]").forEach(keepLive);
