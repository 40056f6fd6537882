// A marker leads to its sentence: its card opens, the sentence comes into view, and the focus goes there.

document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]');
  if (!link) return;
  const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
  if (!target) return;
  for (let card = target.closest("details"); card; card = card.parentElement?.closest("details")) card.open = true;
  const sentence = target.closest("mark") ?? target;
  sentence.tabIndex = -1;
  // After the browser has gone to the fragment, which :target needs.
  requestAnimationFrame(() => {
    sentence.focus({ preventScroll: true });
    sentence.scrollIntoView({ block: "center" });
  });
});
