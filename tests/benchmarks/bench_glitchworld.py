"""GlitchWorld's speed, and what a simple probe reads off its pixels: `python -m tests.benchmarks.bench_glitchworld [CLIPS]`.

Speed: videos (5 s, 640x360, 30 frames a second) a minute and arrays (96x96x16) a second by two processes. The limits are
held against what two free cores do, reckoned from the CPU time of all processes, start-up and ffmpeg included; what the
clock said is printed beside it and is lower on a machine that does other things too.

Probe: cell statistics of frame differences and a logistic regression, trained on the clips of eight themes and asked for
the category (12, chance 8.3 %) of clips of three themes it never saw. A network that looks at patches learns more; this is
the floor that shows that the signal is in the pixels and not in the theme.
"""

import math
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from annotator.glitchworld import make
from annotator.glitchworld.catalogue import CATEGORIES
from annotator.glitchworld.truth import read_truth

VIDEOS_A_MINUTE, ARRAYS_A_SECOND = 20, 20
HELD_OUT = ("desert", "harbour", "station")
CELL = 12  # pixels
CORES = 2


def cpu_s():
    """Of the processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def timed(out, **settings):
    """(wall seconds, CPU seconds) of a set made by two processes."""
    started, used = time.monotonic(), cpu_s()
    make.make_set(out, workers=CORES, **settings)
    return time.monotonic() - started, cpu_s() - used


def cells(values):
    """Means of cells: (..., 96, 96) -> (..., 8, 8)."""
    *lead, height, width = values.shape
    return values.reshape(*lead, height // CELL, CELL, width // CELL, CELL).mean(axis=(-1, -3))


def features(clip):
    """One clip, uint8 (16, 96, 96, 3), as a vector that says what changes, how much and when, and hardly where."""
    frames = clip.astype(np.float32) / 255
    grey = frames.mean(axis=-1)
    colour = frames - grey[..., None]
    found = []
    for lag in (1, 2, 3):
        change = cells(np.abs(grey[lag:] - grey[:-lag])).reshape(16 - lag, -1)
        found.append(np.sort(change, axis=1)[:, -8:])  # the liveliest cells of each moment
    tint = cells(np.abs(np.diff(colour, axis=0)).sum(axis=-1)).reshape(15, -1)
    found.append(np.sort(tint, axis=1)[:, -5:])
    jerk = cells(np.abs(np.diff(grey, 2, axis=0))).reshape(14, -1)
    found.append(np.sort(jerk, axis=1)[:, -5:])
    moving = cells(np.abs(np.diff(grey, axis=0)))  # (15, 8, 8)
    found += [moving.sum(axis=2), moving.sum(axis=1)]  # profiles down and across
    still = cells(grey)
    found.append(np.abs(still[-5:].mean(axis=0) - still[:4].mean(axis=0)))
    vivid = cells(frames.max(axis=-1) - frames.min(axis=-1))
    found.append(np.sort((vivid[-5:].mean(axis=0) - vivid[:4].mean(axis=0)).ravel()))
    upright = cells(np.abs(np.diff(grey, axis=1, append=grey[:, -1:]))).reshape(16, -1)
    found += [np.sort(upright[-4:].mean(axis=0) - upright[:4].mean(axis=0))]
    for flipped in (grey[:, ::-1], grey[:, :, ::-1]):  # a picture turned over is like its own beginning again
        found.append(np.abs(flipped[-4:].mean(axis=0) - grey[:4].mean(axis=0)).mean()[None])
    return np.sqrt(np.abs(np.concatenate([part.ravel() for part in found])))


def wilson(right, total):
    """The 95 % interval of a share."""
    z, share = 1.96, right / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return middle - half, middle + half


def probe(folder):
    """(right answers, clips of unseen themes, share per category)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    truths = [one for one in read_truth(folder) if one.glitch]
    arrays = np.load(folder / make.ARRAYS, mmap_mode="r")
    x = np.stack([features(arrays[one.row]) for one in truths])
    y = np.array([CATEGORIES.index(one.glitch.category) for one in truths])
    unseen = np.array([one.theme in HELD_OUT for one in truths])
    scale = StandardScaler().fit(x[~unseen])
    model = LogisticRegression(C=0.002, max_iter=400).fit(scale.transform(x[~unseen]), y[~unseen])
    right = model.predict(scale.transform(x[unseen])) == y[unseen]
    shares = {name: right[y[unseen] == index].mean() for index, name in enumerate(CATEGORIES)}
    return int(right.sum()), int(unseen.sum()), shares


def main(clips=2400):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        count = 12
        wall, used = timed(folder / "videos", clips=count, seed=1)
        rate = CORES * 60 * count / used
        print(
            f"videos: {rate:.1f} a minute on {CORES} free cores (limit: at least {VIDEOS_A_MINUTE}), "
            f"{60 * count / wall:.1f} by the clock, {used / count:.2f} CPU s each"
        )
        slow = rate < VIDEOS_A_MINUTE
        wall, used = timed(folder / "arrays", clips=clips, seed=1, arrays=True, glitch_free=0.0)
        rate = CORES * clips / used
        print(
            f"arrays: {rate:.1f} a second on {CORES} free cores (limit: at least {ARRAYS_A_SECOND}), "
            f"{clips / wall:.1f} by the clock, {1000 * used / clips:.0f} CPU ms each"
        )
        slow |= rate < ARRAYS_A_SECOND
        right, total, shares = probe(folder / "arrays")
    low, high = wilson(right, total)
    print(f"probe: {right / total:.1%} of {total} clips of the unseen themes {', '.join(HELD_OUT)} right in 12 categories,")
    print(f"       95 % interval {low:.1%} to {high:.1%}, chance {1 / 12:.1%}; trained on {clips - total} other clips")
    for name, share in shares.items():
        print(f"       {name:28s}{share:.0%}")
    return slow or low < 2 / 12


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
