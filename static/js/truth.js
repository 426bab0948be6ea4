// What happened here: the boxes of the glitch's actors over the video, the twin in step with it, and true span against
// marked spans under one scale.

import { Player } from "./player.js";
import { ClipDesk } from "./review-clip.js";

const SVG = "http://www.w3.org/2000/svg";
const OFF_BY = 2; // frames the twin may lag while both play

const desk = document.getElementById("desk");
const overlay = JSON.parse(document.getElementById("truth-overlay").textContent);
const tracks = [...desk.querySelectorAll("[data-lane]")].map((track) => ({ track, spans: spansOf(track.dataset.lane) }));
const clip = new ClipDesk(desk, { timeline: { onView: drawLanes } });
const { player } = clip;

function spansOf(text) {
  return text ? text.split(",").map((pair) => pair.trim().split(" ").map(Number)) : [];
}

/** Each lane shows the same frames as the filmstrip above it. */
function drawLanes(from, to) {
  const place = (frame) => `${(100 * (frame - from)) / (to - from)}%`;
  for (const { track, spans } of tracks) {
    track.replaceChildren(
      ...spans.map(([first, last]) => {
        const bar = Object.assign(document.createElement("span"), { className: "lane-bar" });
        Object.assign(bar.style, { left: place(first), width: `${(100 * (last + 1 - first)) / (to - from)}%` });
        return bar;
      }),
    );
  }
}

/** Boxes in the pixels of the clip as it was made; the picture is fitted into the stage just as the video is. */
function drawBoxes() {
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("class", "truth-boxes");
  picture.setAttribute("viewBox", `0 0 ${overlay.width} ${overlay.height}`);
  picture.setAttribute("aria-hidden", "true");
  const drawn = overlay.actors.map(({ boxes }, index) => {
    const box = document.createElementNS(SVG, "rect");
    box.setAttribute("class", index ? "second" : "first");
    picture.append(box);
    return { box, boxes };
  });
  desk.querySelector("#stage").append(picture);
  const show = () => {
    const { frame } = player;
    const visible = overlay.spans.some(([first, last]) => first <= frame && frame <= last);
    picture.classList.toggle("before", !visible);
    for (const { box, boxes } of drawn) {
      const at = boxes[Math.min(frame, boxes.length - 1)];
      box.style.display = at ? "" : "none";
      if (!at) continue;
      const [left, top, right, bottom] = at;
      for (const [name, value] of Object.entries({ x: left, y: top, width: right - left, height: bottom - top })) box.setAttribute(name, value);
    }
    picture.dataset.frame = frame;
  };
  player.addEventListener("frame", show);
  show();
  const toggle = document.getElementById("boxes");
  toggle?.addEventListener("change", () => picture.classList.toggle("off", !toggle.checked));
}

/** The twin shows the frame of the clip: it plays along, and is set right when it strays. */
function follow(video, rate) {
  const twin = new Player(video, rate);
  const catchUp = () => {
    if (player.playing) {
      video.playbackRate = player.rate;
      if (twin.video.paused) twin.video.play().catch(() => {});
      if (Math.abs(twin.frame - player.frame) > OFF_BY) video.currentTime = twin.timeOf(player.frame);
    } else {
      video.pause();
      if (twin.frame !== player.frame) twin.seekFrame(player.frame);
    }
  };
  player.addEventListener("frame", catchUp);
  player.addEventListener("state", catchUp);
}

clip.showSpans(overlay.spans);
drawBoxes();
const twin = document.getElementById("twin");
if (twin && overlay.twin) follow(twin, overlay.twin);

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-said-span], [data-frame]");
  if (!button || button.closest(".truth-boxes")) return;
  player.pause();
  player.loop(null);
  player.seekFrame(Number((button.dataset.saidSpan ?? button.dataset.frame).split(",")[0]));
  document.getElementById("stage").scrollIntoView({ block: "nearest" });
});
