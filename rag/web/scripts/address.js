// The address names the conversation that is shown (?c=…), so that a reload shows it again; a question in the address
// (?q=…) is asked once, and goes from it then.

function follow() {
  const shown = document.querySelector("[data-conversation]");
  if (!shown) return;
  const address = new URL(location.href);
  const asked = address.searchParams.has("q");
  if (asked && !shown.dataset.conversation) return; // Its answer has not begun.
  address.searchParams.delete("q");
  if (shown.dataset.conversation) address.searchParams.set("c", shown.dataset.conversation);
  else address.searchParams.delete("c");
  if (address.href !== location.href) history.replaceState(history.state, "", address);
}

new MutationObserver(follow).observe(document.body, { childList: true, subtree: true, attributeFilter: ["data-conversation"] });
