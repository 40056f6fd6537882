// [data-copy] puts its text on the clipboard, and says so.

const LINE_END = /\u2424/g; // see bridge.py

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = button.dataset.copy.replace(LINE_END, "\n");
  const copied = (await onClipboard(text)) || byCommand(text);
  label(button, copied ? "Copied" : "Not copied");
});

async function onClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // Not there without https, or not allowed.
  }
}

function byCommand(text) {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "spoken";
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  return copied;
}

function label(button, words) {
  const before = (button.dataset.words ??= button.textContent);
  button.textContent = words;
  button.setAttribute("aria-live", "polite");
  setTimeout(() => { button.textContent = before; }, 1500);
}
