// A <video> that knows its frames. The number it reports is read back from the browser, never assumed.

const RATES = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2];
const SETTLE_MS = 1500;

/**
 * Events: "frame" (detail {frame, confirmed}) whenever another frame is shown or confirmed, and "state" (play, pause,
 * rate, loop). Frame n is shown from n / fps to (n + 1) / fps, so a seek aims at its middle.
 */
export class Player extends EventTarget {
  constructor(video, { fpsNum, fpsDen, frameCount }) {
    super();
    this.video = video;
    this.fps = fpsNum / fpsDen;
    this.frameCount = frameCount;
    this.frame = 0; // the frame the browser really shows
    this.confirmed = false; // the browser said so, and no seek is under way
    this.span = null;
    this.reverse = 0;
    this.canConfirm = "requestVideoFrameCallback" in HTMLVideoElement.prototype;
    this.held = null; // a promise while a mark waits for its frame
    this._target = null;
    this._waiters = [];
    this._gone = new AbortController();
    const listen = (name, run) => video.addEventListener(name, run, { signal: this._gone.signal });
    for (const name of ["play", "pause", "ratechange", "ended"]) listen(name, () => this._state());
    listen("seeking", () => {
      // This event comes late: the seek it tells of may have been confirmed by now.
      if (video.seeking) this.confirmed = false;
    });
    listen("seeked", () => this._afterSeek());
    listen("ended", () => this._wrap());
    listen("loadeddata", () => this._nudge());
    this._watch();
    if (video.readyState >= 2) this._nudge();
  }

  get playing() {
    return !this.video.paused && !this.video.ended;
  }

  get rate() {
    return this.video.playbackRate;
  }

  get lastFrame() {
    return this.frameCount - 1;
  }

  /** Where the player stands or is going to: the frame a person has asked for. */
  get asked() {
    return this._target ?? this.frame;
  }

  timeOf(frame) {
    return (frame + 0.5) / this.fps;
  }

  play() {
    this._stopReverse();
    if (this.video.ended || this.frame >= this.lastFrame) this.video.currentTime = this.timeOf(this.span ? this.span[0] : 0);
    else if (this.span && (this.frame < this.span[0] || this.frame >= this.span[1])) this.video.currentTime = this.timeOf(this.span[0]);
    return this.video.play().catch(() => this._state());
  }

  pause() {
    this._stopReverse();
    this.video.pause();
    // A paused video may sit between two frames; landing in the middle of the shown one repaints exactly it.
    if (this._target === null && this.confirmed) this.seekFrame(this.frame);
  }

  toggle() {
    return this.playing || this.reverse ? this.pause() : this.play();
  }

  /** Show frame n (clamped); resolves to the frame the browser really shows then. */
  seekFrame(n) {
    const frame = Math.max(0, Math.min(this.lastFrame, Math.round(n)));
    this._target = frame;
    this.confirmed = false;
    return new Promise((resolve) => {
      this._waiters.push(resolve);
      this.video.currentTime = this.timeOf(frame);
    });
  }

  /** Move by `delta` frames from where a seek under way will end; pauses. */
  step(delta) {
    this._stopReverse();
    this.video.pause();
    if (this.held) return this.held.then(() => this.step(delta));
    return this.seekFrame(this.asked + delta);
  }

  setRate(rate) {
    this.video.playbackRate = Math.max(RATES[0], Math.min(RATES.at(-1), rate));
  }

  slower() {
    this.setRate(RATES.findLast((rate) => rate < this.rate - 0.01) ?? RATES[0]);
  }

  faster() {
    this.setRate(RATES.find((rate) => rate > this.rate + 0.01) ?? RATES.at(-1));
  }

  /** L of J/K/L: play; once more: faster. */
  forward() {
    if (this.playing) this.faster();
    else {
      this.setRate(1);
      this.play();
    }
  }

  /** J of J/K/L: run backwards frame by frame (browsers have no negative rate); once more: faster. */
  backward() {
    if (this.reverse) {
      this.reverse = Math.min(2, this.reverse * 2);
      return this._state();
    }
    this.video.pause();
    this.reverse = 0.5;
    this._state();
    const run = async () => {
      let before = performance.now();
      while (this.reverse && !this._gone.signal.aborted) {
        const now = performance.now();
        const back = Math.max(1, Math.round(((now - before) / 1000) * this.fps * this.reverse));
        before = now;
        const shown = await this.seekFrame(this.frame - back);
        if (shown <= 0) this._stopReverse();
        const pause = 1000 / (this.fps * this.reverse || 1) - (performance.now() - now);
        if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
      }
    };
    return run();
  }

  /** Repeat frames first..last, [first, last]; null ends it. */
  loop(span) {
    this.span = span;
    this._state();
  }

  /** Distinct seconds of the clip that were played through (seeking does not count). */
  playedSeconds() {
    const ranges = this.video.played;
    let sum = 0;
    for (let i = 0; i < ranges.length; i++) sum += ranges.end(i) - ranges.start(i);
    return sum;
  }

  /** Resolves to the shown frame once it is confirmed or cannot be. */
  async settled() {
    if (this.confirmed) return this.frame;
    return this.seekFrame(this.asked);
  }

  /** The same, and steps asked for meanwhile wait for it: a quick hand does not outrun the mark it just made. */
  hold() {
    this.held = this.settled().finally(() => {
      this.held = null;
    });
    return this.held;
  }

  destroy() {
    this._stopReverse();
    this._gone.abort();
    this.video.pause();
    for (const resolve of this._waiters.splice(0)) resolve(this.frame);
  }

  _stopReverse() {
    if (!this.reverse) return;
    this.reverse = 0;
    this._state();
  }

  _nudge() {
    if (!this.playing && !this.confirmed && this._target === null) this.seekFrame(0);
  }

  _watch() {
    if (!this.canConfirm) return;
    const seen = (now, { mediaTime }) => {
      if (this._gone.signal.aborted) return;
      this._shown(Math.max(0, Math.min(this.lastFrame, Math.round(mediaTime * this.fps))));
      this.video.requestVideoFrameCallback(seen);
    };
    this.video.requestVideoFrameCallback(seen);
  }

  _shown(frame) {
    this.frame = frame;
    this._announced = true;
    const landed = this._target === null || this._target === frame || (this.playing && !this.video.seeking);
    this.confirmed = landed && !this.video.seeking;
    if (this.confirmed) this._settle();
    this.dispatchEvent(new CustomEvent("frame", { detail: { frame, confirmed: this.confirmed } }));
    if (this.span && this.playing && !this.video.seeking) this._wrapSoon(frame);
  }

  /** Close to the end of the repeated span: go back once its last frame has stood for its own length. */
  _wrapSoon(frame) {
    const left_s = (this.span[1] + 1 - frame) / this.fps / this.rate;
    if (left_s > 0.25) return;
    clearTimeout(this._again);
    this._again = setTimeout(() => this._wrap(), Math.max(0, left_s * 1000 - 4));
  }

  _wrap() {
    clearTimeout(this._again);
    if (!this.span || this._gone.signal.aborted || !(this.playing || this.video.ended)) return;
    this.video.currentTime = this.timeOf(this.span[0]);
    if (this.video.paused) this.video.play().catch(() => this._state());
  }

  _afterSeek() {
    if (this.video.seeking) return; // the next seek is under way already, and its end will come here as well
    if (this._target !== null && this.frame === this._target) {
      // The same frame as before: the browser need not announce it again.
      this.confirmed = this.canConfirm && this._announced;
      if (this.confirmed) return this._settleAndTell();
    }
    clearTimeout(this._late);
    this._late = setTimeout(() => this._settleAndTell(), SETTLE_MS);
  }

  _settleAndTell() {
    this._settle();
    this.dispatchEvent(new CustomEvent("frame", { detail: { frame: this.frame, confirmed: this.confirmed } }));
  }

  _settle() {
    clearTimeout(this._late);
    this._target = null;
    for (const resolve of this._waiters.splice(0)) resolve(this.frame);
  }

  _state() {
    this.dispatchEvent(new CustomEvent("state"));
  }
}
