// A screen reader tells what changes in these regions; they have to be known as such before it does.

const REGIONS = ["papers-count"];

new MutationObserver(() => {
  for (const id of REGIONS) {
    const region = document.getElementById(id);
    if (region && !region.hasAttribute("aria-live")) region.setAttribute("aria-live", "polite");
  }
}).observe(document.body, { childList: true, subtree: true });
