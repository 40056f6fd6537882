// The map: its colours stand for groups or for years, and a line that is drawn around points asks for their papers.

import { act } from "./actions.js";
import { awaitFocus } from "./focus.js";

const FAR = 6; // pixels that a pointer moves before it draws: less is a click
let drawing = null; // { map, line, places }

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-colours]");
  if (!button) return;
  for (const other of button.parentElement.querySelectorAll("[data-colours]")) other.ariaPressed = String(other === button);
  button.closest(".mapped").classList.toggle("by-year", button.dataset.colours === "by-year");
});

// A finger scrolls the page: it draws nothing. The lists of the groups choose papers as well.
document.addEventListener("pointerdown", (event) => {
  const map = event.target.closest?.("svg.map");
  if (map && event.button === 0 && event.pointerType !== "touch") drawing = { map, line: null, places: [[event.clientX, event.clientY]] };
});

document.addEventListener("pointermove", (event) => {
  if (!drawing) return;
  const { map, places } = drawing;
  const [x, y] = places[0];
  if (!drawing.line && Math.hypot(event.clientX - x, event.clientY - y) < FAR) return;
  drawing.line ??= map.appendChild(document.createElementNS(map.namespaceURI, "polygon"));
  drawing.line.setAttribute("class", "line");
  places.push([event.clientX, event.clientY]);
  const inverse = map.getScreenCTM().inverse();
  drawing.line.setAttribute("points", places.map((p) => new DOMPoint(...p).matrixTransform(inverse)).map((p) => `${p.x},${p.y}`).join(" "));
  event.preventDefault();
});

document.addEventListener("pointerup", () => {
  const drawn = drawing;
  drawing = null;
  if (!drawn?.line) return;
  const inside = [...drawn.map.querySelectorAll("[data-act]")].filter((point) => {
    const box = point.getBoundingClientRect();
    return within(box.left + box.width / 2, box.top + box.height / 2, drawn.places);
  });
  drawn.line.remove();
  const swallow = (event) => event.stopPropagation();
  addEventListener("click", swallow, true); // The end of the line is none.
  setTimeout(() => {
    removeEventListener("click", swallow, true);
    awaitFocus();
    act("map-inside", inside.map((point) => point.dataset.value).join(" "));
  });
});

// Whether a place is inside a polygon: a ray from it crosses the edge an odd number of times.
function within(x, y, places) {
  let odd = false;
  for (let i = 0, j = places.length - 1; i < places.length; j = i++) {
    const [[ax, ay], [bx, by]] = [places[i], places[j]];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
  }
  return odd;
}
