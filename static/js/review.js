// The review desk: watch, answer blind, rule, undo; the next piece of work is swapped in without a page load.

import { ClipDesk } from "./review-clip.js";
import { bind, decorate } from "./shortcuts.js";
import { postJson, toast } from "./studio.js";

const FLASH_MS = 350;
const KEEP_ALIVE_MS = 4 * 60 * 1000;
const OTHER_ANSWERS = { 5: "two_fit", 6: "none_fits", 7: "cannot_tell" };

const place = document.getElementById("place");
let work = null;
let ahead = null; // {address, video} of the one piece of work that is reserved and preloaded
let busy = false;

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Session storage may be switched off; then a reload only costs watching again. */
const kept = {
  get(key) {
    try {
      return sessionStorage.getItem(key);
    } catch {
      return null;
    }
  },
  set(key, value) {
    try {
      if (value === null) sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, value);
    } catch {
      // nothing is lost but the copy
    }
  },
};

/** POST and hand back {status, data}; null when no answer came. One request at a time, so a double press sends once. */
async function send(url, body) {
  if (busy) return null;
  busy = true;
  try {
    return await postJson(url, body);
  } catch {
    toast(gettext("No connection to the server. What you typed is still here; send again in a moment."), { bad: true });
    return null;
  } finally {
    busy = false;
  }
}

class Work {
  constructor(root) {
    this.root = root;
    this.side = root.querySelector("#side");
    this.id = root.dataset.revision;
    this.neededS = Number(root.dataset.neededS);
    this.watchedS = Number(kept.get(`watched-${this.id}`) ?? 0);
    this.clip = new ClipDesk(root, { onPlayed: (seconds) => this.played(seconds) });
    this.side.addEventListener("submit", (event) => {
      event.preventDefault();
      if (event.target.matches("[data-blind-form]")) this.answer();
    });
    this.side.addEventListener("click", (event) => this.clicked(event));
    this.side.addEventListener("input", (event) => this.typed(event.target));
    this.side.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.returning) this.closeReturn();
    });
    this.enterStep();
  }

  get step() {
    return this.side.querySelector("[data-step]")?.dataset.step;
  }

  enterStep() {
    decorate(this.root);
    if (this.step === "blind") this.played(0);
    else if (this.step === "verdict") this.enterVerdict();
    reserveNext(this);
  }

  destroy() {
    this.clip.destroy();
  }

  say(sentence, { next = false } = {}) {
    const box = document.createElement("div");
    box.className = "notice warn";
    box.setAttribute("role", "alert");
    const line = document.createElement("p");
    line.textContent = sentence;
    box.append(line);
    if (next) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button small primary";
      button.textContent = gettext("Take the next one");
      button.addEventListener("click", () => takeNext());
      box.append(button);
    }
    this.side.querySelector("[data-said]").replaceChildren(box);
    if (next) box.querySelector("button").focus();
    box.scrollIntoView({ block: "nearest" });
  }

  /** Show why the server refused: errors at their fields, a lost race in words. What was typed stays. */
  refuse({ status, data }) {
    const { message, fields = {} } = data.error ?? { message: gettext("That did not work. Reload the page and try again.") };
    for (const line of this.side.querySelectorAll("[data-error-for]")) line.hidden = true;
    for (const input of this.side.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
    let first = null;
    for (const [name, sentence] of Object.entries(fields)) {
      const line = this.side.querySelector(`[data-error-for="${name}"]`);
      if (!line) continue;
      line.textContent = sentence;
      line.hidden = false;
      const input = this.side.querySelector(`[name="${name === "reasons" ? "reason" : name}"]`);
      if (name === "comment") input?.setAttribute("aria-invalid", "true");
      first ??= input ?? line;
    }
    if (first) {
      first.focus();
      first.scrollIntoView({ block: "nearest" });
    } else this.say(message, { next: status === 409 });
  }

  // Step 1

  async played(seconds) {
    if (this.step !== "blind") return;
    if (seconds > this.watchedS) {
      this.watchedS = seconds;
      kept.set(`watched-${this.id}`, String(seconds));
    }
    const bar = this.side.querySelector("[data-watch] progress");
    if (bar && this.neededS > 0) {
      bar.value = Math.min(100, Math.floor((100 * this.watchedS) / this.neededS));
      this.side.querySelector("[data-watched]").textContent = `${bar.value} %`;
    }
    if (this.watchedS >= this.neededS && !this.asked) {
      this.asked = true;
      await this.showOptions();
    }
  }

  async showOptions() {
    let reply = null;
    try {
      reply = await postJson(this.root.dataset.options, { watched_s: this.watchedS });
    } catch {
      toast(gettext("No connection to the server. The options come as soon as it answers."), { bad: true });
      this.askAgain();
      return;
    }
    if (work !== this) return;
    if (reply.status !== 200) {
      if (reply.status === 422) this.askAgain();
      return this.refuse(reply);
    }
    this.side.querySelector("[data-watch]").hidden = true;
    const options = this.side.querySelector("[data-options-place]");
    options.innerHTML = reply.data.html;
    this.shownAt = performance.now();
    decorate(options);
  }

  askAgain() {
    setTimeout(() => {
      this.asked = false;
      this.played(0);
    }, 3000);
  }

  /** A number chooses; the same number again sends. */
  choose(value) {
    const input = this.side.querySelector(`[name="answer"][value="${value}"]`);
    if (!input) return false;
    if (input.checked) return this.answer();
    // Without focus, so that Space goes on playing the clip.
    input.checked = true;
    this.side.querySelector("[data-chosen]").textContent = input.closest("label").textContent.trim();
  }

  async answer() {
    const chosen = this.side.querySelector('[name="answer"]:checked');
    if (!chosen) return this.side.querySelector('[name="answer"]')?.focus();
    const seconds = (performance.now() - this.shownAt) / 1000;
    const reply = await send(this.root.dataset.blind, { answer: chosen.value, watched_s: this.watchedS, seconds });
    if (!reply || work !== this) return;
    if (reply.status !== 200) return this.refuse(reply);
    this.side.innerHTML = reply.data.html;
    this.enterStep();
    this.side.querySelector(".stem").focus();
  }

  // Step 2

  enterVerdict() {
    this.clip.showSpans(JSON.parse(this.side.querySelector("[data-step]").dataset.spans));
    const form = this.side.querySelector("[data-verdict-form]");
    this.clientKey = form.dataset.clientKey;
    const draft = JSON.parse(kept.get(form.dataset.keep) ?? "null");
    if (!draft) return;
    form.elements.comment.value = draft.comment;
    for (const [name, text] of Object.entries(draft.comments)) {
      const input = form.querySelector(`[data-comment-for="${name}"]`);
      if (input) input.value = text;
    }
    for (const box of form.querySelectorAll("[data-code]")) box.checked = draft.reasons.includes(box.value);
    if (draft.reasons.length) this.openReturn();
  }

  typed(input) {
    if (input.dataset.commentFor !== undefined && input.value) {
      // Words beside a field are a reason even when no code was chosen.
      const row = input.closest("[data-reason-row]");
      if (!row.querySelector("[data-code]:checked")) [...row.querySelectorAll("[data-code]")].at(-1).checked = true;
    }
    const form = this.side.querySelector("[data-verdict-form]");
    if (!form) return;
    const comments = Object.fromEntries([...form.querySelectorAll("[data-comment-for]")].filter((input) => input.value).map((input) => [input.dataset.commentFor, input.value]));
    const reasons = [...form.querySelectorAll("[data-code]:checked")].map((box) => box.value);
    kept.set(form.dataset.keep, JSON.stringify({ comment: form.elements.comment.value, comments, reasons }));
  }

  openReturn({ focus = false } = {}) {
    const reasons = this.side.querySelector("[data-reasons]");
    if (!reasons) return false;
    this.showReturn(true);
    if (focus) reasons.querySelector("[data-code]").focus();
  }

  closeReturn() {
    this.showReturn(false);
    this.side.querySelector("[data-open-return]").focus();
  }

  showReturn(open) {
    this.side.querySelector("[data-reasons]").hidden = !open;
    this.side.querySelector("[data-open-return]").setAttribute("aria-expanded", String(open));
    this.side.querySelector("[data-open-return]").hidden = open;
    this.side.querySelector('[data-rule="return"]').hidden = !open;
    this.side.querySelector('[data-rule="approve"]').hidden = open;
  }

  get returning() {
    const reasons = this.side.querySelector("[data-reasons]");
    return Boolean(reasons) && !reasons.hidden;
  }

  /** In a return a number leads to its field, again to the next code there; a field with one code is chosen at once. */
  goToField(digit) {
    const boxes = [...this.side.querySelectorAll(`[data-reason-row="${digit}"] [data-code]`)];
    if (!this.returning || !boxes.length) return false;
    if (boxes.length === 1) boxes[0].click();
    boxes[(boxes.indexOf(document.activeElement) + 1) % boxes.length].focus();
  }

  number(digit) {
    if (this.step === "verdict") return this.goToField(digit);
    return this.choose(OTHER_ANSWERS[digit] ?? digit);
  }

  confirm() {
    if (this.step === "blind") return this.answer();
    if (this.returning) return this.rule("return");
    if (document.activeElement?.name === "comment") return this.rule("approve");
    this.say(gettext("Approve or return?"));
  }

  reject() {
    if (!this.side.querySelector('[data-rule="reject"]')) return false;
    if (!this.returning) return this.openReturn({ focus: true });
    return this.rule("reject");
  }

  async rule(verdict) {
    const form = this.side.querySelector("[data-verdict-form]");
    if (!form) return false;
    const reasons = [];
    for (const box of verdict === "approve" ? [] : form.querySelectorAll("[data-code]:checked")) {
      const { field, code } = box.dataset;
      const first = !reasons.some((reason) => reason.field === field);
      const comment = form.querySelector(`[data-comment-for="${field}"]`).value;
      reasons.push({ field, code, comment: first ? comment : "" });
    }
    const body = { verdict, reasons, comment: form.elements.comment.value, client_key: this.clientKey };
    const reply = await send(this.root.dataset.verdict, body);
    if (!reply || work !== this) return;
    if (reply.status !== 200) return this.refuse(reply);
    kept.set(form.dataset.keep, null);
    kept.set(`watched-${this.id}`, null);
    showRecent(reply.data.recent);
    const flash = this.root.querySelector(".flash");
    flash.dataset.verdict = verdict;
    flash.textContent = { approve: gettext("Approved"), return: gettext("Returned"), reject: gettext("Rejected") }[verdict];
    flash.hidden = false;
    await show(reply.data.next, { after: wait(FLASH_MS) });
  }

  clicked(event) {
    const target = event.target.closest("button");
    if (!target) return;
    if (target.dataset.rule === "reject") this.reject();
    else if (target.dataset.rule) this.rule(target.dataset.rule);
    else if ("openReturn" in target.dataset) this.openReturn({ focus: true });
    else if (target.dataset.do === "skip") skip();
  }
}

/** Swap in the work at `address`, or the closing words when there is none. */
async function show(address, { after = Promise.resolve(), play = true } = {}) {
  let html = "";
  if (address) {
    try {
      const [response] = await Promise.all([fetch(address, { headers: { "HX-Request": "true" }, credentials: "same-origin" }), after]);
      // A refusal is a page of its own; so is the login page that a lost session leads to.
      if (!response.ok || response.redirected || response.headers.get("HX-Redirect")) return location.assign(address);
      html = await response.text();
    } catch {
      return toast(gettext("No connection to the server. Press the button to load the next one."), {
        bad: true, ms: 60000, action: { label: gettext("Load"), run: () => show(address) },
      });
    }
  } else await after;
  work?.destroy();
  work = null;
  place.innerHTML = html || document.getElementById("nothing-left").innerHTML;
  history.replaceState(null, "", address ?? place.dataset.room);
  const desk = document.getElementById("desk");
  if (desk) {
    work = new Work(desk);
    desk.querySelector(".stem").focus({ preventScroll: true });
    if (play && work.step === "blind") work.clip.player.play();
  } else document.getElementById("desk-empty").focus();
}

/** Reserve exactly one next piece of work and fetch its video before it is needed; also keeps the lease alive. */
async function reserveNext(current) {
  let reply = null;
  try {
    reply = await postJson(current.root.dataset.ahead, {});
  } catch {
    return;
  }
  const next = reply.status === 200 ? reply.data.next : null;
  if (!next || work !== current || ahead?.address === next.address) return;
  const video = document.createElement("video");
  video.preload = "auto";
  video.muted = true;
  video.src = next.proxy;
  ahead?.video.removeAttribute("src");
  ahead = { address: next.address, video };
  new Image().src = next.filmstrip;
}

async function takeNext() {
  const reply = await send(place.dataset.next, {});
  if (reply?.status === 200) await show(reply.data.next);
}

async function skip() {
  const reply = work && (await send(work.root.dataset.skip, {}));
  if (reply?.status === 200) await show(reply.data.next);
  else if (reply) work.refuse(reply);
}

function showRecent(html) {
  const list = document.querySelector("[data-recent-place]");
  list.innerHTML = html;
  decorate(list);
  htmx.process(list);
}

async function undo(form = document.querySelector("form[data-undo]")) {
  if (!form) return toast(gettext("There is no verdict to undo."));
  const reply = await send(form.action, {});
  if (!reply) return;
  if (reply.status !== 200) return toast(reply.data.error?.message ?? gettext("That did not work. Reload the page and try again."), { bad: true });
  showRecent(reply.data.recent);
  await show(reply.data.next, { play: false });
  toast(gettext("The verdict is taken back. Rule again."));
}

document.getElementById("recent").addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-undo]")) return;
  event.preventDefault();
  undo(event.target);
});

const numbers = Object.fromEntries([1, 2, 3, 4].map((n) => [`review.option_${n}`, () => work?.number(n) ?? undefined]));
bind({
  ...numbers,
  "review.two_fit": () => work?.number(5),
  "review.none_fits": () => work?.number(6),
  "review.cannot_tell": () => work?.number(7),
  "review.field_8": () => work?.goToField(8),
  "review.field_9": () => work?.goToField(9),
  "review.confirm": () => work?.confirm(),
  "review.approve": () => (work?.step === "verdict" && !work.returning ? void work.rule("approve") : false),
  "review.return": () => (work?.step === "verdict" ? work.openReturn({ focus: true }) : false),
  "review.reject": () => (work?.step === "verdict" ? work.reject() : false),
  "review.undo": () => void undo(),
  "review.skip": () => void skip(),
});

work = new Work(document.getElementById("desk"));
place.dataset.ready = "1";
setInterval(() => document.visibilityState === "visible" && work && reserveNext(work), KEEP_ALIVE_MS);
