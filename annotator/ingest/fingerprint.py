"""What a clip looks like, as 256-bit hashes of four frames a second: enough to find it again re-coded, scaled, mirrored.

The hash is made the way PDQ makes its own (a 64x64 grey picture, the 16x16 lowest frequencies of its cosine transform but
the constant, each one bit: above or below their median), so what is known about its distances holds: two codings of one
frame differ in few of 256 bits, two different frames in about half. It is not bit-for-bit PDQ: no maintained wheel of PDQ
or vPDQ exists, and a compiler is too much to ask. Bars that stay blank through the whole clip are cut away first, which
undoes a letterbox. Each frame is hashed whole and without its outermost twentieth, so that a clip which was cropped meets
the inner hash of what it was cropped from.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from annotator.ingest.transcode import GREY_FPS as FPS  # clips are short: one frame a second, as vPDQ has it, would be five
from annotator.ingest.transcode import GREY_SIDE as SIDE  # the aspect is given up, as hashes do anyway

WHOLE, INNER = 0, 1  # the two hashes of a frame
LEAST_QUALITY = 50  # PDQ's own: frames with less in them look like any other such frame
KEY_BYTES = 16
_INNER_SHARE = 0.9
_BLANK = 4.0  # grey levels: rows and columns that vary less in every frame are a bar
_GRADIENT_UNIT = 90  # as PDQ scales its quality


@dataclass(frozen=True)
class Print:
    """n frames, i at i / FPS s: hashes uint8 (n, 2, 32), whole and inner; quality uint8 (n,), 0 (blank) to 100."""

    hashes: np.ndarray
    quality: np.ndarray

    @property
    def keys(self):
        """Codes the index searches by, uint8 (k, 2, 16): the lower half of the frequencies, of a frame a second."""
        kept, last = [], None
        for index in np.flatnonzero(self.quality >= LEAST_QUALITY):
            if last is None or index - last >= FPS:
                kept.append(index)
                last = index
        return self.hashes[kept, :, :KEY_BYTES]

    @classmethod
    def stored(cls, hashes, quality):
        """Out of the two byte strings of a row."""
        return cls(np.frombuffer(hashes, np.uint8).reshape(-1, 2, 32), np.frombuffer(quality, np.uint8))


@cache
def _cosines():
    """(16, 64): the first frequencies above the constant one, of 64 samples."""
    k, x = np.arange(1, 17)[:, None], np.arange(64)[None, :]
    return (np.sqrt(2 / 64) * np.cos(np.pi / 128 * (2 * x + 1) * k)).astype(np.float32)


def picture_of(frames):
    """(top, bottom, left, right) of what is left of uint8 (n, h, w) without bars; all of it when little would be left."""
    height, width = frames.shape[1:]
    rows = np.flatnonzero(frames.std(axis=2).max(axis=0) > _BLANK)
    columns = np.flatnonzero(frames.std(axis=1).max(axis=0) > _BLANK)
    if len(rows) < height // 3 or len(columns) < width // 3:
        return 0, height, 0, width
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def of_frames(frames):
    """The print of grey frames, uint8 (n, SIDE, SIDE). A clip of two frames may have none; it looks like no other clip."""
    import cv2

    if not len(frames):
        return Print(np.empty((0, 2, 32), np.uint8), np.empty(0, np.uint8))
    top, bottom, left, right = picture_of(frames)
    picture = frames[:, top:bottom, left:right]
    height, width = picture.shape[1:]
    dy, dx = round(height * (1 - _INNER_SHARE) / 2), round(width * (1 - _INNER_SHARE) / 2)
    hashes = np.empty((len(frames), 2, 32), np.uint8)
    quality = np.empty(len(frames), np.uint8)
    for index, whole in enumerate(picture):
        for kind, part in ((WHOLE, whole), (INNER, whole[dy : height - dy, dx : width - dx])):
            small = cv2.resize(part, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32)
            waves = _cosines() @ small @ _cosines().T
            hashes[index, kind] = np.packbits(waves > np.median(waves))
            if kind == WHOLE:
                steps = np.abs(np.diff(small, axis=0)).sum() + np.abs(np.diff(small, axis=1)).sum()
                quality[index] = min(100, int(steps * 100 / 255 / _GRADIENT_UNIT))
    return Print(hashes, quality)


@cache
def _mirror_signs():
    """Which of the 256 bits turn over in a mirror image: the odd frequencies across."""
    return np.packbits(np.tile(np.arange(1, 17) % 2 == 1, (16, 1)))


def mirrored(hashes):
    """The hashes of the same frames seen in a mirror, but for some 8 of 256 bits."""
    # A mirror turns the sign of every odd wave; the median, which lies near 0 but not at it, moves a little.
    return hashes ^ _mirror_signs()


def read_frames(file):
    """Grey frames out of a file of raw bytes, uint8 (n, SIDE, SIDE)."""
    return np.fromfile(file, np.uint8).reshape(-1, SIDE, SIDE)


def of_file(path):
    """The print of a film that lies at `path`: a proxy made before there were prints, or a video that is no clip of ours.

    OSError when nothing of it can be decoded, or when it is no plain video but would lead ffmpeg elsewhere.
    """
    import subprocess

    from annotator.ingest.probe import FORMATS, PROTOCOLS
    from annotator.ingest.transcode import binary

    grey = f"fps={FPS}:start_time=0:eof_action=pass,scale={SIDE}:{SIDE}:flags=area,format=gray"
    command = [binary(), "-hide_banner", "-nostdin", "-loglevel", "error"]
    command += ["-protocol_whitelist", PROTOCOLS, "-format_whitelist", FORMATS, "-i", f"file:{path}", "-an", "-vf", grey]
    made = subprocess.run([*command, "-f", "rawvideo", "-"], capture_output=True, check=False)
    if made.returncode:
        raise OSError(f"{path} cannot be decoded: {made.stderr.decode(errors='replace')[-300:]}")
    return of_frames(np.frombuffer(made.stdout, np.uint8).reshape(-1, SIDE, SIDE))
