// A card with what a thing stands for, beside it: the title and the sentence of a marker, the text of [data-hover].

const card = document.createElement("div");
card.id = "hover-card";
card.setAttribute("role", "tooltip");
card.hidden = true;
document.body.append(card);
let owner = null;

function text(element) {
  if (element.dataset.hover) return [element.dataset.hover, ""];
  const place = document.getElementById(element.hash.slice(1));
  const source = place?.closest("details.card");
  if (!source) return null;
  const marker = place.textContent;
  const sentence = place.closest("mark")?.textContent ?? "";
  return [source.querySelector("h3").textContent, sentence.startsWith(marker) ? sentence.slice(marker.length) : sentence];
}

function show(element) {
  const words = text(element);
  if (!words) return;
  owner = element;
  const title = document.createElement("b");
  title.textContent = words[0];
  const quote = document.createElement("span");
  quote.textContent = words[1] && (words[0] ? `“${words[1]}”` : words[1]);
  card.replaceChildren(title, quote);
  card.hidden = false;
  element.setAttribute("aria-describedby", card.id);
  const box = element.getBoundingClientRect();
  const left = Math.min(Math.max(8, box.left), innerWidth - card.offsetWidth - 8);
  const below = box.bottom + 6 + card.offsetHeight <= innerHeight;
  card.style.left = `${left}px`;
  card.style.top = `${below ? box.bottom + 6 : Math.max(8, box.top - 6 - card.offsetHeight)}px`;
}

function hide() {
  card.hidden = true;
  owner?.removeAttribute("aria-describedby");
  owner = null;
}

const NAMED = '#chat a.chip[href^="#"], [data-hover]';
for (const kind of ["pointerover", "focusin"]) {
  document.addEventListener(kind, (event) => {
    const element = event.target.closest?.(NAMED);
    if (element) show(element);
    else if (owner && !card.contains(event.target)) hide();
  });
}
document.addEventListener("focusout", hide);
document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
document.addEventListener("click", hide);
addEventListener("scroll", hide, true);
