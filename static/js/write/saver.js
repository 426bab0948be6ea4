// Autosave: first into this browser, then to the server, one request at a time, again and again until it is there.

import { postJson } from "../studio.js";

const QUIET_MS = 1200; // after the last key
const LONGEST_MS = 8000; // while somebody types without a pause
const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 30_000;
const NO_ANSWER_MS = 20_000; // a request without answer counts as offline

/** Whether two contents say the same once outer blanks are gone, as the server stores them. */
export function sameContent(one, other) {
  const plain = (content) => JSON.stringify(Object.keys(content).sort().map((key) => [key, typeof content[key] === "string" ? content[key].trim() : content[key]]));
  return Boolean(one && other) && plain(one) === plain(other);
}

export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // pages without https have no randomUUID
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const store = {
  get(key) {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch {
      return null;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(key, JSON.stringify(value));
      return true;
    } catch {
      return false; // private mode or full: the server copy still works
    }
  },
  remove(key) {
    try {
      localStorage.removeItem(key);
    } catch {
      // as above
    }
  },
};

/**
 * Events: "status" (detail {state, at?, message?}; states clean, waiting, saving, saved, offline,
 * refused, signed_out),
 * "lease" (detail seconds), "stale" (detail {stored, version}), "invalid" (detail errors).
 */
export class Saver extends EventTarget {
  constructor(piece, { user, read }) {
    super();
    this.piece = piece;
    this.read = read;
    this.version = piece.version;
    this.savedAt = piece.saved_at ? new Date(piece.saved_at) : null;
    this.synced = piece.content; // what the server holds, null before the first save
    this.localKey = `studio:draft:${user}:${piece.clip.id}`;
    this.submitKey = `studio:submit:${user}:${piece.clip.id}`;
    this.retryMs = FIRST_RETRY_MS;
    this.paused = false; // a stale save waits for a decision
    this.closed = false;
    this._running = null;
    this._gone = new AbortController();
    const { signal } = this._gone;
    window.addEventListener("online", () => this.flush(), { signal });
    window.addEventListener("offline", () => this._status("offline"), { signal });
    window.addEventListener("pagehide", () => this._lastChance(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden && this.flush(), { signal });
  }

  /** A local copy that is newer than what the server sent, or null. */
  newerLocalCopy() {
    const copy = store.get(this.localKey);
    if (!copy?.content || sameContent(copy.content, this.synced)) {
      store.remove(this.localKey);
      return null;
    }
    const newer = copy.version >= this.version || new Date(copy.at) > new Date(this.piece.saved_at ?? 0);
    return newer ? copy : null;
  }

  /** The local copy is not wanted; what is on the page stays. */
  dropLocalCopy() {
    store.remove(this.localKey);
    this._keepLocally();
  }

  /** Something changed: keep it here at once, send it soon. */
  touch() {
    if (this.closed) return;
    this._keepLocally();
    if (this.paused) return;
    this._status(navigator.onLine ? "waiting" : "offline");
    this._firstTouch ??= Date.now();
    const wait = Math.max(0, Math.min(QUIET_MS, this._firstTouch + LONGEST_MS - Date.now()));
    this._later(wait);
  }

  get dirty() {
    return !sameContent(this.read(), this.synced ?? emptyLike(this.read()));
  }

  /** Send now what is not on the server yet; `force` also renews the lease when nothing changed. */
  async flush({ force = false } = {}) {
    clearTimeout(this._timer);
    if (this._running) await this._running;
    if (this.closed || this.paused) return;
    if (!force && !this.dirty) {
      // Typed and taken back: the server holds this very text.
      if (this._said === "waiting") this._status(this.savedAt ? "saved" : "clean", { at: this.savedAt });
      return;
    }
    this._running = this._send().finally(() => {
      this._running = null;
    });
    await this._running;
  }

  async _send() {
    const content = this.read();
    this._firstTouch = null;
    this._status("saving");
    let reply;
    try {
      reply = await postJson(this.piece.urls.save, { version: this.version, content }, { signal: AbortSignal.timeout(NO_ANSWER_MS) });
    } catch {
      return this._again();
    }
    if (this.closed) return;
    const { status, data } = reply;
    if (status === 200) {
      this._acknowledged(content, data.version);
      this.savedAt = new Date(data.saved_at);
      this._status("saved", { at: this.savedAt });
      this.dispatchEvent(new CustomEvent("lease", { detail: data.lease_s }));
      if (this.dirty) this.touch();
    } else if (status === 409 && data.error?.code === "stale") {
      this.stale(data);
    } else if (status === 409) {
      this._status("refused", { message: data.error.message });
    } else if (status === 422) {
      this._status("refused", { message: data.error.message });
      this.dispatchEvent(new CustomEvent("invalid", { detail: data.errors ?? {} }));
    } else if (status === 401 || status === 403) {
      this._status("signed_out");
      this._later(LAST_RETRY_MS);
    } else {
      this._again();
    }
  }

  stale({ stored, version }) {
    this.paused = true;
    this._status("refused", { message: gettext("Changed in another window. Compare both texts.") });
    this.dispatchEvent(new CustomEvent("stale", { detail: { stored, version, base: this.synced } }));
  }

  /** Go on after a stale save: what is on the page now is based on `version`, which holds `stored`. */
  resume(stored, version) {
    this.paused = false;
    this.version = version;
    this.synced = stored;
    this._keepLocally();
    return this.flush();
  }

  /** Submit; resolves to {status, data}; rejects when no answer came (the key is kept, so a retry counts once). */
  async submit() {
    clearTimeout(this._timer);
    if (this._running) await this._running;
    const key = store.get(this.submitKey) ?? newKey();
    store.set(this.submitKey, key);
    this._keepLocally();
    const body = { version: this.version, content: this.read(), client_key: key };
    const reply = await postJson(this.piece.urls.submit, body, { signal: AbortSignal.timeout(NO_ANSWER_MS) });
    if (reply.status === 200) {
      store.remove(this.submitKey);
      store.remove(this.localKey);
      this.close();
    }
    return reply;
  }

  /** The piece leaves the desk; what is not on the server yet stays in this browser. */
  close() {
    this.closed = true;
    clearTimeout(this._timer);
    this._gone.abort();
  }

  _keepLocally() {
    const content = this.read();
    if (sameContent(content, this.synced)) return store.remove(this.localKey);
    this.keptLocally = store.set(this.localKey, { content, version: this.version, at: new Date().toISOString() });
  }

  _acknowledged(content, version) {
    this.version = version;
    this.synced = content;
    this.retryMs = FIRST_RETRY_MS;
    this._keepLocally();
  }

  _again() {
    this._status("offline");
    this._later(this.retryMs);
    this.retryMs = Math.min(LAST_RETRY_MS, this.retryMs * 2);
  }

  _later(ms) {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => this.flush(), ms);
  }

  /** The page goes away: one request that may outlive it. The local copy is there in any case. */
  _lastChance() {
    if (this.closed || this.paused || this._running || !this.dirty) return;
    const body = { version: this.version, content: this.read() };
    postJson(this.piece.urls.save, body, { keepalive: true }).catch(() => {});
  }

  _status(state, more = {}) {
    this._said = state;
    this.dispatchEvent(new CustomEvent("status", { detail: { state, ...more } }));
  }
}

function emptyLike(content) {
  return Object.fromEntries(Object.entries(content).map(([key, value]) => [key, Array.isArray(value) ? [] : ""]));
}
