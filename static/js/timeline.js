// The filmstrip under the player: shows where we are, the marked spans with edges to drag, and zooms to single frames.

const STRIP = 46;
const RULER = 18;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 150, 300, 600, 1500, 3000, 6000, 18000];

/**
 * `strip` is {url, tiles, columns}; tiles lie evenly over the clip. `onEdge(index, edge, frame, done)` is called while
 * an edge (0 first, 1 last) of a span is moved and once more with done = true; without it spans are only shown.
 * `onView(from, to)` hears which frames are in view.
 */
export class Timeline {
  constructor(box, player, { strip, onEdge = null, onSelect = null, onView = null }) {
    this.box = box;
    this.player = player;
    this.strip = strip;
    this.onEdge = onEdge;
    this.onSelect = onSelect;
    this.onView = onView;
    this.spans = [];
    this.pending = null;
    this.selected = -1;
    this.from = 0;
    this.to = player.frameCount;
    this._gone = new AbortController();
    this._build();
    const { signal } = this._gone;
    player.addEventListener("frame", () => this._follow(), { signal });
    this._observer = new ResizeObserver(() => this._draw());
    this._observer.observe(box);
    this.image = new Image();
    this.image.addEventListener("load", () => this._draw(), { signal });
    if (strip.url && strip.tiles) this.image.src = strip.url;
    this._draw();
    this._follow();
  }

  destroy() {
    this._gone.abort();
    this._observer.disconnect();
    this.box.replaceChildren();
  }

  /** `spans` is [{first, last, ok}], `pending` the frame of a span that is open, or null. */
  setSpans(spans, { pending = null, selected = -1 } = {}) {
    Object.assign(this, { spans, pending, selected });
    this._drawSpans();
  }

  select(index) {
    this.selected = index;
    [...this.marks.children].forEach((box, which) => box.classList.toggle("selected", which === index));
  }

  get length() {
    return this.to - this.from;
  }

  /** Show `factor` times fewer frames around `centre` (a frame; the playhead by default). */
  zoom(factor, centre = this.player.frame) {
    const length = Math.max(8, Math.min(this.player.frameCount, this.length / factor));
    const share = (centre - this.from) / this.length;
    const at = share >= 0 && share <= 1 ? share : 0.5;
    this._view(centre - length * at, length);
  }

  all() {
    this._view(0, this.player.frameCount);
  }

  _view(from, length) {
    this.from = Math.max(0, Math.min(this.player.frameCount - length, from));
    this.to = this.from + length;
    this._draw();
    this._follow(true);
  }

  _x(frame) {
    return ((frame - this.from) / this.length) * this.width;
  }

  _frameAt(clientX) {
    const { left } = this.canvas.getBoundingClientRect();
    const frame = Math.floor(this.from + ((clientX - left) / this.width) * this.length);
    return Math.max(0, Math.min(this.player.lastFrame, frame));
  }

  _build() {
    const make = (tag, className) => Object.assign(document.createElement(tag), { className });
    this.area = make("div", "tl-area");
    this.area.tabIndex = 0;
    this.area.setAttribute("role", "slider");
    this.area.setAttribute("aria-label", gettext("Place in the clip, in frames"));
    this.area.setAttribute("aria-valuemin", "0");
    this.area.setAttribute("aria-valuemax", String(this.player.lastFrame));
    this.canvas = make("canvas", "tl-canvas");
    this.head = make("div", "tl-head");
    this.marks = make("div", "tl-spans");
    this.area.append(this.canvas, this.head);
    this.box.replaceChildren(this.area, this.marks);
    const { signal } = this._gone;
    this.area.addEventListener("pointerdown", (event) => this._scrub(event), { signal });
    this.box.addEventListener("wheel", (event) => this._wheel(event), { signal, passive: false });
    this.area.addEventListener("keydown", (event) => this._keys(event, this.player.frame, (frame) => {
      this.player.pause();
      this.player.seekFrame(frame);
    }), { signal });
  }

  _scrub(event) {
    if (event.button) return;
    this.area.setPointerCapture(event.pointerId);
    const go = (moved) => this.player.seekFrame(this._frameAt(moved.clientX));
    go(event);
    const done = () => {
      this.area.removeEventListener("pointermove", go);
    };
    this.area.addEventListener("pointermove", go);
    this.area.addEventListener("pointerup", done, { once: true });
    this.area.addEventListener("pointercancel", done, { once: true });
  }

  _wheel(event) {
    const sideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (sideways && this.length >= this.player.frameCount) return;
    event.preventDefault();
    if (sideways) this._view(this.from + ((event.deltaX || event.deltaY) / this.width) * this.length, this.length);
    else this.zoom(event.deltaY < 0 ? 1.25 : 0.8, this._frameAt(event.clientX));
  }

  /** Arrow keys on something that stands at `frame`; `move(frame)` puts it elsewhere. */
  _keys(event, frame, move) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const second = Math.round(this.player.fps);
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -second, PageUp: second };
    let target = null;
    if (event.key in steps) target = frame + steps[event.key] * (event.shiftKey && event.key.startsWith("Arrow") ? 10 : 1);
    else if (event.key === "Home") target = 0;
    else if (event.key === "End") target = this.player.lastFrame;
    if (target === null) return;
    event.preventDefault();
    move(Math.max(0, Math.min(this.player.lastFrame, target)));
  }

  _follow(force = false) {
    const { frame } = this.player;
    this.area.setAttribute("aria-valuenow", String(frame));
    if (!force && this.length < this.player.frameCount && (frame < this.from || frame >= this.to)) {
      const ahead = frame >= this.to ? 0.1 : 0.9;
      this._view(frame - this.length * ahead, this.length);
      return;
    }
    this.head.style.left = `${this._x(frame + 0.5)}px`;
  }

  _draw() {
    this.width = this.box.clientWidth || 1;
    const scale = window.devicePixelRatio || 1;
    const { canvas } = this;
    canvas.width = Math.round(this.width * scale);
    canvas.height = Math.round((STRIP + RULER) * scale);
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    const style = getComputedStyle(this.box);
    pen.fillStyle = style.backgroundColor;
    pen.fillRect(0, 0, this.width, STRIP + RULER);
    this._drawStrip(pen);
    this._drawRuler(pen, style);
    this._drawSpans();
    this.onView?.(this.from, this.to);
    this.head.style.left = `${this._x(this.player.frame + 0.5)}px`;
  }

  _drawStrip(pen) {
    const { tiles, columns } = this.strip;
    if (!this.image.naturalWidth || !tiles) return;
    const width = this.image.naturalWidth / columns;
    const height = this.image.naturalHeight / Math.ceil(tiles / columns);
    const slot = (STRIP * width) / height;
    for (let x = 0; x < this.width; x += slot) {
      const frame = this.from + ((x + slot / 2) / this.width) * this.length;
      const tile = Math.max(0, Math.min(tiles - 1, Math.floor((frame / this.player.frameCount) * tiles)));
      pen.drawImage(this.image, (tile % columns) * width, Math.floor(tile / columns) * height, width, height, x, RULER, slot, STRIP);
    }
  }

  _drawRuler(pen, style) {
    const pixels = this.width / this.length;
    const step = STEPS.find((frames) => frames * pixels >= 56) ?? STEPS.at(-1);
    pen.fillStyle = style.color;
    pen.font = "11px system-ui, sans-serif";
    for (let frame = Math.ceil(this.from / step) * step; frame < this.to; frame += step) {
      const x = this._x(frame);
      pen.fillRect(x, RULER - 5, 1, 5);
      pen.fillText(String(frame), x + 3, RULER - 6);
    }
    if (pixels >= 6) for (let frame = Math.ceil(this.from); frame < this.to; frame++) pen.fillRect(this._x(frame), RULER - 3, 1, 3);
  }

  _drawSpans() {
    const focused = document.activeElement?.closest?.(".tl-edge");
    const focus = focused && this.marks.contains(focused) ? [focused.dataset.index, focused.dataset.edge] : null;
    const made = this.spans.map((span, index) => this._spanElement(span, index));
    if (this.pending !== null) {
      const open = document.createElement("div");
      open.className = "tl-pending";
      open.style.left = `${this._x(this.pending)}px`;
      made.push(open);
    }
    this.marks.replaceChildren(...made);
    if (focus) this.marks.querySelector(`[data-index="${focus[0]}"][data-edge="${focus[1]}"]`)?.focus();
  }

  _spanElement(span, index) {
    const box = document.createElement("div");
    box.className = `tl-span${index === this.selected ? " selected" : ""}${span.ok ? "" : " unconfirmed"}`;
    const left = Math.max(-4, this._x(span.first));
    const right = Math.min(this.width + 4, this._x(span.last + 1));
    box.style.left = `${left}px`;
    box.style.width = `${Math.max(2, right - left)}px`;
    box.hidden = right < 0 || left > this.width;
    if (!this.onEdge) return box;
    for (const edge of [0, 1]) box.append(this._edgeElement(span, index, edge));
    return box;
  }

  _edgeElement(span, index, edge) {
    const handle = document.createElement("div");
    const frame = edge ? span.last : span.first;
    handle.className = `tl-edge ${edge ? "last" : "first"}`;
    Object.assign(handle.dataset, { index, edge });
    handle.tabIndex = 0;
    handle.setAttribute("role", "slider");
    const name = edge ? gettext("Last frame of glitch %s") : gettext("First frame of glitch %s");
    handle.setAttribute("aria-label", interpolate(name, [index + 1]));
    handle.setAttribute("aria-valuemin", String(edge ? span.first : 0));
    handle.setAttribute("aria-valuemax", String(edge ? this.player.lastFrame : span.last));
    handle.setAttribute("aria-valuenow", String(frame));
    const clamp = (n) => (edge ? Math.max(this.spans[index].first, n) : Math.min(this.spans[index].last, n));
    handle.addEventListener("keydown", (event) => this._keys(event, frame, (n) => this.onEdge(index, edge, clamp(n), true)));
    handle.addEventListener("focus", () => this.onSelect?.(index));
    handle.addEventListener("pointerdown", (event) => this._dragEdge(event, index, edge, clamp));
    return handle;
  }

  _dragEdge(event, index, edge, clamp) {
    if (event.button) return;
    event.preventDefault();
    event.stopPropagation();
    this.player.pause();
    let frame = edge ? this.spans[index].last : this.spans[index].first;
    const gone = new AbortController();
    // The handle is drawn anew on each move, so the window listens.
    window.addEventListener("pointermove", (moved) => {
      const next = clamp(this._frameAt(moved.clientX));
      if (next !== frame) this.onEdge(index, edge, (frame = next), false);
    }, { signal: gone.signal });
    const done = () => {
      gone.abort();
      this.onEdge(index, edge, frame, true);
    };
    window.addEventListener("pointerup", done, { signal: gone.signal });
    window.addEventListener("pointercancel", done, { signal: gone.signal });
  }
}
