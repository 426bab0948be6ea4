// The desk: one piece of work at a time, the next one already loading behind it.

import { Player } from "../player.js";
import { bind, decorate, isTyping } from "../shortcuts.js";
import { postJson, toast } from "../studio.js";
import { Timeline } from "../timeline.js";
import { compare } from "./compare.js";
import { Form } from "./form.js";
import { Marks } from "./marks.js";
import { Saver, sameContent } from "./saver.js";
import { Status } from "./status.js";

const desk = document.getElementById("desk");
const $ = (selector) => desk.querySelector(selector);
const { user, next: nextUrl, home } = desk.dataset;
const form = new Form(desk, { optionLimit: Number(desk.dataset.optionLimit) });
const marks = new Marks($("#spans"), { onProblem: (text) => toast(text, { bad: true }) });
const status = new Status(desk, { onRenew: () => saver?.flush({ force: true }) });

let piece = null;
let player = null;
let timeline = null;
let saver = null;
let busy = false;
let ahead = null; // {clip, url, video}: the next clip, loading
let undone = [];
let done = [];
const declined = []; // clips put back or set aside here: others first

const content = () => ({ ...form.read(), spans: marks.value() });

function load(next) {
  player?.destroy();
  timeline?.destroy();
  saver?.close();
  status.clear();
  piece = next;
  done = [];
  undone = [];
  const { clip } = piece;
  const video = putVideo(clip);
  player = new Player(video, { fpsNum: clip.fps_num, fpsDen: clip.fps_den, frameCount: clip.frame_count });
  timeline = new Timeline($("#timeline"), player, {
    strip: { url: clip.media.filmstrip, tiles: clip.tiles, columns: clip.columns },
    onEdge: (index, edge, frame, finished) => marks.setEdge(index, edge, frame, finished),
    onSelect: (index) => marks.select(index),
  });
  player.addEventListener("frame", showFrame);
  player.addEventListener("state", showState);
  form.write(piece.content ?? {});
  form.showRemarks(piece.remarks);
  marks.load(piece.content?.spans ?? [], player);
  showHead(clip);
  saver = new Saver(piece, { user, read: content });
  const current = saver;
  saver.addEventListener("status", (event) => status.show(event.detail));
  saver.addEventListener("lease", (event) => status.lease(event.detail));
  saver.addEventListener("invalid", (event) => form.showErrors(event.detail));
  saver.addEventListener("stale", (event) => settle(current, event.detail));
  status.lease(piece.lease_s);
  if (piece.saved_at) status.show({ state: "saved", at: new Date(piece.saved_at) });
  offerLocalCopy();
  showFrame();
  showState();
  $("#stage").focus({ preventScroll: true });
  desk.dataset.clip = clip.id; // the piece is complete: tests and styles wait for it
}

function putVideo(clip) {
  const video = ahead?.url === clip.media.proxy ? ahead.video : document.createElement("video");
  if (video !== ahead?.video) Object.assign(video, { preload: "auto", playsInline: true, src: clip.media.proxy });
  ahead?.video !== video && ahead?.video.removeAttribute("src");
  ahead = null;
  video.id = "video";
  video.hidden = false;
  video.poster = clip.media.poster;
  video.setAttribute("aria-label", clip.name);
  $("#video").replaceWith(video);
  $("#stage-note").hidden = true;
  video.addEventListener("error", () => {
    $("#stage-note").textContent = gettext("This video does not play here. Reload the page; if it stays so, report the clip.");
    $("#stage-note").hidden = false;
  });
  video.addEventListener("canplaythrough", prepareNext, { once: true });
  if (video.readyState >= 4) prepareNext();
  return video;
}

function showHead(clip) {
  $("#clip-name").textContent = clip.name;
  $("#clip-name").href = clip.url;
  $("#clip-name").title = clip.story || clip.name;
  $("#returned").hidden = !piece.returned;
  $("#mute").hidden = !clip.has_audio;
  document.title = `${clip.name} · PhysGame Studio`;
}

/** Reserve the one piece of work behind this one, and let its video load. */
async function prepareNext() {
  const { urls } = piece;
  const { status: code, data } = await postJson(urls.prepare, { skip: declined }).catch(() => ({}));
  if (code !== 200 || !data.clip || urls !== piece.urls || ahead?.clip === data.clip) return;
  const video = Object.assign(document.createElement("video"), { preload: "auto", playsInline: true, hidden: true, src: data.media.proxy });
  for (const kind of ["poster", "filmstrip"]) new Image().src = data.media[kind];
  $("#ahead").replaceChildren(video);
  ahead = { clip: data.clip, url: data.media.proxy, video };
  desk.dataset.ahead = data.clip;
}

function showFrame() {
  const { frame, confirmed, frameCount, fps } = player;
  $("#frame").textContent = `${frame} / ${frameCount - 1}`;
  $("#frame-time").textContent = `${(frame / fps).toFixed(2)} s`;
  $("#frame-box").classList.toggle("unconfirmed", !confirmed);
  $("#frame-box").title = confirmed ? gettext("The browser shows this frame.") : gettext("Waiting for the browser to show this frame.");
}

function showState() {
  const running = player.playing || player.reverse > 0;
  $("#play").classList.toggle("playing", running);
  $("#play").setAttribute("aria-pressed", String(running));
  $("#rate").value = player.reverse ? `−${player.reverse}×` : `${player.rate}×`;
  $("#loop").setAttribute("aria-pressed", String(Boolean(player.span)));
  $("#mute").setAttribute("aria-pressed", String(player.video.muted));
}

function offerLocalCopy() {
  const copy = saver.newerLocalCopy();
  if (!copy) return;
  const at = new Date(copy.at).toLocaleTimeString(document.documentElement.lang);
  status.ask("restore", interpolate(gettext("This browser holds a newer text, from %s."), [at]), [
    { label: gettext("Restore it"), run: () => restore(copy.content) },
    { label: gettext("Leave it"), run: () => saver.dropLocalCopy() },
  ]);
}

function restore(kept) {
  form.write(kept);
  marks.put((kept.spans ?? []).map(([first, last]) => ({ first, last, ok: true })));
  saver.touch();
}

/** A stale save: both texts side by side; what is chosen becomes the text of this window. */
async function settle(current, { stored, version, base }) {
  const mine = content();
  if (sameContent(mine, stored)) return current.resume(stored, version);
  const names = { ...form.names, spans: gettext("Glitch spans"), sub_label: gettext("Kind of glitch") };
  const merged = await compare(document.getElementById("compare"), { mine, theirs: stored, base, names });
  if (current !== saver) return;
  form.write(merged);
  marks.put(merged.spans.map(([first, last]) => ({ first, last, ok: true })));
  status.clear();
  await current.resume(stored, version);
  if (!current.dirty) status.show({ state: "saved", at: new Date() });
}

async function submit() {
  if (busy) return;
  const problem = marks.open
    ? gettext("One mark is still open: mark its other end, or press Escape.")
    : marks.unconfirmed && gettext("A mark is not confirmed: move it once more, or delete it.");
  if (problem) return form.showErrors({ spans: problem });
  setBusy(true);
  try {
    const { status: code, data } = await saver.submit();
    if (code === 200) {
      toast(interpolate(gettext("Question %s is submitted."), [data.question]));
      await take({});
    } else if (code === 422) {
      form.showErrors(data.errors ?? {});
      toast(data.error.message, { bad: true });
    } else if (data.error?.code === "stale") saver.stale(data);
    else if (code === 401 || code === 403) status.show({ state: "signed_out" });
    else status.show({ state: "refused", message: data.error?.message ?? gettext("The server could not take it. Your text is kept; submit again.") });
  } catch {
    status.show({ state: "unsent" });
  } finally {
    setBusy(false);
  }
}

function setBusy(on) {
  busy = on;
  // aria-disabled keeps the focus where it is; a disabled button would lose it.
  $("#submit").setAttribute("aria-disabled", String(on));
}

/** Take the next piece onto the desk without loading a page. */
async function take(body) {
  let reply;
  try {
    reply = await postJson(nextUrl, { ...body, skip: declined });
  } catch {
    reply = { status: 0, data: {} };
  }
  if (reply.status !== 200) {
    const text = reply.data.error?.message ?? gettext("The next clip could not be fetched.");
    return status.ask("next", text, [{ label: gettext("Try again"), run: () => take(body) }]);
  }
  if (!reply.data.piece) return location.assign(`${home}?empty`);
  history.pushState({}, "", reply.data.piece.urls.clip);
  load(reply.data.piece);
}

async function putBack() {
  if (busy) return;
  setBusy(true);
  try {
    await saver.flush();
    const { id } = piece.clip;
    declined.push(id);
    await take({ put_back: id });
  } finally {
    setBusy(false);
  }
}

const aside = document.getElementById("aside");
aside.querySelector("form").addEventListener("submit", async (event) => {
  if (event.submitter?.value === "cancel") return;
  event.preventDefault();
  const chosen = new FormData(event.target);
  const line = aside.querySelector(".error");
  line.hidden = true;
  const { id } = piece.clip;
  const { status: code, data } = await postJson(piece.urls.aside, { content: chosen.get("content"), reason: chosen.get("reason") }).catch(() => ({ data: {} }));
  if (code === 200) {
    aside.close();
    event.target.reset();
    toast(gettext("The clip is set aside. Thank you."));
    declined.push(id);
    return take({});
  }
  const errors = Object.values(data.errors ?? {});
  line.textContent = errors.length ? errors.join(" ") : (data.error?.message ?? gettext("No connection to the server."));
  line.hidden = false;
});

function remember(entry) {
  done.push(entry);
  if (done.length > 100) done.shift();
  undone = [];
}

function apply({ kind, state }) {
  if (kind === "spans") {
    marks.put(state);
    saver.touch();
  } else form.restoreChoices(state);
}

function swap(from, to, empty) {
  if (from === done && marks.cancelOpen()) return;
  const entry = from.pop();
  if (!entry) return toast(empty, { ms: 2000 });
  to.push({ kind: entry.kind, state: entry.kind === "spans" ? marks.snapshot() : form.choices() });
  apply(entry);
}

form.addEventListener("choice", (event) => remember({ kind: "choices", state: event.detail.before }));
form.addEventListener("input", () => saver.touch());
marks.addEventListener("change", (event) => {
  remember({ kind: "spans", state: event.detail.before });
  form.clearError("spans");
  if (player.span) player.loop(marks.toLoop());
  saver.touch();
});
marks.addEventListener("select", () => timeline?.select(marks.selected));
marks.addEventListener("draw", () => timeline?.setSpans(marks.spans, { pending: marks.open?.frame ?? null, selected: marks.selected }));

const actions = {
  "player.toggle": () => player.toggle(),
  "player.backward": () => player.backward(),
  "player.pause": () => player.pause(),
  "player.forward": () => player.forward(),
  "player.prev": () => player.step(-1),
  "player.next": () => player.step(1),
  "player.prev10": () => player.step(-10),
  "player.next10": () => player.step(10),
  "player.slower": () => player.slower(),
  "player.faster": () => player.faster(),
  "player.loop": () => {
    player.loop(player.span ? null : marks.toLoop());
    if (player.span) player.play();
  },
  "player.first": () => player.step(-player.frameCount),
  "player.last": () => player.step(player.frameCount),
  "player.mute": () => {
    player.video.muted = !player.video.muted;
    showState();
  },
  "timeline.in": () => timeline.zoom(1.6),
  "timeline.out": () => timeline.zoom(1 / 1.6),
  "timeline.all": () => timeline.all(),
  "write.mark_start": () => marks.mark(0),
  "write.mark_end": () => marks.mark(1),
  "write.undo": () => swap(done, undone, gettext("Nothing to undo.")),
  "write.redo": () => swap(undone, done, gettext("Nothing to redo.")),
  "write.form": () => form.focusFirstEmpty(),
  "write.submit": submit,
  "write.save": () => saver.flush({ force: true }),
  "write.skip": putBack,
  "write.aside": () => aside.showModal(),
};
bind(actions);
for (const button of desk.querySelectorAll("button[data-shortcut]")) {
  button.addEventListener("click", () => actions[button.dataset.shortcut]?.());
}
$("form.desk-form").addEventListener("submit", (event) => event.preventDefault());
$("#stage").addEventListener("click", () => player.toggle());
desk.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || event.isComposing) return;
  if (isTyping(event.target) || !marks.cancelOpen()) $("#stage").focus();
});

// The player's buttons are one stop for Tab; arrow keys move among them.
const bar = $("#player-bar");
const tools = [...bar.querySelectorAll("button")];
tools.forEach((button, index) => (button.tabIndex = index ? -1 : 0));
bar.addEventListener("keydown", (event) => {
  const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const shown = tools.filter((button) => !button.hidden);
  const from = shown.indexOf(document.activeElement);
  if (!move || from < 0) return;
  event.preventDefault();
  const to = shown[(from + move + shown.length) % shown.length];
  for (const button of tools) button.tabIndex = button === to ? 0 : -1;
  to.focus();
});
window.addEventListener("popstate", () => location.reload());

load(JSON.parse(document.getElementById("piece").textContent));
decorate(desk);
