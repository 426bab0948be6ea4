// A stale save: both texts side by side, a choice for each field that differs.

function spansText(spans) {
  return spans.map(([first, last]) => `${first}–${last}`).join(", ");
}

function shown(value) {
  return Array.isArray(value) ? spansText(value) : value;
}

const plain = (value) => JSON.stringify(typeof value === "string" ? value.trim() : (value ?? ""));

/**
 * Ask which text stands, field by field. `names` maps fields to what the page calls them; `base` is what both texts
 * started from, so a field only one side touched is chosen beforehand. Resolves to the merged content.
 */
export function compare(dialog, { mine, theirs, base, names }) {
  const rows = dialog.querySelector("[data-compare-rows]");
  const differing = Object.keys(names).filter((field) => plain(mine[field]) !== plain(theirs[field]));
  rows.replaceChildren(...differing.map((field) => row(field, names[field], mine[field], theirs[field], base?.[field])));
  return new Promise((resolve) => {
    const form = dialog.querySelector("form");
    const onCancel = (event) => event.preventDefault(); // Escape must not throw a text away
    dialog.addEventListener("cancel", onCancel);
    form.addEventListener(
      "submit",
      (event) => {
        event.preventDefault();
        dialog.removeEventListener("cancel", onCancel);
        dialog.close();
        const chosen = new FormData(form);
        resolve(Object.fromEntries(Object.keys(mine).map((field) => [field, chosen.get(`choice-${field}`) === "theirs" ? theirs[field] : mine[field]])));
      },
      { once: true },
    );
    dialog.showModal();
    dialog.querySelector("input:checked")?.focus();
  });
}

function row(field, name, mine, theirs, base) {
  const box = document.createElement("fieldset");
  box.className = "compare-row";
  const legend = document.createElement("legend");
  legend.textContent = name;
  box.append(legend);
  const onlyTheirs = base !== undefined && plain(mine) === plain(base);
  for (const [side, value, label] of [["mine", mine, gettext("In this window")], ["theirs", theirs, gettext("Saved in the other window")]]) {
    const choice = document.createElement("label");
    choice.className = "compare-choice";
    const radio = Object.assign(document.createElement("input"), { type: "radio", name: `choice-${field}`, value: side });
    radio.checked = side === (onlyTheirs ? "theirs" : "mine");
    radio.defaultChecked = radio.checked;
    const text = document.createElement("span");
    const head = Object.assign(document.createElement("span"), { className: "muted small", textContent: label });
    const body = Object.assign(document.createElement("span"), { className: "compare-text", textContent: shown(value) || gettext("(empty)") });
    text.append(head, body);
    choice.append(radio, text);
    box.append(choice);
  }
  return box;
}
