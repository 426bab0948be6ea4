"""Where one film fits on another: in time (shift, speed), by their prints and then by their frames; and in the picture.

Times of the second film are speed * t + offset_s, x of its picture is sx * x + tx in shares of the width, y likewise.
"""

import numpy as np

from annotator.ingest.fingerprint import FPS, INNER, WHOLE, mirrored
from qc.duplicates.film import HEIGHT, STILL_EVERY_S, WIDTH

SPEEDS = np.arange(0.8, 1.2501, 0.025)
NEAR = 64  # hash bits: a pair of frames that speaks for a place in time; two strangers differ in 88 at the least
_ORB_NEAR = 60  # of 256 bits
_MATCHES = 12  # a picture fits when so many of its corners do


def distances(one, other, *, mirror):
    """Hash distances of the frames of two prints, (n, m): the least of whole to whole, whole to inner and inner to whole."""
    theirs = mirrored(other.hashes) if mirror else other.hashes
    best = None
    for a, b in ((WHOLE, WHOLE), (WHOLE, INNER), (INNER, WHOLE)):
        ours = np.ascontiguousarray(one.hashes[:, a]).view(np.uint64)[:, None]
        far = np.bitwise_count(ours ^ np.ascontiguousarray(theirs[:, b]).view(np.uint64)[None]).sum(axis=2, dtype=np.int32)
        best = far if best is None else np.minimum(best, far)
    return best


def fit_time(far):
    """(speed, offset_s, score): what is at t of the first is at speed * t + offset_s of the second."""
    n, m = far.shape
    worth = np.maximum(0, NEAR - far)
    best = (1.0, 0.0, -1.0)
    for speed in sorted(SPEEDS, key=lambda s: abs(s - 1)):
        places = np.arange(n) * speed
        for offset in np.arange(-int(n * speed), m, 0.5):
            there = np.rint(places + offset).astype(int)
            inside = (there >= 0) & (there < m)
            score = worth[np.flatnonzero(inside), there[inside]].sum()
            if score > best[2] * (1.01 if speed != best[0] else 1.0):
                best = (float(speed), float(offset) / FPS, float(score))
    return best


def fit_picture(one, other, speed, offset_s, *, mirror):
    """(sx, tx, sy, ty), found by corners that both films have; None when nothing fits."""
    import cv2

    orb = cv2.ORB_create(600)
    matcher = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True)
    pairs = []
    for number, still in one.stills.items():
        place = other.place(speed * one.time(number) + offset_s)
        near = min(other.stills, key=lambda index: abs(index - place))
        if abs(near - place) > other.fps * STILL_EVERY_S:
            continue
        theirs = other.stills[near][:, ::-1] if mirror else other.stills[near]
        ours, theirs = orb.detectAndCompute(still, None), orb.detectAndCompute(np.ascontiguousarray(theirs), None)
        if ours[1] is None or theirs[1] is None:
            continue
        size = np.array([still.shape[1], still.shape[0]], np.float32)
        pairs += [
            (np.array(ours[0][match.queryIdx].pt) / size, np.array(theirs[0][match.trainIdx].pt) / size)
            for match in matcher.match(ours[1], theirs[1])
            if match.distance < _ORB_NEAR
        ]
        if len(pairs) > 3000:
            break
    if len(pairs) < _MATCHES:
        return None
    a, b = np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs])
    rng = np.random.default_rng(0)  # the same films always fit in the same way
    best, kept = 0, None
    for _ in range(400):
        i, j = rng.integers(0, len(a), 2)
        span = a[j] - a[i]
        if (np.abs(span) < 0.15).any():
            continue
        scale = (b[j] - b[i]) / span
        if ((scale < 0.6) | (scale > 1.7)).any():
            continue
        shift = b[i] - scale * a[i]
        fits = (np.abs(scale * a + shift - b) < 0.008).all(axis=1)
        if fits.sum() > best:
            best, kept = fits.sum(), fits
    if best < max(_MATCHES, 0.08 * len(a)):
        return None
    sx, tx = np.polyfit(a[kept, 0], b[kept, 0], 1)
    sy, ty = np.polyfit(a[kept, 1], b[kept, 1], 1)
    return float(sx), float(tx), float(sy), float(ty)


def laid_on(frame, picture, mirror):
    """A small frame of the second film in the place of the first's."""
    import cv2

    sx, tx, sy, ty = picture
    if mirror:
        frame = np.ascontiguousarray(frame[:, ::-1])
    # Pixel i has its centre at (i + 0.5) / WIDTH of the width.
    move = np.array([[sx, 0, tx * WIDTH + 0.5 * sx - 0.5], [0, sy, ty * HEIGHT + 0.5 * sy - 0.5]], np.float32)
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(frame, move, (WIDTH, HEIGHT), flags=how, borderMode=cv2.BORDER_REPLICATE)


def covered(picture):
    """(HEIGHT, WIDTH) bool: where the first film has a counterpart in the second, two pixels inside it."""
    sx, tx, sy, ty = picture
    x = sx * (np.arange(WIDTH) + 0.5) / WIDTH + tx
    y = sy * (np.arange(HEIGHT) + 0.5) / HEIGHT + ty
    inside_x, inside_y = (x > 2 / WIDTH) & (x < 1 - 2 / WIDTH), (y > 2 / HEIGHT) & (y < 1 - 2 / HEIGHT)
    return inside_y[:, None] & inside_x[None, :]


def refine_time(one, other, speed, offset_s, picture, *, mirror):
    """(speed, offset_s) to a frame, by which frames really cover each other."""
    inside, reach = covered(picture), round(0.3 * other.fps)
    anchors = [
        index
        for index in np.linspace(0, len(one.small) - 1, 40).astype(int)
        if 0 <= other.place(speed * one.time(index) + offset_s) < len(other.small)
    ]
    anchors = anchors[:: max(1, len(anchors) // 14)]
    if len(anchors) < 2:
        return speed, offset_s
    gaps = {}
    for index in anchors:
        centre = round(other.place(speed * one.time(index) + offset_s))
        for there in range(max(0, centre - reach), min(len(other.small), centre + reach + 1)):
            theirs = laid_on(other.small[there], picture, mirror)
            gaps[index, there] = float(np.abs(one.small[index].astype(np.int16) - theirs)[inside].mean())
    middle = one.time(anchors[len(anchors) // 2])
    best = (np.inf, speed, offset_s)
    for new in speed + np.arange(-0.03, 0.0301, 0.005):
        for shift in np.arange(-reach, reach + 1) / 2 / other.fps:
            offset = offset_s + shift + (speed - new) * middle  # the middle stays in its place while the speed changes
            found = [gaps.get((index, round(other.place(new * one.time(index) + offset)))) for index in anchors]
            found = [gap for gap in found if gap is not None]
            if len(found) >= 0.7 * len(anchors):
                score = np.mean(found) + 0.2 * abs(new - 1)
                best = min(best, (score, float(new), float(offset)))
    return best[1], best[2]
