// The browser of a model's answers: keys go from one to the next and play the clip.
import { bind } from "./shortcuts.js";

const go = (action) => () => {
  const link = document.querySelector(`a[data-shortcut="${action}"]`);
  if (!link) return false;
  link.click();
};

bind({
  "answers.next": go("answers.next"),
  "answers.before": go("answers.before"),
  "answers.play": () => {
    const video = document.querySelector(".answer video");
    if (!video) return false;
    if (video.paused) video.play().catch(() => {});
    else video.pause();
  },
});
