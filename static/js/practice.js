// The practice desk: the form and the marks of the writing desk, sent once and compared with the truth.

import { ClipDesk } from "./review-clip.js";
import { bind, decorate, isTyping } from "./shortcuts.js";
import { postJson, toast } from "./studio.js";
import { Form } from "./write/form.js";
import { Marks } from "./write/marks.js";

const desk = document.getElementById("desk");
const form = new Form(desk, { optionLimit: Number(desk.dataset.optionLimit) });
const marks = new Marks(desk.querySelector("#spans"), { onProblem: (text) => toast(text, { bad: true }) });
const clip = new ClipDesk(desk, {
  timeline: {
    onEdge: (index, edge, frame, finished) => marks.setEdge(index, edge, frame, finished),
    onSelect: (index) => marks.select(index),
  },
});
let busy = false;

marks.addEventListener("draw", () => clip.timeline.setSpans(marks.spans, { pending: marks.open?.frame ?? null, selected: marks.selected }));
marks.addEventListener("select", () => clip.timeline.select(marks.selected));
marks.addEventListener("change", () => form.clearError("spans"));
form.write({});
marks.load([], clip.player);
desk.querySelector("#loop").hidden = false;

async function send(body) {
  if (busy) return;
  busy = true;
  const reply = await postJson(desk.dataset.url, body).catch(() => null);
  busy = false;
  if (!reply) return toast(gettext("No connection to the server. What you typed is still here; send again in a moment."), { bad: true });
  if (reply.status === 200) return location.assign(reply.data.next);
  form.showErrors(reply.data.errors ?? {});
  toast(reply.data.error?.message ?? gettext("That did not work. Reload the page and try again."), { bad: true });
}

function submit() {
  const problem = marks.open
    ? gettext("One mark is still open: mark its other end, or press Escape.")
    : marks.unconfirmed && gettext("A mark is not confirmed: move it once more, or delete it.");
  if (problem) return form.showErrors({ spans: problem });
  return send({ content: { ...form.read(), spans: marks.value() } });
}

const actions = {
  "write.mark_start": () => void marks.mark(0),
  "write.mark_end": () => void marks.mark(1),
  "write.form": () => form.focusFirstEmpty(),
  "write.submit": () => void submit(),
  "player.loop": () => {
    clip.player.loop(clip.player.span ? null : marks.toLoop());
    if (clip.player.span) clip.player.play();
  },
};
bind(actions);
for (const button of desk.querySelectorAll("button[data-shortcut^='write.']")) {
  button.addEventListener("click", () => actions[button.dataset.shortcut]?.());
}
desk.querySelector("#loop").addEventListener("click", actions["player.loop"]);
desk.querySelector("#nothing").addEventListener("click", () => send({ nothing: true }));
desk.querySelector("form.desk-form").addEventListener("submit", (event) => event.preventDefault());
desk.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented && !isTyping(event.target)) marks.cancelOpen();
});
decorate(desk);
