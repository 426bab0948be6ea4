// The clip of a review or an adjudication: player, filmstrip timeline, controls, and the glitch spans once they are known.

import { Player } from "./player.js";
import { bind } from "./shortcuts.js";

export class ClipDesk {
  /** `root` is the #desk element; `onPlayed(seconds)` hears how much of the clip was played through so far. */
  constructor(root, { onPlayed = () => {} } = {}) {
    this.root = root;
    const { fpsNum, fpsDen, frames } = root.dataset;
    this.frames = Number(frames);
    this.fps = Number(fpsNum) / Number(fpsDen);
    this.player = new Player(root.querySelector("video"), { fpsNum: Number(fpsNum), fpsDen: Number(fpsDen), frameCount: this.frames });
    this.strip = root.querySelector(".strip");
    this.head = root.querySelector(".strip-head");
    this.gone = new AbortController();
    const listen = (target, name, run) => target.addEventListener(name, run, { signal: this.gone.signal });
    listen(this.player, "frame", () => this.showFrame());
    listen(this.player, "state", () => this.showState());
    for (const name of ["timeupdate", "ended", "pause"]) listen(this.player.video, name, () => onPlayed(this.player.playedSeconds()));
    listen(this.player.video, "error", () => this.showBroken());
    listen(root, "click", (event) => this.clicked(event));
    listen(this.strip, "pointerdown", (event) => this.scrub(event));
    listen(this.strip, "pointermove", (event) => event.buttons && this.scrub(event));
    listen(this.strip, "keydown", (event) => this.stripKey(event));
    this.resize = new ResizeObserver(() => this.drawStrip());
    this.resize.observe(this.strip);
    this.loadStrip();
    this.unbind = bind({
      "player.toggle": () => this.player.toggle(),
      "player.backward": () => void this.player.backward(),
      "player.pause": () => this.player.pause(),
      "player.forward": () => this.player.forward(),
      "player.prev": () => void this.player.step(-1),
      "player.next": () => void this.player.step(1),
      "player.prev10": () => void this.player.step(-10),
      "player.next10": () => void this.player.step(10),
      "player.slower": () => this.player.slower(),
      "player.faster": () => this.player.faster(),
      "player.first": () => void this.player.seekFrame(0),
      "player.last": () => void this.player.seekFrame(this.frames - 1),
      "player.mute": () => this.mute(),
      "player.loop": () => this.toggleSpan(root.querySelector("[data-span]")),
    });
    this.showFrame();
    this.showState();
  }

  destroy() {
    this.unbind();
    this.gone.abort();
    this.resize.disconnect();
    this.player.destroy();
  }

  mute() {
    this.player.video.muted = !this.player.video.muted;
    this.root.querySelector('[data-do="mute"]').setAttribute("aria-pressed", String(this.player.video.muted));
  }

  clicked(event) {
    const span = event.target.closest("[data-span]");
    if (span) return this.toggleSpan(span);
    const run = {
      toggle: () => this.player.toggle(),
      prev: () => this.player.step(-1),
      next: () => this.player.step(1),
      slower: () => this.player.slower(),
      faster: () => this.player.faster(),
      mute: () => this.mute(),
    }[event.target.closest("[data-do]")?.dataset.do];
    if (run) return run();
    if (event.target === this.player.video) this.player.toggle();
  }

  showFrame() {
    const { frame } = this.player;
    this.root.querySelector("[data-frame]").textContent = frame;
    this.root.querySelector("[data-time]").textContent = (frame / this.fps).toFixed(2);
    this.strip.setAttribute("aria-valuenow", frame);
    this.head.style.left = `${(100 * (frame + 0.5)) / this.frames}%`;
  }

  showState() {
    this.root.querySelector("[data-play-sign]").textContent = this.player.playing ? "❚❚" : "▶";
    this.root.querySelector("[data-rate]").textContent = `${this.player.rate}×`;
  }

  showBroken() {
    const said = document.createElement("p");
    said.className = "notice bad";
    said.setAttribute("role", "alert");
    said.textContent = gettext("The clip does not play. Check the connection and reload; if that does not help, put it back and tell a lead.");
    this.root.querySelector(".stage").after(said);
  }

  scrub(event) {
    const box = this.strip.getBoundingClientRect();
    this.player.pause();
    this.player.seekFrame(Math.floor(((event.clientX - box.left) / box.width) * this.frames));
    if (event.type === "pointerdown") this.strip.setPointerCapture(event.pointerId);
  }

  stripKey(event) {
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };
    if (event.key in steps) this.player.step(steps[event.key]);
    else if (event.key === "Home") this.player.seekFrame(0);
    else if (event.key === "End") this.player.seekFrame(this.frames - 1);
    else return;
    event.preventDefault();
  }

  /** Draw [[first, last], ...] on the timeline; they become known with the key. */
  showSpans(spans) {
    this.root.querySelector(".strip-spans").replaceChildren(
      ...spans.map(([first, last]) => {
        const bar = document.createElement("span");
        bar.style.left = `${(100 * first) / this.frames}%`;
        bar.style.width = `${(100 * (last + 1 - first)) / this.frames}%`;
        return bar;
      }),
    );
  }

  /** Repeat the span of a button, or stop when it is the one that is repeated. */
  toggleSpan(button) {
    if (!button) return false;
    const on = button.getAttribute("aria-pressed") !== "true";
    for (const other of this.root.querySelectorAll("[data-span]")) other.setAttribute("aria-pressed", String(on && other === button));
    const span = button.dataset.span.split(",").map(Number);
    this.player.loop(on ? span : null);
    if (on) this.player.seekFrame(span[0]).then(() => this.player.play());
    else this.player.pause();
  }

  loadStrip() {
    const image = new Image();
    image.onload = () => {
      this.sprite = image;
      this.drawStrip();
    };
    image.src = this.root.dataset.filmstrip;
  }

  /** As many tiles of the sprite as fit side by side; tile i shows the clip at (i + 0.5) / tiles of its length. */
  drawStrip() {
    const tiles = Number(this.root.dataset.tiles);
    const columns = Number(this.root.dataset.columns);
    const canvas = this.strip.querySelector("canvas");
    if (!this.sprite || !tiles || !columns) return;
    const { width, height } = this.strip.getBoundingClientRect();
    if (!width) return;
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const tileWidth = this.sprite.naturalWidth / columns;
    const tileHeight = this.sprite.naturalHeight / Math.ceil(tiles / columns);
    const shown = Math.max(1, Math.round(canvas.width / ((canvas.height * tileWidth) / tileHeight)));
    const context = canvas.getContext("2d");
    for (let i = 0; i < shown; i++) {
      const tile = Math.min(tiles - 1, Math.floor(((i + 0.5) * tiles) / shown));
      const x = (tile % columns) * tileWidth;
      const y = Math.floor(tile / columns) * tileHeight;
      context.drawImage(this.sprite, x, y, tileWidth, tileHeight, (i * canvas.width) / shown, 0, canvas.width / shown, canvas.height);
    }
  }
}
