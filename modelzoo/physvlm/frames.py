"""Which frames of a clip are looked at, and how each becomes a square of numbers."""

import math
import random

import numpy as np
from PIL import Image


def intervals_of(frames, wanted):
    """First and last frame of each of min(wanted, frames) intervals that cut a clip of `frames` frames."""
    if frames < 1 or wanted < 1:
        raise ValueError(f"{wanted} frames cannot be taken from a clip of {frames}; both must be 1 or more.")
    edges = np.linspace(0, frames, min(wanted, frames) + 1).astype(int).tolist()
    return [(first, after - 1) for first, after in zip(edges[:-1], edges[1:], strict=True)]


def filled(indices, wanted):
    """The indices, with the last one repeated until there are enough."""
    return [*indices, *[indices[-1]] * (wanted - len(indices))]


def train_frame_indices(frames, wanted, rng):
    """One random frame of each interval, `wanted` indices in order; the published training's rule.

    The last frame of an interval is never drawn. Where an interval has no other, all are replaced by a random choice of
    frames without repetition. A shorter clip repeats its last frame.

    rng is a `random.Random`, or a whole number: then the draws are those of the original after `random.seed(rng)` and
    `numpy.random.seed(rng)`. No global state is touched.
    """
    intervals = intervals_of(frames, wanted)
    seeded = isinstance(rng, int)
    if all(first < last for first, last in intervals):
        draw = random.Random(rng) if seeded else rng
        return filled([draw.choice(range(first, last)) for first, last in intervals], wanted)
    order = np.random.RandomState(rng if seeded else rng.getrandbits(32)).permutation(frames)
    return filled(sorted(order[: len(intervals)].tolist()), wanted)


def middle_frame_indices(frames, wanted):
    """The middle frame of each interval; a shorter clip repeats its last frame."""
    return filled([(first + last) // 2 for first, last in intervals_of(frames, wanted)], wanted)


def eval_frame_indices(frames, wanted, *, first=0):
    """The published evaluation's rule: the middles of `wanted` equal stretches; a shorter clip repeats frames.

    Only frames from `first` on are taken; `frames` is the number of the last one plus one.
    """
    intervals_of(frames - first, wanted)
    stretch = (frames - 1 - first) / wanted
    return [int(first + stretch / 2 + round(stretch * number)) for number in range(wanted)]


def even_frame_indices(frames, wanted):
    """The middles of min(wanted, frames) stretches with rounded ends; never more indices than frames."""
    count = len(intervals_of(frames, wanted))
    ends = [round((frames - 1) / count * number) for number in range(count + 1)]
    return [(first + last) // 2 for first, last in zip(ends[:-1], ends[1:], strict=True)]


def fps_frame_indices(frames, fps, *, per_second):
    """Frames at an even rate, `per_second` of them a second of a clip with `fps` frames a second."""
    if not (fps > 0 and per_second > 0):
        raise ValueError(f"{per_second} frames a second of a clip with {fps} is no rate; both must be above 0.")
    step = 1 / per_second
    seconds = np.arange(step / 2, frames / fps + step / 2, step)
    return [index for index in np.around(seconds * fps).astype(int).tolist() if index < frames]


def fit_frame(frame, size=384):
    """Scale a picture (H,W,3) of bytes into the middle of a black square (size,size,3), bicubic, keeping its shape.

    Both borders get the same whole number of pixels. Where that leaves one pixel over, the square is stretched by it, as
    the published preparation does; the weights were trained on such frames.
    """
    height, width = frame.shape[:2]
    scale = min(size / width, size / height)
    scaled_height, scaled_width = min(math.ceil(height * scale), size), min(math.ceil(width * scale), size)
    top, left = (size - scaled_height) // 2, (size - scaled_width) // 2
    picture = Image.fromarray(np.ascontiguousarray(frame)).resize((scaled_width, scaled_height), Image.Resampling.BICUBIC)
    square = np.pad(np.asarray(picture), ((top, top), (left, left), (0, 0)))
    if square.shape[:2] == (size, size):
        return square
    return np.asarray(Image.fromarray(square).resize((size, size), Image.Resampling.BICUBIC)).copy()


def normalise_frame(square):
    """Bytes (H,W,3) -> float32 (3,H,W) in [-1,1]: (x/255 - 0.5)/0.5, so the border is -1."""
    return ((square.astype(np.float32) / 255 - 0.5) / 0.5).transpose(2, 0, 1)


def prepare_frame(frame, size=384):
    """A picture (H,W,3) of bytes as the vision tower takes it, float32 (3,size,size)."""
    return normalise_frame(fit_frame(frame, size))
