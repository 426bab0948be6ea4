// Many files at once: a bar for each, cancel, and afterwards how far its ingest is.
import { csrfToken } from "./studio.js";

const AT_ONCE = 2;
const POLL_MS = 1500;
const form = document.getElementById("upload");
const list = document.getElementById("uploads");
const drop = document.getElementById("drop");
const input = document.getElementById("id_file");
const said = document.getElementById("upload-said");
const maxBytes = Number(form.dataset.maxBytes);
const waiting = [];
const following = new Map(); // clip id -> rows
let running = 0;
let polling = null;

function size(bytes) {
  const units = ["B", "kB", "MB", "GB"];
  let power = 0;
  let value = bytes;
  while (value >= 1000 && power < units.length - 1) {
    value /= 1000;
    power += 1;
  }
  return `${value.toLocaleString(document.documentElement.lang, { maximumFractionDigits: power > 1 ? 1 : 0 })} ${units[power]}`;
}

class Row {
  constructor(file) {
    this.file = file;
    this.item = document.createElement("li");
    this.item.className = "upload-row";
    this.name = document.createElement("span");
    this.name.className = "name";
    this.name.textContent = this.name.title = file.name;
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.className = "button small";
    this.button.textContent = gettext("Cancel");
    this.button.setAttribute("aria-label", interpolate(gettext("Cancel %s"), [file.name]));
    this.button.addEventListener("click", () => this.cancel());
    const track = document.createElement("div");
    track.className = "progress-track";
    this.bar = document.createElement("progress");
    this.bar.max = 1;
    this.bar.value = 0;
    this.bar.setAttribute("aria-label", interpolate(gettext("Progress of %s"), [file.name]));
    track.append(this.bar);
    this.line = document.createElement("p");
    this.line.className = "said";
    this.item.append(this.name, this.button, track, this.line);
    this.say(interpolate(gettext("%s, waiting"), [size(file.size)]));
  }

  say(text, mood = "") {
    this.line.textContent = text;
    this.item.classList.remove("good", "bad");
    if (mood) {
      this.item.classList.add(mood);
      said.textContent = `${this.file.name}: ${text}`;
    }
  }

  end(text, mood) {
    this.over = true;
    this.button.remove();
    this.bar.value = mood === "good" ? 1 : this.bar.value;
    this.say(text, mood);
  }

  cancel() {
    if (this.over) return;
    this.cancelled = true;
    this.request?.abort();
    const at = waiting.indexOf(this);
    if (at >= 0) waiting.splice(at, 1);
    this.end(gettext("Cancelled. Nothing was kept."), "bad");
  }

  send() {
    return new Promise((done) => {
      const data = new FormData();
      for (const [name, value] of this.story) data.append(name, value);
      data.append("file", this.file);
      const request = new XMLHttpRequest();
      this.request = request;
      const started = performance.now();
      request.open("POST", form.action || location.pathname);
      request.setRequestHeader("X-CSRFToken", csrfToken());
      request.setRequestHeader("Accept", "application/json");
      request.responseType = "json";
      request.upload.addEventListener("progress", (event) => {
        if (!event.lengthComputable || this.over) return;
        this.bar.value = event.loaded / event.total;
        const rate = event.loaded / Math.max(0.001, (performance.now() - started) / 1000);
        const left = Math.ceil((event.total - event.loaded) / Math.max(1, rate));
        this.say(
          event.loaded < event.total
            ? interpolate(gettext("%s of %s · %s/s · %s s left"), [size(event.loaded), size(event.total), size(rate), left])
            : gettext("Being checked …"),
        );
      });
      request.addEventListener("load", () => this.answered(request));
      request.addEventListener("error", () => this.over || this.end(gettext("The connection broke off. Drop the file again."), "bad"));
      request.addEventListener("loadend", done);
      request.send(data);
    });
  }

  answered(request) {
    if (this.over) return;
    const answer = request.response;
    if (request.status !== 201) {
      const text = answer?.error?.message ?? interpolate(gettext("The server refused this file (status %s)."), [request.status]);
      showFieldErrors(answer?.error?.fields);
      this.end(text, "bad");
      return;
    }
    const [clip] = answer.clips;
    const link = document.createElement("a");
    link.className = "name";
    link.href = clip.url;
    link.textContent = clip.name;
    this.name.replaceWith(link);
    this.button.remove();
    this.bar.value = 0;
    this.again = clip.message;
    this.say(clip.message || gettext("Uploaded. Waiting for its ingest …"));
    const rows = following.get(String(clip.id)) ?? [];
    following.set(String(clip.id), [...rows, this]);
    poll();
  }

  ingest(state) {
    if (state.state === "ready") {
      this.end(this.again || gettext("Ready."), "good");
    } else if (state.state === "failed") {
      this.end(state.failure, "bad");
    } else {
      if (state.total) this.bar.value = state.done / state.total;
      this.say(
        state.waiting
          ? gettext("Uploaded. Waiting for its ingest …")
          : state.total
            ? interpolate(gettext("Being ingested: %s of %s frames"), [state.done, state.total])
            : gettext("Being ingested …"),
      );
    }
    return this.over;
  }
}

function showFieldErrors(fields) {
  for (const place of form.querySelectorAll("[data-error-for]")) {
    const errors = fields?.[place.dataset.errorFor];
    place.hidden = !errors;
    place.textContent = errors ? errors.join(" ") : "";
  }
}

function story() {
  return [...new FormData(form)].filter(([name]) => name !== "file" && name !== "csrfmiddlewaretoken");
}

async function pump() {
  while (running < AT_ONCE && waiting.length) {
    running += 1;
    const row = waiting.shift();
    row.send().then(() => {
      running -= 1;
      pump();
    });
  }
}

function take(files) {
  const shared = story();
  for (const file of files) {
    const row = new Row(file);
    row.story = shared;
    list.append(row.item);
    if (file.size > maxBytes) {
      row.end(interpolate(gettext("The file is larger than %s."), [size(maxBytes)]), "bad");
    } else if (file.size === 0) {
      row.end(gettext("The file is empty, or a folder."), "bad");
    } else {
      waiting.push(row);
    }
  }
  pump();
}

async function ask() {
  polling = null;
  const ids = [...following.keys()].slice(0, 200);
  try {
    const response = await fetch(`${form.dataset.stateUrl}?ids=${ids.join(",")}`, { headers: { Accept: "application/json" } });
    if (response.ok) {
      const answer = await response.json();
      document.getElementById("no-worker").hidden = !answer.worker_missing;
      for (const [id, state] of Object.entries(answer.clips)) {
        const left = (following.get(id) ?? []).filter((row) => !row.ingest(state));
        if (left.length) following.set(id, left);
        else following.delete(id);
      }
    }
  } catch {
    // no connection: asked again below
  }
  poll();
}

function poll() {
  if (polling === null && following.size) polling = setTimeout(ask, POLL_MS);
}

input.addEventListener("change", () => {
  take([...input.files]);
  input.value = "";
});
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault(); // else a file that misses the box would be opened in place of the page
    drop.classList.toggle("over", drop.contains(event.target));
  });
}
document.addEventListener("dragleave", () => drop.classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  if (event.dataTransfer?.files.length) take([...event.dataTransfer.files]);
});
addEventListener("beforeunload", (event) => {
  if (running || waiting.length) event.preventDefault();
});
