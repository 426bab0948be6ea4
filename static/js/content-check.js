// The content check: a key for each judgement, marks for the cut.
import { ClipDesk } from "./review-clip.js";
import { bind } from "./shortcuts.js";

const desk = document.getElementById("desk");
const press = (action) => () => document.querySelector(`form [data-shortcut="${action}"]`)?.click() ?? undefined;
const actions = {};
for (const name of ["gameplay", "not_gameplay", "gives_away", "unusable", "next", "undo"]) actions[`check.${name}`] = press(`check.${name}`);

for (const form of document.querySelectorAll("main form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault(); // a second press is not a second judgement
    form.dataset.sent = "1";
  });
  addEventListener("pageshow", () => delete form.dataset.sent);
}

if (desk) {
  const clip = new ClipDesk(desk);
  const cut = document.getElementById("cut");
  const [first, last] = [cut.elements.first, cut.elements.last];
  const show = () => clip.timeline.setSpans([{ first: Number(first.value), last: Number(last.value), ok: Number(first.value) < Number(last.value) }]);
  const mark = (field) => async () => {
    field.value = await clip.player.settled();
    show();
  };
  Object.assign(actions, { "check.start": mark(first), "check.end": mark(last) });
  for (const action of ["check.start", "check.end"]) cut.querySelector(`[data-shortcut="${action}"]`).addEventListener("click", actions[action]);
  for (const field of [first, last]) field.addEventListener("change", show);
  clip.player.play();
}
bind(actions);
