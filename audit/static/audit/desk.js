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
    if (id.closest("#result_list, td, a, h3")) continue;
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

// What is marked as live is fetched again, unless somebody stopped that, does not look, or is writing in it.
function keepLive(part) {
  const bar = document.createElement("p");
  const stop = document.createElement("button");
  const told = document.createElement("span");
  const everyMs = 1000 * Number(part.dataset.liveS);
  let isStopped = false;
  let failures = 0;
  const say = () => { stop.textContent = isStopped ? "Go on updating" : "Stop updating"; };
  const isInUse = () => part.contains(document.activeElement) ||
    [...part.querySelectorAll("input, textarea")].some((field) => field.value !== field.defaultValue);
  stop.type = "button";
  stop.className = "live";
  stop.addEventListener("click", () => { isStopped = !isStopped; say(); });
  told.setAttribute("role", "status");
  bar.className = "live-bar";
  bar.append(stop, told);
  part.after(bar);
  say();

  // Whether to ask again. What failed twice is said: a page that stands still must not look well.
  async function update() {
    if (isStopped || document.hidden || isInUse()) return true;
    let fresh = null;
    try {
      const answer = await fetch(location.href, {
        credentials: "same-origin", redirect: "error", signal: AbortSignal.timeout(10000),
      });
      if (answer.ok) fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(part.id);
    } catch { /* told below */ }
    if (!fresh) {
      failures += 1;
      if (failures === 2) told.textContent = ` Not updated since ${new Date().toISOString().slice(11, 19)} UTC: load the page again.`;
      return failures < 30;
    }
    failures = 0;
    told.textContent = "";
    if (isStopped || isInUse()) return true;
    part.replaceChildren(...fresh.childNodes);
    part.className = fresh.className;
    offerCopies(part);
    if (fresh.dataset.liveS) return true;
    bar.remove();
    return false;
  }

  (async () => {
    do await new Promise((resolve) => { setTimeout(resolve, everyMs); });
    while (await update());
  })();
}

// What is wider than a phone is scrolled by keyboard too.
for (const wide of document.querySelectorAll(".results, .rows")) {
  if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
}

offerCopies(document);
document.querySelectorAll("[data-live-s]").forEach(keepLive);
