// span.field becomes a field to type into, see bridge.py; it is labelled, and holds the value that came with it.

const LINE_END = /\u2424/g;

function fill() {
  for (const place of document.querySelectorAll("span.field:empty")) {
    const { label, placeholder, value, lines, most } = place.dataset;
    const field = document.createElement(lines > 1 ? "textarea" : "input");
    Object.assign(field, { placeholder, maxLength: most, value: value.replace(LINE_END, "\n"), autocomplete: "off" });
    if (lines > 1) field.rows = lines;
    field.setAttribute("aria-label", label);
    place.append(field);
  }
}

new MutationObserver(fill).observe(document.body, { childList: true, subtree: true });
