// The heat map of an ask: which frame is large, and how strong the colours are. Listens on the document, because the map is
// swapped in when the answer is there.

function colour() {
  const strength = document.querySelector("#ask-strength");
  if (!strength) return;
  const on = document.querySelector("#ask-colours").checked;
  for (const layer of document.querySelectorAll(".ask-heat")) layer.setAttribute("opacity", on ? strength.value / 100 : 0);
  strength.disabled = !on;
  const ring = document.querySelector(".ask-ring");
  if (ring) ring.toggleAttribute("hidden", !on);
  const own = document.querySelector("#ask-own");
  if (!own) return;
  own.disabled = !on;
  for (const layer of document.querySelectorAll(".ask-heat")) layer.setAttribute("y", own.checked ? -1 : 0);
  document.querySelector("#ask-own-help").hidden = !own.checked;
  const middle = document.querySelector("#ask-middle");
  const most = document.querySelector("#ask-most");
  middle.textContent = own.checked ? "" : middle.dataset.shared;
  most.textContent = own.checked
    ? interpolate(gettext("%s, the most in this frame"), [document.querySelector(".ask-frame[aria-current]")?.dataset.most ?? "–"])
    : most.dataset.shared;
}

function choose(frame) {
  for (const image of document.querySelectorAll("#ask-stage image")) image.setAttribute("x", -frame.dataset.place);
  document.querySelector("#ask-stage-label").textContent = frame.dataset.label;
  for (const circle of document.querySelectorAll(".ask-ring circle")) {
    circle.setAttribute("cx", frame.dataset.x ?? -1);
    circle.setAttribute("cy", frame.dataset.y ?? -1);
  }
  document.querySelector(".ask-frame[aria-current]")?.removeAttribute("aria-current");
  frame.setAttribute("aria-current", "true");
  colour();
}

document.addEventListener("input", (event) => {
  if (event.target.matches("#ask-strength, #ask-colours, #ask-own")) colour();
});

document.addEventListener("click", (event) => {
  const frame = event.target.closest(".ask-frame");
  if (frame) choose(frame);
});

document.addEventListener("keydown", (event) => {
  const frame = event.target.closest(".ask-frame");
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!frame || !step) return;
  const frames = [...document.querySelectorAll(".ask-frame")];
  const next = frames[frames.indexOf(frame) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
  choose(next);
});

document.addEventListener("htmx:afterSwap", colour);
colour();
