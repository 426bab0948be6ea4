// Two clips in step: the second follows the first by offset and speed; flicker and difference lay it on the first.
import { Player } from "./player.js";
import { bind } from "./shortcuts.js";

const FLICKER_MS = 500;
const AHEAD_S = 0.12; // the second may run so far from its place before it is set right

class Pair {
  constructor(root, data) {
    Object.assign(this, data);
    this.root = root;
    this.videos = [...root.querySelectorAll("video")];
    this.players = this.videos.map(
      (video, index) => new Player(video, { fpsNum: this.clips[index].fps, fpsDen: 1, frameCount: this.clips[index].frames }),
    );
    [this.first, this.second] = this.players;
    this.outputs = [...root.querySelectorAll("figcaption output")];
    this.seekBar = root.querySelector("input[type=range]");
    this.laid = root.querySelector(".pair-laid");
    this.canvas = root.querySelector("canvas");
    this.pen = this.canvas.getContext("2d");
    this.canvas.height = Math.round((this.canvas.width * this.videos[0].videoHeight) / (this.videos[0].videoWidth || 1)) || 540;
    this.view = "side";
    this.turn = 0;
    for (const player of this.players) player.addEventListener("frame", () => this.shown());
    this.first.addEventListener("state", () => this.follow());
    for (const video of this.videos) video.addEventListener("error", () => (root.querySelector("[data-broken]").hidden = false));
    this.seekBar.addEventListener("input", () => this.seek(Number(this.seekBar.value)));
    this.actions = {
      "player.toggle": () => this.toggle(),
      "player.pause": () => this.pause(),
      "player.forward": () => this.first.playing || this.toggle(),
      "player.prev": () => this.step(-1),
      "player.next": () => this.step(1),
      "player.prev10": () => this.step(-10),
      "player.next10": () => this.step(10),
      "player.slower": () => this.first.slower(),
      "player.faster": () => this.first.faster(),
      "player.first": () => this.seek(this.beginning()),
      "player.last": () => this.seek(this.clips[0].frames - 1),
      "duplicates.side": () => this.show("side"),
      "duplicates.flicker": () => this.show(this.view === "flicker" ? "side" : "flicker"),
      "duplicates.difference": () => this.show(this.view === "difference" ? "side" : "difference"),
    };
    bind(this.actions);
    root.addEventListener("click", (event) => {
      const action = event.target.closest("[data-shortcut]")?.dataset.shortcut;
      const place = event.target.closest("[data-seek]")?.dataset.seek;
      if (place !== undefined) this.seek(Math.round(Number(place) * this.clips[0].fps));
      else if (action) this.actions[action]();
      else if (event.target.closest(".stage")) this.toggle();
    });
    this.stillMotion = matchMedia("(prefers-reduced-motion: reduce)").matches;
    setInterval(() => this.flick(), FLICKER_MS);
    this.seek(this.beginning());
  }

  /** The first frame of the first clip that the second has too. */
  beginning() {
    return Math.max(0, Math.ceil((-this.offset / this.speed) * this.clips[0].fps));
  }

  /** The frame of the second clip that shows what this frame of the first does. */
  counterpart(frame) {
    const seconds = this.speed * (frame / this.clips[0].fps) + this.offset;
    return Math.max(0, Math.min(this.clips[1].frames - 1, Math.round(seconds * this.clips[1].fps)));
  }

  async seek(frame) {
    frame = Math.max(0, Math.min(this.clips[0].frames - 1, frame));
    this.pause();
    this.target = frame;
    await Promise.all([this.first.seekFrame(frame), this.second.seekFrame(this.counterpart(frame))]);
    if (this.target === frame) this.target = null;
    this.draw();
  }

  step(by) {
    return this.seek((this.target ?? this.first.frame) + by);
  }

  toggle() {
    if (this.first.playing) return this.pause();
    const frame = this.first.frame >= this.clips[0].frames - 1 ? this.beginning() : this.first.frame;
    this.seek(frame).then(() => this.first.play());
  }

  pause() {
    for (const video of this.videos) video.pause();
  }

  /** The second plays when the first does, at its own speed. */
  follow() {
    this.root.querySelector("[data-play]").textContent = this.first.playing ? gettext("Pause") : gettext("Play");
    this.videos[1].playbackRate = Math.max(0.1, this.videos[0].playbackRate * this.speed);
    if (this.first.playing) this.videos[1].play().catch(() => {});
    else this.videos[1].pause();
  }

  shown() {
    this.players.forEach((player, index) => {
      this.outputs[index].value = `${player.frame} / ${this.clips[index].frames - 1}`;
    });
    this.seekBar.value = this.first.frame;
    if (this.first.playing && !this.videos[1].seeking) {
      const wanted = this.speed * this.videos[0].currentTime + this.offset;
      if (wanted >= 0 && wanted < this.videos[1].duration && Math.abs(this.videos[1].currentTime - wanted) > AHEAD_S) {
        this.videos[1].currentTime = wanted;
      }
    }
    this.draw();
  }

  show(view) {
    this.view = view;
    this.root.dataset.view = view;
    this.laid.hidden = view === "side";
    for (const button of this.root.querySelectorAll("button[data-view]")) {
      button.setAttribute("aria-pressed", String(button.dataset.view === view));
    }
    this.draw();
  }

  /** Flicker: the other clip every half second; who wants no motion steps through it with the key. */
  flick() {
    if (this.view !== "flicker" || this.stillMotion) return;
    this.turn = 1 - this.turn;
    this.draw();
  }

  /** The second clip in the place of the first: x of the second = sx * x of the first + tx, in shares of the picture. */
  drawSecond() {
    const { width, height } = this.canvas;
    const [sx, tx, sy, ty] = this.picture;
    this.pen.save();
    if (this.mirror) {
      this.pen.translate(((1 - tx) / sx) * width, 0); // where the right edge of the turned picture lies
      this.pen.scale(-1, 1);
      this.pen.drawImage(this.videos[1], 0, (-ty / sy) * height, width / sx, height / sy);
    } else {
      this.pen.drawImage(this.videos[1], (-tx / sx) * width, (-ty / sy) * height, width / sx, height / sy);
    }
    this.pen.restore();
  }

  draw() {
    if (this.view === "side" || this.videos.some((video) => video.readyState < 2)) return;
    const { width, height } = this.canvas;
    this.pen.globalCompositeOperation = "source-over";
    this.pen.filter = "none";
    this.pen.clearRect(0, 0, width, height);
    const note = this.root.querySelector("[data-laid]");
    if (this.view === "flicker") {
      if (this.turn) this.drawSecond();
      else this.pen.drawImage(this.videos[0], 0, 0, width, height);
      note.textContent = this.turn ? gettext("the second clip") : gettext("the first clip");
    } else {
      this.pen.drawImage(this.videos[0], 0, 0, width, height);
      this.pen.globalCompositeOperation = "difference";
      this.drawSecond();
      this.pen.globalCompositeOperation = "color-dodge"; // small differences become visible
      this.pen.fillStyle = "#a0a0a0";
      this.pen.fillRect(0, 0, width, height);
      note.textContent = gettext("black where both are equal");
    }
  }
}

function begin() {
  const root = document.getElementById("pair");
  const form = document.getElementById("verdict");
  const press = (value) => () => form.querySelector(`[value="${value}"]`).click();
  bind({
    "duplicates.same": press("same"),
    "duplicates.scene": press("scene"),
    "duplicates.different": press("different"),
    "duplicates.next": () => form.querySelector("[data-next]")?.click(),
  });
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault(); // a second click is not a second verdict
    form.dataset.sent = "1";
  });
  addEventListener("pageshow", () => delete form.dataset.sent);
  if (!root) return;
  const data = JSON.parse(document.getElementById("pair-data").textContent);
  window.pair = new Pair(root, data);
}
begin();
