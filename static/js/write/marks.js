// The marked spans of a glitch: made with [ and ], edited in the list or on the timeline, each edge confirmed by the
// frame the browser shows. Only confirmed spans are saved.

export class Marks extends EventTarget {
  /** "change" when spans changed (detail {before}, for undo), "draw" when they were drawn anew, "select". */
  constructor(list, { onProblem }) {
    super();
    this.list = list;
    this.onProblem = onProblem;
    this.spans = [];
    this.open = null; // {frame, edge}: a span of which one edge is marked
    this.selected = -1;
    this.player = null;
  }

  load(spans, player) {
    this.player = player;
    this.open = null;
    this.put(spans.map(([first, last]) => ({ first, last, ok: true })));
  }

  /** Replace all spans without an undo step. */
  put(spans) {
    this.spans = spans.map((span) => ({ ...span })).sort((one, other) => one.first - other.first || one.last - other.last);
    this.selected = Math.min(this.selected, this.spans.length - 1);
    if (this.selected < 0 && this.spans.length) this.selected = 0;
    this.draw();
  }

  snapshot() {
    return this.spans.map((span) => ({ ...span }));
  }

  /** What may be saved: confirmed spans as [[first, last], ...]. */
  value() {
    return this.spans.filter((span) => span.ok).map((span) => [span.first, span.last]);
  }

  get unconfirmed() {
    return this.spans.some((span) => !span.ok);
  }

  /** [ (edge 0) or ] (edge 1) at the frame on screen. */
  async mark(edge) {
    const { player } = this;
    while (player.held) await player.held;
    const { asked } = player;
    const frame = player.confirmed ? player.frame : await player.hold();
    if (player !== this.player) return;
    // Whoever went elsewhere before the browser confirmed the frame meant that one, not the one it has come to since.
    const movedOn = frame !== asked && !player.playing;
    if (!player.confirmed || movedOn) return this.onProblem(gettext("The browser does not say which frame it shows, so this mark cannot be kept. Try again."));
    if (this.open && this.open.edge !== edge) {
      const { frame: other } = this.open;
      this.open = null;
      this._add({ first: Math.min(frame, other), last: Math.max(frame, other), ok: true });
      return;
    }
    this.open = { frame, edge };
    this.draw();
  }

  cancelOpen() {
    if (!this.open) return false;
    this.open = null;
    this.draw();
    return true;
  }

  _add(span) {
    const before = this.snapshot();
    this.spans.push(span);
    this._sorted(span);
    this._changed(before);
  }

  _sorted(keep) {
    this.spans.sort((one, other) => one.first - other.first || one.last - other.last);
    this.selected = this.spans.indexOf(keep);
  }

  /** Move one edge; while `done` is false only the picture follows, then the frame must be confirmed. */
  async setEdge(index, edge, frame, done = true) {
    const span = this.spans[index];
    if (!span) return;
    this._before ??= this.snapshot();
    span[edge ? "last" : "first"] = frame;
    span.ok = false;
    this.selected = index;
    this.draw();
    const { player } = this;
    const shown = await player.seekFrame(frame);
    if (!done || player !== this.player || !this.spans.includes(span)) return;
    span.ok = shown === frame && player.confirmed;
    if (!span.ok) this.onProblem(interpolate(gettext("Frame %s could not be confirmed by the browser; this mark is not saved yet."), [frame]));
    if (span.first > span.last) [span.first, span.last] = [span.last, span.first];
    this._sorted(span);
    const before = this._before;
    this._before = null;
    this._changed(before);
  }

  remove(index) {
    const before = this.snapshot();
    this.spans.splice(index, 1);
    this.selected = Math.min(index, this.spans.length - 1);
    this._changed(before);
  }

  select(index) {
    if (index === this.selected) return;
    this.selected = index;
    // Only looks change: drawing the rows anew would take the focus away while somebody is giving it.
    [...this.list.children].forEach((row, which) => row.classList.toggle("selected", which === index));
    this.dispatchEvent(new CustomEvent("select"));
  }

  /** The span to repeat: the chosen one, else the whole clip. */
  toLoop() {
    const span = this.spans[this.selected];
    return span ? [span.first, span.last] : [0, this.player.lastFrame];
  }

  _changed(before) {
    this.draw();
    this.dispatchEvent(new CustomEvent("change", { detail: { before } }));
  }

  draw() {
    const active = document.activeElement;
    const focus = this.list.contains(active) ? [active.dataset.index, active.dataset.part] : null;
    const rows = this.spans.map((span, index) => this._row(span, index));
    if (this.open) rows.push(this._openRow());
    if (!rows.length) rows.push(note("li", "muted small", gettext("Not marked yet. Press [ at the first frame of the glitch and ] at its last.")));
    this.list.replaceChildren(...rows);
    if (focus) (this.list.querySelector(`[data-index="${focus[0]}"][data-part="${focus[1]}"]`) ?? this.list.querySelector("input, button"))?.focus();
    this.dispatchEvent(new CustomEvent("draw"));
  }

  _openRow() {
    const text = this.open.edge
      ? gettext("Ends at frame %s. Press [ at its first frame.")
      : gettext("Starts at frame %s. Press ] at its last frame.");
    const row = note("li", "open", interpolate(text, [this.open.frame]));
    row.setAttribute("role", "status");
    return row;
  }

  _row(span, index) {
    const row = document.createElement("li");
    row.classList.toggle("selected", index === this.selected);
    const name = interpolate(gettext("Glitch %s"), [index + 1]);
    const show = part("button", index, "show", { type: "button", className: "button small quiet", textContent: `${index + 1}`, title: gettext("Show its first frame") });
    show.setAttribute("aria-label", `${name}: ${gettext("Show its first frame")}`);
    show.addEventListener("click", () => {
      this.select(index);
      this.player.pause();
      this.player.seekFrame(span.first);
    });
    const inputs = ["first", "last"].map((edge, which) => {
      const input = part("input", index, edge, { type: "number", min: 0, max: this.player.lastFrame, step: 1, value: span[edge] });
      input.setAttribute("aria-label", `${name}: ${which ? gettext("last frame") : gettext("first frame")}`);
      input.addEventListener("focus", () => this.select(index));
      input.addEventListener("change", () => {
        const typed = Math.round(Number(input.value));
        const frame = Number.isFinite(typed) && input.value !== "" ? Math.max(0, Math.min(this.player.lastFrame, typed)) : span[edge];
        this.setEdge(index, which, frame);
      });
      return input;
    });
    const seconds = (frame) => (frame / this.player.fps).toFixed(2);
    const times = note("span", "muted small times", `${seconds(span.first)}–${seconds(span.last + 1)} s`);
    const state = note("span", span.ok ? "confirmed" : "unconfirmed", span.ok ? "✓" : gettext("not confirmed"));
    if (span.ok) {
      state.title = gettext("The browser showed exactly these frames.");
      state.append(note("span", "visually-hidden", gettext("confirmed")));
    }
    const remove = part("button", index, "remove", { type: "button", className: "button small quiet", textContent: "✕", title: gettext("Delete this mark") });
    remove.setAttribute("aria-label", `${name}: ${gettext("Delete this mark")}`);
    remove.addEventListener("click", () => this.remove(index));
    row.append(show, inputs[0], note("span", "muted", "–"), inputs[1], times, state, remove);
    return row;
  }
}

function note(tag, className, textContent) {
  return Object.assign(document.createElement(tag), { className, textContent });
}

function part(tag, index, name, properties) {
  const made = Object.assign(document.createElement(tag), properties);
  Object.assign(made.dataset, { index, part: name });
  return made;
}
