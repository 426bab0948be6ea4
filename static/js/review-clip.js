// The clip of a review, an adjudication, practice or a truth: player, filmstrip timeline, controls, and the glitch spans
// once they are known.

import { Player } from "./player.js";
import { bind } from "./shortcuts.js";
import { Timeline } from "./timeline.js";

export class ClipDesk {
  /**
   * `root` is the #desk element; `onPlayed(seconds)` hears how much of the clip was played through so far. `timeline` are
   * the Timeline's own callbacks.
   */
  constructor(root, { onPlayed = () => {}, timeline = {} } = {}) {
    this.root = root;
    const { fpsNum, fpsDen, frames, filmstrip, tiles, columns } = root.dataset;
    this.frames = Number(frames);
    this.fps = Number(fpsNum) / Number(fpsDen);
    this.player = new Player(root.querySelector("video"), { fpsNum: Number(fpsNum), fpsDen: Number(fpsDen), frameCount: this.frames });
    const strip = { url: filmstrip, tiles: Number(tiles), columns: Number(columns) };
    this.timeline = new Timeline(root.querySelector("[data-timeline]"), this.player, { strip, ...timeline });
    this.gone = new AbortController();
    const listen = (target, name, run) => target.addEventListener(name, run, { signal: this.gone.signal });
    listen(this.player, "frame", () => this.showFrame());
    listen(this.player, "state", () => this.showState());
    for (const name of ["timeupdate", "ended", "pause"]) listen(this.player.video, name, () => onPlayed(this.player.playedSeconds()));
    listen(this.player.video, "error", () => this.showBroken());
    listen(root, "click", (event) => this.clicked(event));
    this.actions = {
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
      "timeline.in": () => this.timeline.zoom(1.5),
      "timeline.out": () => this.timeline.zoom(1 / 1.5),
      "timeline.all": () => this.timeline.all(),
      "player.loop": () => this.toggleSpan(root.querySelector("[data-span]")),
    };
    this.unbind = bind(this.actions);
    root.querySelector("#loop").hidden = true;
    root.querySelector("#mute").hidden = !root.dataset.sound;
    this.showFrame();
    this.showState();
  }

  destroy() {
    this.unbind();
    this.gone.abort();
    this.timeline.destroy();
    this.player.destroy();
  }

  mute() {
    this.player.video.muted = !this.player.video.muted;
    this.showState();
  }

  clicked(event) {
    const span = event.target.closest("[data-span]");
    if (span) return this.toggleSpan(span);
    const action = event.target.closest("#player-bar [data-shortcut]")?.dataset.shortcut;
    if (action) this.actions[action]();
    else if (event.target.closest("#stage")) this.player.toggle();
  }

  showFrame() {
    const { frame, confirmed } = this.player;
    this.root.querySelector("#frame").value = `${frame} / ${this.frames - 1}`;
    this.root.querySelector("#frame-time").textContent = `${(frame / this.fps).toFixed(2)} s`;
    this.root.querySelector("#frame-box").classList.toggle("unconfirmed", !confirmed);
  }

  showState() {
    const { player } = this;
    this.root.querySelector("#play").classList.toggle("playing", Boolean(player.playing || player.reverse));
    this.root.querySelector("#rate").value = player.reverse ? `−${player.reverse}×` : `${player.rate}×`;
    this.root.querySelector("#loop").setAttribute("aria-pressed", String(Boolean(player.span)));
    this.root.querySelector("#mute").setAttribute("aria-pressed", String(player.video.muted));
  }

  showBroken() {
    this.root.querySelector("[data-broken]").hidden = false;
  }

  /** Draw [[first, last], ...] on the timeline; they become known with the key. */
  showSpans(spans) {
    this.root.querySelector("#loop").hidden = !spans.length;
    this.timeline.setSpans(spans.map(([first, last]) => ({ first, last, ok: true })));
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
}
