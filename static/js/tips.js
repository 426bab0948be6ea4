// What stands behind a figure, beside it: by pointing, by the keyboard, and by a tap.
//
// `.tip` is a button with a title. Here the title becomes a box of its own that the pointer may enter, Escape closes and a
// touch opens. The figures of one table are one stop of the Tab key; arrows, Home and End go on from there.

const box = document.createElement("div");
box.id = "tip";
box.className = "tip-box";
box.setAttribute("role", "tooltip");
box.hidden = true;
document.body.append(box);

let anchor = null; // the figure whose box is open
let leaving = 0;

function place() {
  if (!anchor) return;
  const at = anchor.getBoundingClientRect();
  const { width, height } = box.getBoundingClientRect();
  const room = document.documentElement.clientWidth - width - 8;
  const above = at.top - height - 6;
  box.style.left = `${Math.max(8, Math.min(room, at.left + at.width / 2 - width / 2))}px`;
  box.style.top = `${above >= 8 ? above : at.bottom + 6}px`;
}

function show(button) {
  clearTimeout(leaving);
  if (anchor === button) return;
  hide();
  anchor = button;
  box.textContent = button.dataset.told;
  button.setAttribute("aria-describedby", box.id);
  box.hidden = false;
  place();
}

function hide() {
  clearTimeout(leaving);
  anchor?.removeAttribute("aria-describedby");
  anchor = null;
  box.hidden = true;
}

/** The pointer may go from the figure to its box and back. */
function leave() {
  clearTimeout(leaving);
  leaving = setTimeout(() => document.activeElement !== anchor && hide(), 150);
}

function prepare(root) {
  for (const button of root.querySelectorAll(".tip[title]")) {
    button.dataset.told = button.title;
    button.removeAttribute("title");
  }
  for (const table of root.querySelectorAll("table:has(.tip)")) {
    const all = [...table.querySelectorAll(".tip")];
    for (const button of all) button.tabIndex = button === all[0] ? 0 : -1;
  }
}

/** The figure that an arrow leads to from this one, or undefined at the edge. */
function next(button, key) {
  const cell = button.closest("td");
  const inRow = [...cell.parentElement.querySelectorAll(".tip")];
  const at = inRow.indexOf(button);
  if (key === "ArrowRight") return inRow[at + 1];
  if (key === "ArrowLeft") return inRow[at - 1];
  if (key === "Home") return inRow[0];
  if (key === "End") return inRow.at(-1);
  const way = key === "ArrowDown" ? "nextElementSibling" : "previousElementSibling";
  for (let row = cell.parentElement[way]; row; row = row[way]) {
    const found = row.cells[cell.cellIndex]?.querySelector(".tip");
    if (found) return found;
  }
}

const tipOf = (event) => event.target.closest?.(".tip[data-told]");

document.addEventListener("pointerover", (event) => {
  if (event.pointerType === "touch") return; // a tap is a click
  const button = tipOf(event);
  if (button) show(button);
  else if (event.target === box) clearTimeout(leaving);
  else if (anchor) leave();
});
document.addEventListener("focusin", (event) => {
  const button = tipOf(event);
  if (button?.matches(":focus-visible")) show(button);
});
document.addEventListener("focusout", (event) => tipOf(event) && hide());

let wasOpen = null;
document.addEventListener("pointerdown", (event) => {
  wasOpen = event.pointerType === "touch" ? anchor : null;
  if (anchor && event.target !== box && tipOf(event) !== anchor) hide();
});
document.addEventListener("click", (event) => {
  const button = tipOf(event);
  if (!button) return;
  if (wasOpen === button) hide();
  else show(button);
  wasOpen = null;
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
  if (event.key === "Escape" && anchor) hide();
  else if (["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown", "Home", "End"].includes(event.key) && tipOf(event)) {
    const from = tipOf(event);
    const to = next(from, event.key);
    if (to) {
      from.tabIndex = -1;
      to.tabIndex = 0;
      to.focus();
    }
  } else return;
  event.preventDefault();
  event.stopPropagation();
}, true);
addEventListener("scroll", place, { capture: true, passive: true });
addEventListener("resize", place);
document.body.addEventListener("htmx:load", (event) => prepare(event.target));
prepare(document);
