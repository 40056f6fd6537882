// A click on [data-act] puts its value into the hidden field of that action, which calls the server (see bridge.py).
// Where the value is to be typed, as in a search, Gradio's own fields do.

let count = 0;

export function act(name, value) {
  const field = document.querySelector(`#act-${CSS.escape(name)} :is(textarea, input)`);
  if (!field) return;
  count += 1;
  field.value = `${value}@${Date.now()}.${count}`;
  // Gradio takes the value over at the one event, and submits it at the other.
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.dispatchEvent(new KeyboardEvent("keypress", { key: "Enter", bubbles: true, cancelable: true }));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  if (!button) return;
  event.preventDefault();
  const value = button.dataset.value ?? "";
  act(button.dataset.act, button.classList.contains("thumb") ? pressed(button, value) : value);
  // What was opened to be chosen from has done its work.
  button.closest("details.menu")?.removeAttribute("open");
  button.closest("nav")?.querySelector("[data-toggle]")?.setAttribute("aria-expanded", "false");
});

// A thumb stays pressed until the other is, or until it is clicked again, which takes the rating back ("3 none").
function pressed(button, value) {
  const back = button.getAttribute("aria-pressed") === "true";
  for (const other of button.parentElement.querySelectorAll(".thumb")) other.setAttribute("aria-pressed", "false");
  button.setAttribute("aria-pressed", String(!back));
  return back ? value.replace(/ .*/, " none") : value;
}

document.addEventListener("click", (event) => {
  const toggle = event.target.closest("[data-toggle]");
  if (!toggle) return;
  toggle.setAttribute("aria-expanded", String(toggle.getAttribute("aria-expanded") !== "true"));
});

// A menu closes when one clicks elsewhere, on one of its links, or presses Escape.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target) || event.target.closest("a")) menu.removeAttribute("open");
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.activeElement?.closest("details.menu[open]");
  if (!menu) return;
  menu.removeAttribute("open");
  menu.querySelector("summary").focus();
});
