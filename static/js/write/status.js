// What the desk says about the text and the lease: one quiet line, and a banner when somebody must know or choose.

export class Status {
  constructor(desk, { onRenew }) {
    this.line = desk.querySelector("#saved");
    this.leaseLine = desk.querySelector("#lease");
    this.banner = desk.querySelector("#banner");
    this.login = desk.dataset.login;
    this.onRenew = onRenew;
    this.ends = null;
    this.kinds = new Map(); // banners in the order they came
    setInterval(() => this._tick(), 5000);
  }

  clear() {
    this.kinds.clear();
    this._drawBanner();
    this.show({ state: "clean" });
  }

  show({ state, at, message }) {
    const clock = (at ?? new Date()).toLocaleTimeString("en-GB");
    const lines = {
      clean: gettext("Nothing to save yet"),
      saved: interpolate(gettext("Saved %s"), [clock]),
      waiting: gettext("Typing…"),
      saving: gettext("Saving…"),
      offline: gettext("Kept in this browser"),
      refused: gettext("Not saved"),
      signed_out: gettext("Kept in this browser"),
      unsent: gettext("Not submitted yet"),
    };
    this.line.textContent = lines[state];
    this.line.dataset.state = state;
    for (const kind of ["offline", "refused", "signed_out", "unsent"]) {
      if (state === "saved" || state === "clean" || (kind !== state && state !== "saving" && state !== "waiting")) this.kinds.delete(kind);
    }
    const texts = {
      offline: gettext("No connection. Your text is kept in this browser and is sent as soon as the server answers."),
      refused: message,
      signed_out: gettext("You are signed out. Your text is kept in this browser; sign in and it is sent."),
      unsent: gettext("No answer came. Your text is kept; submit again when you are connected, it counts once."),
    };
    if (texts[state]) {
      const actions = state === "signed_out" ? [{ label: gettext("Sign in in a new tab"), href: this.login }] : [];
      this.ask(state, texts[state], actions);
    } else this._drawBanner();
  }

  /** A banner with choices; each choice closes it. */
  ask(kind, text, actions) {
    if (this.kinds.get(kind)?.text === text) return;
    this.kinds.delete(kind);
    this.kinds.set(kind, { text, actions });
    this._drawBanner();
  }

  /** `seconds` the piece is still this person's; null where no lease is needed. */
  lease(seconds) {
    this.ends = seconds === null ? null : Date.now() + seconds * 1000;
    this.kinds.delete("lease");
    this._drawBanner();
    this._tick();
  }

  _tick() {
    if (this.ends === null) {
      this.leaseLine.textContent = gettext("Yours until you submit");
      this.leaseLine.classList.remove("low");
      return;
    }
    const left = this.ends - Date.now();
    const minutes = Math.ceil(left / 60_000);
    this.leaseLine.classList.toggle("low", left < 5 * 60_000);
    const until = new Date(this.ends).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
    this.leaseLine.title = interpolate(gettext("Yours until %s; every save prolongs it."), [until]);
    if (left > 0) {
      this.leaseLine.textContent = interpolate(ngettext("Yours for %s more minute", "Yours for %s more minutes", minutes), [minutes]);
      return;
    }
    this.leaseLine.textContent = gettext("Your time ran out");
    this.ask("lease", gettext("Your time with this clip ran out. Your text is kept. Go on, and you have it back unless somebody else took it."), [
      { label: gettext("Take it back"), run: this.onRenew },
    ]);
  }

  _drawBanner() {
    const rows = [...this.kinds].map(([kind, { text, actions }]) => {
      const row = document.createElement("div");
      row.className = `notice ${kind === "restore" || kind === "next" ? "" : "warn"}`;
      row.dataset.kind = kind;
      row.append(Object.assign(document.createElement("span"), { textContent: text }));
      for (const { label, run, href } of actions) {
        const control = Object.assign(document.createElement(href ? "a" : "button"), { className: "button small", textContent: label });
        if (href) Object.assign(control, { href, target: "_blank", rel: "noopener" });
        else {
          control.type = "button";
          control.addEventListener("click", () => {
            this.kinds.delete(kind);
            this._drawBanner();
            run();
          });
        }
        row.append(" ", control);
      }
      return row;
    });
    this.banner.replaceChildren(...rows);
    this.banner.hidden = !rows.length;
  }
}
