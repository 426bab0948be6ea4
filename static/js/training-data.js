// A sample or a pair beside its clip: the player, frames to jump to, and a key for each decision.
import { ClipDesk } from "./review-clip.js";
import { bind } from "./shortcuts.js";

const find = (selector) => document.querySelector(selector);
const press = (selector) => () => (find(selector) ? void find(selector).click() : false);
const [edit, reject] = [find("#edit"), find("#reject")];

const actions = {
  "data.accept": press("[data-accept]"),
  "data.next": press("[data-next]"),
  "data.undo": press("[data-undo]"),
  "data.edit": () => open(edit),
  "data.reject": () => open(reject),
  "data.save": () => (edit?.open ? void edit.querySelector("[data-save]").click() : false),
};
for (const [index, button] of (reject?.querySelectorAll("[data-reason]") ?? []).entries()) {
  actions[`data.reason_${index + 1}`] = () => (reject.open ? void button.click() : false);
}

/** Open a part of the ruling, or close it again; the first thing to do in it has the focus. */
function open(part) {
  if (!part) return false;
  part.open = !part.open;
  for (const other of [edit, reject]) if (other && other !== part) other.open = false;
  if (part.open) (part.querySelector("#edit-answer") ?? part.querySelector("button")).focus();
  else part.querySelector("summary").focus();
}

for (const part of [edit, reject]) {
  part?.addEventListener("keydown", (event) => event.key === "Escape" && part.open && open(part));
}

for (const form of document.querySelectorAll("main form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault(); // a second press is not a second decision
    form.dataset.sent = "1";
  });
  addEventListener("pageshow", () => delete form.dataset.sent);
}

const desk = document.getElementById("desk");
if (desk) {
  const clip = new ClipDesk(desk);
  for (const button of document.querySelectorAll("[data-seek]")) {
    button.addEventListener("click", () => {
      clip.player.pause();
      clip.player.seekFrame(Number(button.dataset.seek));
    });
  }
  clip.player.play();
}
bind(actions);
