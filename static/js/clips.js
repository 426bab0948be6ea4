// The clip browser: scrubbing on hover, and choosing clips for bulk actions.
import { hoverscrub } from "./hoverscrub.js";

let last = null; // the box clicked last, for choosing a range with Shift

function boxes() {
  return [...document.querySelectorAll('#grid input[name="ids"]')];
}

function tally() {
  const bar = document.querySelector("#grid .bulk");
  if (!bar) return;
  const all = boxes();
  const chosen = all.filter((box) => box.checked).length;
  bar.classList.toggle("none-chosen", chosen === 0);
  bar.querySelector(".chosen-count").textContent = chosen
    ? interpolate(ngettext("%s clip chosen", "%s clips chosen", chosen), [chosen])
    : gettext("Choose clips to change them together.");
  for (const button of bar.querySelectorAll("button")) button.disabled = chosen === 0;
  const whole = bar.querySelector(".choose-all");
  whole.checked = chosen > 0 && chosen === all.length;
  whole.indeterminate = chosen > 0 && chosen < all.length;
}

document.addEventListener("click", (event) => {
  const box = event.target.closest('#grid input[name="ids"]');
  if (!box) return;
  if (event.shiftKey && last && last.isConnected) {
    const all = boxes();
    const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
    for (const between of all.slice(from, to + 1)) between.checked = box.checked;
  }
  last = box;
});
document.addEventListener("change", (event) => {
  if (event.target.matches("#grid .choose-all")) for (const box of boxes()) box.checked = event.target.checked;
  if (event.target.closest("#grid")) tally();
});

function begin(root) {
  hoverscrub(root);
  tally();
}
document.body.addEventListener("htmx:load", (event) => begin(event.target.parentElement ?? document));
begin(document);
