// The rows of a list are sorted, filtered, ticked and given columns in place. What can be done with the list, below it,
// is done with the rows that are ticked, or with all that are seen where none is.

const words = (text) => text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");
const rowsOf = (list) => [...list.querySelectorAll("[data-row]")];

document.addEventListener("click", (event) => {
  const list = event.target.closest(".listing");
  const button = event.target.closest("[data-tick], [data-order], [data-drop]");
  if (!list || !button) return;
  if ("tick" in button.dataset) button.setAttribute("aria-pressed", String(button.ariaPressed !== "true"));
  else if (button.dataset.order) sort(list, button);
  else {
    for (const part of list.querySelectorAll(`[data-aspect="${CSS.escape(button.dataset.drop)}"]`)) part.remove();
    list.querySelector("[data-column] input").focus();
  }
  settle(list);
});

document.addEventListener("input", (event) => {
  const place = event.target.closest?.(".listing [data-filter]");
  if (!place) return;
  const list = place.closest(".listing");
  const wanted = words(event.target.value).split(/\s+/).filter(Boolean);
  for (const row of rowsOf(list)) row.hidden = !wanted.every((word) => fits(row, word));
  settle(list);
});

document.addEventListener("keydown", async (event) => {
  const place = event.target.closest?.(".listing [data-column]");
  const aspect = place && event.target.value.trim();
  if (event.key !== "Enter" || !aspect || event.isComposing) return;
  event.preventDefault();
  await add(place.closest(".listing"), aspect, event.target);
});

// "2019", "2019-2021", "2019-", or a word, or a beginning of one, of what stands in the row.
function fits(row, word) {
  const years = /^(\d{4})?(-)?(\d{4})?$/.exec(word);
  if (!years || !row.dataset.year) return words(row.textContent).includes(word);
  const [, first, dash, last] = years;
  return row.dataset.year >= (first ?? "0") && row.dataset.year <= (last ?? (dash ? "9999" : first));
}

function sort(list, button) {
  for (const other of list.querySelectorAll("[data-order]")) other.ariaPressed = String(other === button);
  const key = { rank: (d) => +d.rank, year: (d) => -d.year, title: (d) => words(d.title) }[button.dataset.order];
  const ordered = rowsOf(list).sort((a, b) => {
    const [one, other] = [key(a.dataset), key(b.dataset)];
    return one < other ? -1 : one > other ? 1 : a.dataset.rank - b.dataset.rank;
  });
  list.querySelector(".rows").append(...ordered);
}

async function add(list, aspect, field) {
  const told = list.querySelector(".told");
  told.textContent = "Reading …";
  const answer = await fetch(`${list.dataset.cells}?${new URLSearchParams({ aspect })}`);
  const text = await answer.text();
  told.textContent = answer.ok ? "" : text;
  if (!answer.ok) return;
  const cells = JSON.parse(text);
  for (const row of rowsOf(list)) {
    const cell = element("div", { className: "cell" }, aspect);
    cell.innerHTML = cells[row.dataset.row]?.[0] ?? ""; // The server has cleaned it.
    cell.prepend(element("b", { textContent: aspect }));
    row.append(cell);
  }
  const drop = element("button", { type: "button", className: "round", textContent: `${aspect} ✕` }, aspect);
  drop.dataset.drop = aspect;
  drop.ariaLabel = `Take the column ${aspect} away`;
  told.before(drop);
  field.value = "";
  settle(list);
}

function element(tag, properties, aspect) {
  const made = Object.assign(document.createElement(tag), properties);
  if (aspect) made.dataset.aspect = aspect;
  return made;
}

// What stands below the list is led to the rows that it is about now.
function settle(list) {
  const seen = rowsOf(list).filter((row) => !row.hidden && row.dataset.row);
  const ticked = seen.filter((row) => row.querySelector('[data-tick][aria-pressed="true"]'));
  const ids = (ticked.length ? ticked : seen).map((row) => row.dataset.row);
  const asked = [...ids.map((id) => ["id", id])];
  for (const drop of list.querySelectorAll("[data-drop]")) asked.push(["aspect", drop.dataset.drop]);
  const bar = list.closest("article").querySelector(".bar");
  for (const link of bar.querySelectorAll("a[download]")) link.search = new URLSearchParams(asked);
  const only = bar.querySelector('[data-act="choose-these"]');
  if (!only) return;
  only.dataset.value = ids.join(" ");
  only.textContent = `Ask only ${ids.length === 1 ? "this one" : `these ${ids.length}`}`;
}
