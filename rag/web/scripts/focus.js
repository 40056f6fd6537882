// Where the focus goes when the server draws anew what it was on: to [data-focus], where that was not there before; to
// the box of the question, from a button that leads to it; else back to the button that was used, or, where that deleted
// something and is gone, to the one that brings it back. The skip link and the key "/" lead to that box from anywhere.

const TO_THE_QUESTION = ["ask-about", "ask-chosen", "edit", "keep"];
const UNDO = { forget: "#history .deleted button", "forget-all": "#history .deleted button", remove: "#papers-deleted button" };
const PATIENCE = 3000; // milliseconds
let used = null; // the button of ours that was used last
const seen = new Set(); // what of [data-focus] had the focus already

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  if (!button) return;
  const { act, value } = button.dataset;
  used = { act, value, place: button.closest(".block[id]")?.id, until: Date.now() + PATIENCE };
  if (TO_THE_QUESTION.includes(act)) reach("#question textarea", used.until);
});

// Something else than a button made the server draw what gets the focus.
export function awaitFocus() {
  used = { act: "", value: "", until: Date.now() + PATIENCE };
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("a.skip")) return;
  event.preventDefault();
  toTheQuestion();
});
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable=true]");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  toTheQuestion();
});

function toTheQuestion() {
  const box = document.querySelector("#question textarea");
  if (!box?.checkVisibility()) document.querySelector("#tabs [role=tab]")?.click(); // The chat is the first tab.
  reach("#question textarea", Date.now() + PATIENCE);
}

new MutationObserver(() => {
  if (!used || Date.now() > used.until) return;
  const wanted = [...document.querySelectorAll("[data-focus]")].find((element) => !seen.has(element.dataset.focus));
  if (wanted) {
    seen.add(wanted.dataset.focus);
    reach(`[data-focus="${CSS.escape(wanted.dataset.focus)}"]`, used.until);
  } else if (!document.activeElement || document.activeElement === document.body) {
    again()?.focus({ preventScroll: true });
  }
}).observe(document.body, { childList: true, subtree: true });

// The same button in what was drawn anew.
function again() {
  const place = document.getElementById(used.place) ?? document;
  const same = place.querySelector(`[data-act="${CSS.escape(used.act)}"][data-value="${CSS.escape(used.value)}"]`);
  return same ?? document.querySelector(UNDO[used.act] ?? ":not(*)");
}

// A tab may have to be shown first.
function reach(selector, until) {
  const element = document.querySelector(selector);
  if (element?.checkVisibility()) {
    element.focus({ preventScroll: true });
    element.scrollIntoView({ block: element.matches("mark") ? "center" : "nearest" });
  } else if (Date.now() < until) {
    requestAnimationFrame(() => reach(selector, until));
  }
}
