// A clip's page: step through the frames and say which one is shown.
import { Player } from "./player.js";

function begin() {
  const video = document.getElementById("clip-video");
  if (!video || video.dataset.begun) return;
  video.dataset.begun = "1";
  const { fpsNum, fpsDen, frameCount } = video.dataset;
  const player = new Player(video, { fpsNum: Number(fpsNum), fpsDen: Number(fpsDen), frameCount: Number(frameCount) });
  const stage = video.closest(".stage");
  const shown = stage.querySelector(".frame-number");
  player.addEventListener("frame", () => {
    shown.textContent = `${player.frame} / ${frameCount}`;
  });
  for (const button of stage.querySelectorAll("[data-step]")) {
    button.addEventListener("click", () => player.step(Number(button.dataset.step)));
  }
}
document.body.addEventListener("htmx:load", begin);
begin();
