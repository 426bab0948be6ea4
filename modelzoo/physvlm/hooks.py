"""What a run tells while it trains: lines for the terminal, the folder and TensorBoard, and whether it was asked to end."""

from dataclasses import dataclass, field

import torch

from modelzoo.physvlm import cost
from modelzoo.physvlm.loop import STOP, Stopped
from modelzoo.physvlm.runfolder import RunFolder


@dataclass
class Hooks:
    """What the loop calls. `show` takes a text for the terminal, `asked` says whether to save or stop."""

    folder: RunFolder
    first: bool
    show: object
    asked_signal: dict = field(default_factory=lambda: {"stop": False})
    board: object = None
    extra: dict = field(default_factory=dict)
    on_saved: object = None
    clip_ids: list = field(default_factory=list)
    opened: bool = False  # whether the folder is this run's; an error before that leaves the folder as it was

    def begin(self, world, *, steps, step):
        """Training begins behind `step` of `steps`: what every logged line needs from here on."""
        peak = cost.peak_flops(torch.cuda.get_device_name(world.device)) if world.cuda else None
        self.extra = {"peak": peak and peak * world.size, "memory": memory_of(world), "steps": steps}
        if world.first:
            from torch.utils.tensorboard import SummaryWriter

            self.board = SummaryWriter(str(self.folder.path / "tensorboard"), purge_step=step + 1)

    def asked(self):
        return STOP if self.asked_signal["stop"] else 0

    def check(self):
        """Between parts of the preparation: end here if asked to."""
        if self.asked_signal["stop"]:
            raise Stopped

    def log(self, text):
        if self.first:
            self.folder.log(text)

    def progress(self, phase):
        def tell(done, total):
            self.check()
            if self.first:
                self.folder.beat(phase=phase, done=done, total=total)
                self.show(f"{phase}: {done} of {total}", False)

        return tell

    def line(self, line):
        if not self.first:
            return
        flops, peak = line.pop("flops_per_s"), self.extra["peak"]
        line["mfu"] = flops / peak if peak else None
        line["memory_bytes"] = self.extra["memory"]()
        steps = self.extra["steps"]
        remaining = (steps - line["step"]) * (line["elapsed_s"] / line["step"])
        self.folder.append("metrics.jsonl", line)
        self.folder.beat(phase="training", done=line["step"], total=steps, step=line["step"], eta_s=round(remaining, 1))
        self.folder.write_state("running", step=line["step"], steps=steps)
        for name, value in line.items():
            if isinstance(value, int | float) and name not in ("step", "time"):
                self.board.add_scalar(name, value, line["step"])
        shown = f"step {line['step']}/{steps}  loss {line['loss']:.4f}"
        if "rewards/accuracies" in line:
            shown += f"  accuracy {line['rewards/accuracies']:.2f}  margin {line['rewards/margins']:.3f}"
        shown += f"  {line['samples_per_s']:.1f} rows/s  {_clock(remaining)} left"
        self.show(f"{_bar(line['step'], steps)} {shown}", True)
        self.log(shown)

    def saved(self, path, step):
        self.log(f"saved {path.name}")
        if self.on_saved:
            self.on_saved(step)


def _bar(done, total, width=20):
    full = width * done // max(1, total)
    return "[" + "#" * full + "-" * (width - full) + "]"


def _clock(seconds):
    return f"{int(seconds) // 3600}:{int(seconds) % 3600 // 60:02}:{int(seconds) % 60:02}"


def memory_of(world):
    """A function that tells the most bytes taken so far."""
    if world.cuda:
        return lambda: torch.cuda.max_memory_allocated(world.device)
    import psutil

    return lambda: psutil.Process().memory_info().rss
