"""Which frames of a clip a model is shown, at which size, and their bytes as JPEG. Frames are counted in the proxy."""

import io
import threading
from fractions import Fraction

from annotator.ingest import store
from annotator.media import content_id
from studio.llm.request import Picture

LONGER_SIDE = 512  # pixels of what an undisturbed model is shown
QUALITY = 90
_SEEK_OVER = 60  # frames; decoding fewer is quicker than a seek


class CannotRead(Exception):
    """The proxy is missing, or a frame is not in it."""


def middles(frame_count, wanted):
    """The middles of `wanted` equal stretches; fewer where the clip has fewer frames. One frame: the middle of the clip."""
    wanted = min(wanted, frame_count)
    return [(2 * number + 1) * frame_count // (2 * wanted) for number in range(wanted)]


def size_of(width, height, *, scale=Fraction(1), longer=LONGER_SIDE):
    """(width, height) in pixels: the longer side at most `longer`, then both sides times `scale`, never under 1."""
    fit = min(Fraction(1), Fraction(longer, max(width, height))) * Fraction(scale)
    return max(1, round(width * fit)), max(1, round(height * fit))


def pictures(clip, indices, size):
    """`Picture`s of these frames; the proxy is read when the first of them is asked for its bytes."""
    seen = _Frames(clip.proxy, clip.fps, indices, size)
    name = f"{content_id(clip, 'proxy')}/{{}}/{size[0]}x{size[1]}q{QUALITY}"
    return [
        Picture(name.format(index), *size, load=lambda place=place: seen.jpeg(place)) for place, index in enumerate(indices)
    ]


class _Frames:
    def __init__(self, proxy, fps, indices, size):
        self.proxy, self.fps, self.indices, self.size = proxy, fps, indices, size
        self._lock, self._jpegs = threading.Lock(), None

    def jpeg(self, place):
        with self._lock:
            if self._jpegs is None:
                self._jpegs = read(self.proxy, self.fps, self.indices, self.size)
        return self._jpegs[place]


def read(proxy, fps, indices, size):
    """JPEGs of frames of a proxy, in the order of `indices`; `CannotRead` with the reason."""
    import av  # only workers and the one view that shows a frame need it

    found = {}
    try:
        with store.local(proxy) as path, av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            at, decoded = -1, container.decode(stream)
            for index in sorted(set(indices)):
                if index - at > _SEEK_OVER:
                    container.seek(round(Fraction(index) / fps / stream.time_base), stream=stream)
                    decoded = container.decode(stream)
                for frame in decoded:
                    at = round(frame.time * fps)
                    if at >= index:
                        found[index] = _jpeg(frame, size)
                        break
    except (OSError, IndexError, ValueError) as error:  # PyAV's errors are OSErrors or ValueErrors
        raise CannotRead(f"{type(error).__name__}: {error}") from error
    if missing := [index for index in indices if index not in found]:
        raise CannotRead(f"frame {missing[0]} is not in it")
    return [found[index] for index in indices]


def _jpeg(frame, size):
    from PIL import Image

    image = frame.to_image().resize(size, Image.Resampling.BOX if size[0] < frame.width else Image.Resampling.BICUBIC)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()
