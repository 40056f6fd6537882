// A screen reader tells what changes in these regions; they have to be known as such before it does. It calls these
// buttons of Gradio by names of ours: theirs is the name of a text where there is no translation of it.

const REGIONS = ["papers-count"];
const NAMES = { "#papers-files button.upload-container": "Choose files of papers, or drop them here" };

new MutationObserver(() => {
  for (const id of REGIONS) {
    const region = document.getElementById(id);
    if (region && !region.hasAttribute("aria-live")) region.setAttribute("aria-live", "polite");
  }
  // Gradio says the HTML of a message for its name; its text says more.
  for (const message of document.querySelectorAll("#chat [data-testid][aria-label]")) message.removeAttribute("aria-label");
  for (const [selector, name] of Object.entries(NAMES)) {
    const button = document.querySelector(selector);
    if (button && button.getAttribute("aria-label") !== name) button.setAttribute("aria-label", name);
  }
}).observe(document.body, { childList: true, subtree: true });
