// The page of one question: the clip with its marked spans.

import { Player } from "../player.js";
import { Timeline } from "../timeline.js";

const { fpsNum, fpsDen, frameCount, tiles, columns, spans } = JSON.parse(document.getElementById("question-player").textContent);
if (frameCount && fpsNum) {
  const box = document.getElementById("question-timeline");
  const player = new Player(document.getElementById("question-video"), { fpsNum, fpsDen, frameCount });
  const timeline = new Timeline(box, player, { strip: { url: box.dataset.strip, tiles, columns } });
  timeline.setSpans(spans.map(([first, last]) => ({ first, last, ok: true })));
  for (const button of document.querySelectorAll("[data-span]")) {
    button.addEventListener("click", async () => {
      const [first, last] = button.dataset.span.split(" ").map(Number);
      player.loop([first, last]);
      await player.seekFrame(first);
      player.play();
    });
  }
}
