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
    keep(list);
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
  const list = place.closest(".listing");
  if (!(await add(list, aspect))) return;
  event.target.value = "";
  keep(list);
});

// The columns of a list are kept in this browser, and come back when the list is drawn anew, as after a reload.
const KEPT = "paper-rag-columns";
const MOST = 100; // lists
const columns = (list) => [...list.querySelectorAll("[data-drop]")].map((button) => button.dataset.drop);
const kept = () => JSON.parse(localStorage.getItem(KEPT) ?? "[]"); // of each list its address and its columns

function keep(list) {
  const others = kept().filter(([address]) => address !== list.dataset.cells);
  const own = columns(list).length ? [[list.dataset.cells, columns(list)]] : [];
  localStorage.setItem(KEPT, JSON.stringify([...others, ...own].slice(-MOST)));
}

async function restore(list) {
  list.restored = true;
  for (const aspect of new Map(kept()).get(list.dataset.cells) ?? []) await add(list, aspect);
}

new MutationObserver(() => {
  for (const list of document.querySelectorAll(".listing[data-cells]")) if (!list.restored) restore(list);
}).observe(document.body, { childList: true, subtree: true });

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

async function add(list, aspect) {
  const told = list.querySelector(".told");
  told.textContent = "Reading …";
  const answer = await fetch(`${list.dataset.cells}?${new URLSearchParams({ aspect })}`);
  const text = await answer.text();
  told.textContent = answer.ok ? "" : text;
  if (!answer.ok) return false;
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
  settle(list);
  return true;
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
  const asked = [...ids.map((id) => ["id", id]), ...columns(list).map((aspect) => ["aspect", aspect])];
  const bar = list.closest("article").querySelector(".bar");
  for (const link of bar.querySelectorAll("a[download]")) link.search = new URLSearchParams(asked);
  const only = bar.querySelector('[data-act="choose-these"]');
  if (!only) return;
  only.dataset.value = ids.join(" ");
  only.textContent = `Ask only ${ids.length === 1 ? "this one" : `these ${ids.length}`}`;
}
