// Keys. One list from the server (studio/shortcuts.py) drives the handler, the tooltips, the help sheet and its editor.
//
//   const unbind = bind({ "player.toggle": () => player.toggle() });
//
// A handler that returns false did not use the key. Elements with data-shortcut="player.toggle" get a tooltip with the
// key; <kbd data-key-of="player.toggle"> shows the key alone.

import { postJson } from "./studio.js";

const data = document.getElementById("shortcut-data");
let rows = data ? JSON.parse(data.textContent) : [];
const scopes = new Set(rows.map((row) => row.scope));
const handlers = new Map();
const codes = {
  Comma: ",", Period: ".", Slash: "/", Semicolon: ";", Quote: "'", BracketLeft: "[", BracketRight: "]", Backslash: "\\",
  Minus: "-", Equal: "=", Backquote: "`", Space: "Space",
};

/** The spellings a key press may be stored under, the most literal first: what it types, then where it lies. */
export function chordsOf(event) {
  const altGraph = event.getModifierState?.("AltGraph");
  const ctrl = (event.ctrlKey || event.metaKey) && !altGraph ? "Ctrl+" : "";
  const alt = event.altKey && !altGraph ? "Alt+" : "";
  const shift = event.shiftKey ? "Shift+" : "";
  const key = event.key === " " || event.key === "\u00a0" ? "Space" : event.key;
  const found = [];
  if (key.length === 1 && key.toLowerCase() === key.toUpperCase()) found.push(ctrl + alt + key);
  else if (key.length === 1) found.push(ctrl + alt + shift + key.toLowerCase());
  else found.push(ctrl + alt + shift + key);
  const code = event.code || "";
  const base = codes[code] ?? (/^Key[A-Z]$/.test(code) ? code[3].toLowerCase() : /^Digit\d$/.test(code) ? code[5] : null);
  if (base) found.push(ctrl + alt + shift + base);
  return [...new Set(found)];
}

/** How a key is shown: Cmd on a Mac, arrows as arrows. */
export function showKey(key) {
  const mac = /Mac|iPhone|iPad/.test(navigator.platform);
  const words = { Ctrl: mac ? "⌘" : "Ctrl", Alt: mac ? "⌥" : "Alt", Shift: mac ? "⇧" : "Shift", Space: gettext("Space"),
    ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };
  const parts = key.endsWith("+") ? [...key.slice(0, -1).split("+").filter(Boolean), "+"] : key.split("+");
  return parts.map((part) => words[part] ?? (part.length === 1 ? part.toUpperCase() : part)).join(mac ? "" : "+");
}

export function keyOf(action) {
  return rows.find((row) => row.action === action)?.key ?? "";
}

export function bind(actions) {
  for (const [action, run] of Object.entries(actions)) handlers.set(action, run);
  decorate();
  return () => {
    for (const [action, run] of Object.entries(actions)) if (handlers.get(action) === run) handlers.delete(action);
  };
}

/** Whether keys pressed in this element are text, or choose in it. */
export function isTyping(element) {
  if (!element || element === document.body) return false;
  if (element.isContentEditable || element.tagName === "TEXTAREA" || element.tagName === "SELECT") return true;
  const silent = ["button", "checkbox", "radio", "range", "submit", "reset", "color", "file", "image"];
  return element.tagName === "INPUT" && !silent.includes(element.type);
}

function rowFor(event, typing) {
  const chords = chordsOf(event);
  const find = (chord) => rows.find((row) => row.key === chord && handlers.has(row.action));
  const withModifier = event.ctrlKey || event.metaKey || event.altKey;
  if (typing && !withModifier) return null;
  for (const chord of chords) {
    const row = find(chord);
    if (row) return row;
  }
  if (!typing || !event.altKey || event.ctrlKey || event.metaKey) return null;
  for (const chord of chords) {
    const row = find(chord.replace("Alt+", ""));
    if (row) return row;
  }
  return null;
}

const PRESSABLE = "button, summary, input, [role='radio'], [role='button'], [role='tab']";
const MOVABLE = "[role='slider'], [role='radio'], [role='tab'], input";

// The control that was clicked last, until the keyboard moves on.
let clicked = null;
document.addEventListener("pointerdown", ({ target }) => {
  clicked = target.closest("label")?.control ?? target.closest(PRESSABLE);
});

function onKey(event) {
  if (event.key === "Tab" || event.key.startsWith("Arrow")) clicked = null;
  if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
  const typing = isTyping(event.target);
  // In a text field the browser's own undo is the better one.
  if (typing && event.target.tagName !== "SELECT" && ["z", "y"].includes(event.key.toLowerCase()) && (event.ctrlKey || event.metaKey)) return;
  const row = rowFor(event, typing);
  if (!row || (event.repeat && !row.repeats)) return;
  // A control reached by Tab keeps Space and Enter; one that was clicked gives Space back to the player.
  if (["Space", "Enter"].includes(row.key) && event.target.closest?.(PRESSABLE) && event.target !== clicked) return;
  if (/^(Arrow|Home$|End$|Page)/.test(row.key) && event.target.closest?.(MOVABLE)) return;
  if (handlers.get(row.action)(event) !== false) event.preventDefault();
}
document.addEventListener("keydown", onKey);

/** Fill tooltips and key caps below `root`. */
export function decorate(root = document) {
  for (const element of root.querySelectorAll("[data-shortcut]")) {
    const row = rows.find((one) => one.action === element.dataset.shortcut);
    if (!row) continue;
    const name = element.dataset.tip || row.label;
    element.title = row.key ? `${name} (${showKey(row.key)})` : name;
    if (!element.textContent.trim() && !element.hasAttribute("aria-label")) element.setAttribute("aria-label", name);
  }
  for (const cap of root.querySelectorAll("[data-key-of]")) {
    const key = keyOf(cap.dataset.keyOf);
    cap.textContent = showKey(key);
    cap.hidden = !key;
  }
}

function replaceRows(all) {
  rows = all.filter((row) => scopes.has(row.scope));
  decorate();
  for (const editor of document.querySelectorAll("[data-shortcut-editor]")) drawEditor(editor);
}

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function drawEditor(editor, { action = null, text = "", bad = false } = {}) {
  const status = element("p", { className: bad ? "notice warn" : "notice", role: "status", hidden: !text }, text);
  const groups = element("div", { className: "shortcut-groups" });
  for (const group of new Set(rows.map((row) => row.group))) {
    const list = element("dl");
    for (const row of rows.filter((one) => one.group === group)) {
      const button = element("button", { type: "button", className: "shortcut-key" });
      button.dataset.action = row.action;
      button.append(row.key ? element("kbd", {}, showKey(row.key)) : gettext("none"));
      button.setAttribute("aria-label", `${row.label}: ${row.key ? showKey(row.key) : gettext("none")}. ${gettext("Change")}`);
      if (row.key !== row.default) button.classList.add("changed");
      button.addEventListener("click", () => capture(editor, row, button));
      list.append(element("div", {}, element("dt", {}, row.label), element("dd", {}, button)));
    }
    groups.append(element("section", {}, element("h3", {}, group), list));
  }
  const restore = element("button", { type: "button", className: "button small" }, gettext("Restore the defaults"));
  restore.disabled = rows.every((row) => row.key === row.default);
  restore.addEventListener("click", async () => {
    const reply = await send(editor, "restore", {});
    if (reply.status === 200) replaceRows(reply.data.rows);
    drawEditor(editor, { text: reply.status === 200 ? gettext("All shortcuts are as they were at first.") : reply.data.error.message, bad: reply.status !== 200 });
  });
  editor.replaceChildren(status, groups, element("div", { className: "row" }, restore));
  if (action) editor.querySelector(`[data-action="${action}"]`)?.focus();
  return status;
}

async function send(editor, what, body) {
  try {
    return await postJson(editor.closest("[data-set]").dataset[what], body);
  } catch {
    return { status: 0, data: { error: { message: gettext("No connection to the server.") } } };
  }
}

function capture(editor, row, button) {
  button.classList.add("listening");
  button.textContent = gettext("Press a key…");
  const stop = (options) => {
    gone.abort();
    drawEditor(editor, { action: row.action, ...options });
  };
  const gone = new AbortController();
  const onPress = async (event) => {
    if (["Shift", "Control", "Alt", "Meta", "AltGraph", "CapsLock", "Dead", "Process"].includes(event.key)) return;
    if (event.key === "Tab") return stop({});
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") return stop({});
    await save(event.key === "Backspace" || event.key === "Delete" ? "" : chordsOf(event)[0], false);
  };
  const save = async (key, take) => {
    gone.abort();
    const reply = await send(editor, "set", { action: row.action, key, take });
    if (reply.status === 200) {
      replaceRows(reply.data.rows);
      return stop({});
    }
    const status = drawEditor(editor, { action: row.action, text: reply.data.error.message, bad: true });
    if (reply.status === 409) {
      const move = element("button", { type: "button", className: "button small" }, gettext("Use it here instead"));
      move.addEventListener("click", () => save(key, true));
      status.append(" ", move);
      move.focus();
    }
  };
  button.addEventListener("keydown", onPress, { signal: gone.signal });
  button.addEventListener("blur", () => stop({}), { signal: gone.signal });
}

const sheet = document.getElementById("shortcut-help");
if (sheet) {
  bind({
    help: () => {
      drawEditor(sheet.querySelector("[data-shortcut-editor]"));
      sheet.showModal();
    },
  });
  sheet.addEventListener("click", (event) => event.target === sheet && sheet.close());
} else {
  for (const editor of document.querySelectorAll("[data-shortcut-editor]")) drawEditor(editor);
}
for (const opener of document.querySelectorAll("[data-open-shortcuts]")) {
  opener.addEventListener("click", () => handlers.get("help")?.());
}
decorate();
