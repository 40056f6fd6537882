// What is typed below [data-note] is kept on the server while one types: "ID TEXT", with the ends of lines of bridge.py.

import { act } from "./actions.js";

const PAUSE = 600; // milliseconds
let unsent = null;
let timer = 0;

function send() {
  clearTimeout(timer);
  if (unsent) act("note", `${unsent.closest("[data-note]").dataset.note} ${unsent.value.replace(/\n/g, "\u2424")}`);
  unsent = null;
}

document.addEventListener("input", (event) => {
  if (!event.target.closest?.("[data-note]")) return;
  unsent = event.target;
  clearTimeout(timer);
  timer = setTimeout(send, PAUSE);
});
document.addEventListener("focusout", send);
