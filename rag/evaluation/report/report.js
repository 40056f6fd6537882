"use strict";
// Filters the items. All is there already: without this script the page shows everything.
const cards = Array.from(document.querySelectorAll("details.card"));
const byId = (id) => document.getElementById(id);
const controls = ["find", "outcome", "kind", "of-run"].map(byId);
const texts = new Map();

function textOf(card) {
  if (!texts.has(card)) texts.set(card, card.textContent.toLowerCase().replace(/\s+/g, " "));
  return texts.get(card);
}

function fits(card) {
  const [words, outcome, kind, run] = controls.map((c) => (c ? c.value : ""));
  if (kind && card.dataset.kind !== kind) return false;
  if (run && card.dataset.run !== run) return false;
  if (outcome === "!right" ? card.dataset.outcome === "right" : outcome && card.dataset.outcome !== outcome) return false;
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return wanted.length === 0 || wanted.every((word) => textOf(card).includes(word));
}

function filter() {
  let shown = 0;
  for (const card of cards) {
    card.hidden = !fits(card);
    if (!card.hidden) shown += 1;
  }
  byId("count").textContent = `${shown.toLocaleString("en")} of ${cards.length.toLocaleString("en")} shown`;
  byId("none").hidden = shown > 0;
}

// An address with "#r1-12" opens that item.
function open() {
  const card = byId(decodeURIComponent(location.hash.slice(1)));
  if (card && card.matches("details.card")) {
    card.hidden = false;
    card.open = true;
    card.scrollIntoView();
  }
}

let waiting = 0;
for (const control of controls.filter(Boolean)) {
  control.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, control.type === "search" ? 120 : 0);
  });
}
byId("unfold").addEventListener("click", () => cards.forEach((c) => { if (!c.hidden) c.open = true; }));
byId("fold").addEventListener("click", () => cards.forEach((c) => { c.open = false; }));
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    byId("find").focus();
  }
});
window.addEventListener("hashchange", open);
byId("filters").hidden = false;
filter();
open();
