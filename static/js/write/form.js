// The form of the desk: its fields as one object and back, errors and remarks at their fields, hints beside the options.

import { OPTIONS, describe, hintsFor, lengths } from "./hints.js";

const TEXTS = ["stem", ...OPTIONS, "note"];
const OWN = "own";

export class Form extends EventTarget {
  /** "input" on every change; "choice" (detail {before}) when a category, kind or stem was chosen, for undo. */
  constructor(root, { optionLimit }) {
    super();
    this.root = root;
    this.optionLimit = optionLimit;
    this.categories = JSON.parse(document.getElementById("categories").textContent);
    this.radios = [...root.querySelectorAll("input[name=category]")];
    this.sub = root.querySelector("#sub_label");
    this.stemChoice = root.querySelector("#stem_choice");
    this.text = Object.fromEntries(TEXTS.map((name) => [name, root.querySelector(`#${name}`)]));
    this.names = Object.fromEntries([...root.querySelectorAll("[data-field][data-name]")].map((one) => [one.dataset.field, one.dataset.name]));
    for (const dot of root.querySelectorAll(".dot[data-colour]")) dot.style.setProperty("--dot", dot.dataset.colour);
    this._listen();
  }

  get category() {
    return this.radios.find((radio) => radio.checked)?.value ?? "";
  }

  /** The choices that Undo takes back (texts have the browser's own undo). */
  choices() {
    const content = this.read();
    return { category: content.category, sub_label: content.sub_label, stem: content.stem, stem_choice: this.stemChoice.value };
  }

  restoreChoices({ category, sub_label: sub, stem, stem_choice: choice }) {
    this._setCategory(category, sub);
    this.stemChoice.value = choice;
    this._setStem(stem, choice);
    this._remember();
    this._changed();
  }

  read() {
    const content = { category: this.category, sub_label: this.sub.value };
    for (const name of TEXTS) content[name] = this.text[name].value;
    if (this.stemChoice.value !== OWN) content.stem = this.stemChoice.value;
    return content;
  }

  write(content) {
    this._setCategory(content.category ?? "", content.sub_label ?? "");
    for (const name of TEXTS) this.text[name].value = content[name] ?? "";
    const usual = [...this.stemChoice.options].some((option) => option.value === content.stem);
    this.stemChoice.value = content.stem ? (usual ? content.stem : OWN) : "";
    this._setStem(content.stem ?? "", this.stemChoice.value);
    this._remember();
    this.clearErrors();
    this._draw();
  }

  _setCategory(category, sub) {
    for (const radio of this.radios) radio.checked = radio.value === category;
    this._drawCategory(category, sub);
  }

  _setStem(stem, choice) {
    this.text.stem.hidden = choice !== OWN;
    this.text.stem.value = choice === OWN ? stem : "";
  }

  _remember() {
    this._last = this.choices();
  }

  _listen() {
    for (const radio of this.radios) {
      radio.addEventListener("change", () => {
        this._drawCategory(radio.value, "");
        this._chosen("category");
      });
      const label = radio.closest("label");
      label.addEventListener("pointerenter", () => this._drawDefinition(radio.value));
      label.addEventListener("pointerleave", () => this._drawDefinition(this.category));
      radio.addEventListener("focus", () => this._drawDefinition(radio.value));
    }
    this.sub.addEventListener("change", () => this._chosen("sub_label"));
    this.stemChoice.addEventListener("change", () => {
      const own = this.stemChoice.value === OWN;
      this._setStem(own ? (this._last?.stem ?? "") : "", this.stemChoice.value);
      this._chosen("stem");
      if (own) this.text.stem.focus();
    });
    for (const name of TEXTS) {
      this.text[name].addEventListener("input", () => {
        this.clearError(name);
        if (name === "stem") this._remember();
        this._changed();
      });
    }
    for (const key of OPTIONS) {
      this.text[key].addEventListener("focus", () => this._drawHints(key));
      this.text[key].addEventListener("blur", () => this._drawHints(null));
      // An option is one line of text: Enter goes on, as Tab does.
      this.text[key].addEventListener("keydown", (event) => {
        if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.isComposing) return;
        event.preventDefault();
        const next = OPTIONS[OPTIONS.indexOf(key) + 1] ?? "note";
        this.text[next].focus();
      });
    }
  }

  _chosen(field) {
    const before = this._last;
    this.clearError(field === "sub_label" ? "category" : field);
    this._remember();
    this.dispatchEvent(new CustomEvent("choice", { detail: { before } }));
    this._changed();
  }

  _changed() {
    this._draw();
    this.dispatchEvent(new CustomEvent("input"));
  }

  _drawCategory(name, sub) {
    const category = this.categories[name];
    const options = [new Option(gettext("Kind: not said"), "")];
    for (const [value, label] of category?.sub_labels ?? []) options.push(new Option(label, value));
    if (sub && !options.some((option) => option.value === sub)) options.push(new Option(sub, sub));
    this.sub.replaceChildren(...options);
    this.sub.value = sub;
    this.sub.disabled = !category;
    this._drawDefinition(name);
  }

  _drawDefinition(name) {
    const category = this.categories[name];
    const box = this.root.querySelector("#definition");
    box.replaceChildren();
    if (!category) return box.append(gettext("Choose the law that is broken; arrow keys move between the categories."));
    const example = Object.assign(document.createElement("span"), { className: "muted", textContent: ` ${category.example}` });
    box.append(category.definition, example);
  }

  _draw() {
    const content = this.read();
    const { lengths: characters } = lengths(content);
    const longest = Math.max(1, ...Object.values(characters));
    for (const key of OPTIONS) {
      const meter = this.root.querySelector(`[data-meter="${key}"]`);
      meter.querySelector("i").style.width = `${(characters[key] / longest) * 100}%`;
      const count = meter.querySelector("b");
      count.textContent = characters[key];
      count.classList.toggle("over", characters[key] > this.optionLimit);
    }
    this.hints = hintsFor(content);
    this._drawHints(OPTIONS.find((key) => document.activeElement === this.text[key]) ?? null);
  }

  /** One line of short hints; while an option has the focus, its hints are explained in full. */
  _drawHints(focused) {
    const box = this.root.querySelector("#hints");
    const about = (this.hints ?? []).map((hint) => ({ ...hint, ...describe(hint, this.names) }));
    for (const key of OPTIONS) {
      const own = about.filter((hint) => hint.fields.includes(key));
      this.root.querySelector(`[data-field="${key}"]`).classList.toggle("hinted", own.length > 0);
    }
    const chosen = focused ? about.filter((hint) => hint.fields.includes(focused)) : [];
    const lines = chosen.length ? chosen : about;
    box.replaceChildren(
      ...lines.map((hint) => {
        const line = document.createElement("span");
        line.className = chosen.length ? "hint-why" : "hint";
        line.dataset.code = hint.code;
        line.textContent = chosen.length ? hint.why : hint.short;
        line.title = hint.why;
        return line;
      }),
    );
    if (!lines.length) box.append(Object.assign(document.createElement("span"), { className: "muted", textContent: gettext("No hints: nothing in the wording stands out.") }));
  }

  /** Show each error at its field and put the focus on the first one. */
  showErrors(errors) {
    this.clearErrors();
    let first = null;
    for (const box of this.root.querySelectorAll("[data-field]")) {
      const { field } = box.dataset;
      if (!errors[field]) continue;
      const line = box.querySelector(".error");
      line.textContent = errors[field];
      line.hidden = false;
      const input = this._input(field);
      input?.setAttribute("aria-invalid", "true");
      first ??= input;
    }
    first?.focus();
    first?.scrollIntoView?.({ block: "nearest" });
    return Boolean(first);
  }

  _input(field) {
    if (field === "category") return this.radios.find((radio) => radio.checked) ?? this.radios[0];
    if (field === "stem") return this.text.stem.hidden ? this.stemChoice : this.text.stem;
    if (field === "spans") return this.root.querySelector("#stage");
    return this.text[field] ?? null;
  }

  clearError(field) {
    const box = this.root.querySelector(`[data-field="${field}"]`);
    if (!box) return;
    const line = box.querySelector(".error");
    if (line) line.hidden = true;
    this._input(field)?.removeAttribute("aria-invalid");
    for (const input of box.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  }

  clearErrors() {
    for (const box of this.root.querySelectorAll("[data-field]")) this.clearError(box.dataset.field);
  }

  /** What was said about the last revision, each remark at its field. */
  showRemarks(remarks) {
    for (const list of this.root.querySelectorAll("[data-remarks]")) {
      const own = remarks.filter((remark) => remark.field === list.dataset.remarks);
      list.hidden = !own.length;
      list.replaceChildren(
        ...own.map((remark) => {
          const line = document.createElement("li");
          line.append(Object.assign(document.createElement("strong"), { textContent: remark.code }));
          if (remark.comment) line.append(`: ${remark.comment}`);
          return line;
        }),
      );
    }
  }

  focusFirstEmpty() {
    const content = this.read();
    if (!content.category) return this.radios[0].focus();
    const empty = ["stem", ...OPTIONS].find((name) => !content[name].trim());
    (empty ? this._input(empty) : this.text.note).focus();
  }
}
