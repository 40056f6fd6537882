// "Rename" turns the title of a conversation into a field: Enter keeps what is written there, Escape leaves it.

import { act } from "./actions.js";

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-rename]");
  if (!button) return;
  button.closest("details.menu").removeAttribute("open");
  const title = button.closest("li").querySelector("button.past");
  const field = document.createElement("input");
  field.value = title.textContent;
  field.maxLength = 60;
  field.setAttribute("aria-label", "New title");
  title.hidden = true;
  title.before(field);
  field.focus();
  field.select();
  const leave = () => {
    title.hidden = false;
    if (document.activeElement === field) title.focus(); // Which makes the field go.
    else field.remove();
  };
  field.addEventListener("blur", leave, { once: true });
  field.addEventListener("keydown", (pressed) => {
    if (pressed.key !== "Enter" && pressed.key !== "Escape") return;
    pressed.preventDefault(); // Or the title, which gets the focus, is pressed.
    if (pressed.key === "Enter" && field.value.trim()) act("rename", `${button.dataset.rename} ${field.value.trim()}`);
    leave();
  });
});
