"""What two clips have in common: how much of each is in the other, and where what they share differs all the same.

A print says "these frames look alike". It cannot say whether two clips are copies: two clips of one scene, in one of which
the ball falls upwards, have nearly the same prints. So the films are laid on each other and what is left over is looked at.
What somebody wrote over a copy stays in its place; a glitch comes, moves and goes. Lights that change, on the other hand,
may be the glitch, so brightness is not evened out.
"""

from dataclasses import dataclass

import numpy as np
from django.conf import settings

from annotator.ingest.fingerprint import FPS, LEAST_QUALITY
from qc.duplicates import film, fit
from qc.duplicates.film import HEIGHT, LONGEST_S, WIDTH

BLOCK = 5  # pixels of a small frame
DIFFERS = 6.0  # grey levels a block's mean differs by, edges allowed for; copies stay below 4 (see bench_duplicates)
_STAYS = 0.7  # share of the frames in which a block differs that is written over
_OFTEN = 3  # frames that differ, before the clips are said to differ
_EVERY_S = 0.2
_PRUNED = 2  # hash bits: frames that differ in less count once, as vPDQ has it


@dataclass(frozen=True)
class Shared:
    """What `one` and `other` share. Times of the other are speed * t + offset_s."""

    cover_one: float  # share of the one's frames that are in the other
    cover_other: float
    frames: int  # distinct frames of the one within settings.DUPLICATE_BITS of one of the other's
    mirror: bool
    speed: float
    offset_s: float
    picture: tuple | None = None  # None: their prints are alike but their pictures do not fit
    differs: tuple = ()  # ((first_s, last_s), ...) of the one
    looked_s: float = 0.0  # seconds of the one that were laid on the other

    @property
    def most(self):
        return max(self.cover_one, self.cover_other)


def by_prints(one, other):
    """`Shared` as far as prints tell; None when too few frames are alike."""
    if not len(one.hashes) or not len(other.hashes):
        return None
    best = None
    for mirror in (False, True):
        far = fit.distances(one, other, mirror=mirror)
        far[one.quality < LEAST_QUALITY] = far[:, other.quality < LEAST_QUALITY] = 256
        near = np.flatnonzero(far.min(axis=1) <= settings.DUPLICATE_BITS)
        frames = distinct(one.hashes[near, 0])
        if best is None or frames > best[0]:
            best = frames, mirror, far
    frames, mirror, far = best
    fewest = min(settings.DUPLICATE_FRAMES, distinct(one.hashes[:, 0]), distinct(other.hashes[:, 0]))
    if frames < max(1, fewest):
        return None
    speed, offset_s, _score = fit.fit_time(far)
    return Shared(*covers(one, other, far, speed, offset_s), frames, mirror, speed, offset_s)


def distinct(hashes):
    """How many of the hashes (n, 32), in their order, are new against all before them."""
    kept = []
    for hash_ in np.ascontiguousarray(hashes).view(np.uint64):
        if not kept or np.bitwise_count(np.array(kept) ^ hash_).sum(axis=1).min() > _PRUNED:
            kept.append(hash_)
    return len(kept)


def covers(one, other, far, speed, offset_s):
    """(share of the one's frames, share of the other's) that lie on a frame like them. Blank frames do not count."""

    def share(distances, quality, place):
        reach = distances.shape[1]
        counted = hit = 0
        for index in np.flatnonzero(quality >= LEAST_QUALITY):
            counted += 1
            there = place(index)
            near = [j for j in range(int(np.floor(there - 0.5)), int(np.ceil(there + 0.5)) + 1) if 0 <= j < reach]
            hit += bool(near) and bool(distances[index, near].min() <= fit.NEAR)
        return hit / counted if counted else 0.0

    there = share(far, one.quality, lambda i: speed * i + offset_s * FPS)
    back = share(far.T, other.quality, lambda j: (j - offset_s * FPS) / speed)
    return there, back


def by_films(shared, paths, rates, prints):
    """The same with the films laid on each other: `picture`, the exact time and `differs` are filled in.

    `paths`, `rates` (frames a second) and `prints` are pairs. The films are read from where both begin, LONGEST_S long.
    """
    begin = max(0.0, -shared.offset_s / shared.speed - 0.5)
    there = max(0.0, shared.speed * begin + shared.offset_s - 0.5)
    one = film.read(paths[0], fps=rates[0], start_s=begin)
    other = film.read(paths[1], fps=rates[1], start_s=there, most_s=1.25 * LONGEST_S + 1)
    picture = fit.fit_picture(one, other, shared.speed, shared.offset_s, mirror=shared.mirror)
    if picture is None:
        return shared
    speed, offset_s = fit.refine_time(one, other, shared.speed, shared.offset_s, picture, mirror=shared.mirror)
    times, changed = _lay(one, other, speed, offset_s, picture, mirror=shared.mirror)
    cover = covers(*prints, fit.distances(*prints, mirror=shared.mirror), speed, offset_s)
    differing = times[changed] if changed.sum() >= _OFTEN else times[:0]
    looked = len(times) * _EVERY_S
    return Shared(
        *cover, shared.frames, shared.mirror, round(speed, 4), round(offset_s, 4), picture, _spans(differing), looked
    )


def _lay(one, other, speed, offset_s, picture, *, mirror):
    """(times_s, changed): moments of the one that the other has too, and whether something passing differs there."""
    import cv2

    times, maps = [], []
    for index in range(0, len(one.small), max(1, round(_EVERY_S * one.fps))):
        centre = round(other.place(speed * one.time(index) + offset_s))
        near = [j for j in (centre - 1, centre, centre + 1) if 0 <= j < len(other.small)]
        if len(near) >= 2:
            # Frames of two rates never lie exactly on each other: the best of three, for each block.
            rest = [residual(one.small[index], fit.laid_on(other.small[j], picture, mirror)) for j in near]
            maps.append(np.min(rest, axis=0))
            times.append(one.time(index))
    if not times:
        return np.empty(0), np.empty(0, bool)
    inside = fit.covered(picture).reshape(HEIGHT // BLOCK, BLOCK, WIDTH // BLOCK, BLOCK).all(axis=(1, 3))
    differs = (np.array(maps) > DIFFERS) & inside
    written = (differs.mean(axis=0) >= _STAYS).astype(np.uint8)
    differs &= cv2.dilate(written, np.ones((3, 3), np.uint8)) == 0
    return np.array(times), differs.any(axis=(1, 2))


def residual(ours, theirs):
    """How much two YUV frames differ in each block (rows, columns), in levels, beyond what half a pixel at an edge is."""
    import cv2

    a, b = (cv2.blur(frame.astype(np.float32), (3, 3)) for frame in (ours, theirs))
    slope = sum(np.abs(cv2.Sobel(x, cv2.CV_32F, *way)) / 8 for x in (a, b) for way in ((1, 0), (0, 1)))
    rest = np.maximum(0, np.abs(a - b) - 0.5 * slope)
    return rest.reshape(HEIGHT // BLOCK, BLOCK, WIDTH // BLOCK, BLOCK, 3).mean(axis=(1, 3)).max(axis=2)


def _spans(times):
    """Times that follow each other within a second, as ((first_s, last_s), ...)."""
    spans = []
    for t in times:
        if spans and t - spans[-1][1] <= 1.0:
            spans[-1][1] = float(t)
        else:
            spans.append([float(t), float(t)])
    return tuple((round(a, 2), round(b, 2)) for a, b in spans)
