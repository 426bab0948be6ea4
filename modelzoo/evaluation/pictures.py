"""Frames of a question's clip as JPEG for hosted models: of a video file, or of a row of GlitchWorld's arrays."""

import io
import threading

from studio.llm.request import Picture

LONGER_SIDE = 512  # pixels; what GPT-4o sees as one tile
QUALITY = 90


class CannotShow(Exception):
    """A clip whose frames cannot be read; the sentence names it."""


class Film:
    """The frames `choose(count)` of one clip, decoded when the first of them is asked for."""

    def __init__(self, media, sha256, choose):
        self.media, self.sha256 = media, sha256
        self._lock, self._jpegs = threading.Lock(), None
        self.width, self.height, self.count = self._measure()
        self.numbers = choose(self.count)

    def _measure(self):
        """(width, height) as shown, and the number of frames."""
        if self.media.row is not None:
            import numpy as np

            shape = np.load(self.media.path, mmap_mode="r").shape
            return shape[3], shape[2], shape[1]
        import av

        try:
            with av.open(self.media.path) as container:
                count = sum(packet.size > 0 for packet in container.demux(video=0))
                width, height = container.streams.video[0].width, container.streams.video[0].height
        except (OSError, IndexError, ValueError) as error:
            raise CannotShow(f"{self.media.path} cannot be read: {error}.") from error
        if not count:
            raise CannotShow(f"{self.media.path} has no frames.")
        fit = min(1, LONGER_SIDE / max(width, height))
        return max(1, round(width * fit)), max(1, round(height * fit)), count

    def pictures(self):
        """`Picture`s, each named by what it shows for good."""
        name = f"{self.sha256[:32]}/{{}}/{self.width}x{self.height}q{QUALITY}"
        return [
            Picture(name.format(number), self.width, self.height, load=lambda place=place: self._jpeg(place))
            for place, number in enumerate(self.numbers)
        ]

    def _jpeg(self, place):
        with self._lock:
            if self._jpegs is None:
                self._jpegs = [self._encode(image) for image in self._images()]
        return self._jpegs[place]

    def _images(self):
        from PIL import Image

        if self.media.row is not None:
            import numpy as np

            frames = np.load(self.media.path, mmap_mode="r")[self.media.row]
            return [Image.fromarray(np.asarray(frames[number])) for number in self.numbers]
        import av

        found = {}
        wanted = set(self.numbers)
        with av.open(self.media.path) as container:
            container.streams.video[0].thread_type = "AUTO"
            for number, frame in enumerate(container.decode(video=0)):
                if number in wanted:
                    found[number] = frame.to_image().resize((self.width, self.height), Image.Resampling.BICUBIC)
                if len(found) == len(wanted):
                    break
        if missing := wanted - found.keys():
            raise CannotShow(f"{self.media.path} has no frame {min(missing)}.")
        return [found[number] for number in self.numbers]

    @staticmethod
    def _encode(image):
        out = io.BytesIO()
        image.save(out, "JPEG", quality=QUALITY)
        return out.getvalue()


def middles(wanted):
    """Chooses the middles of `wanted` equal stretches; fewer where the clip has fewer frames."""

    def choose(count):
        kept = min(wanted, count)
        return [(2 * place + 1) * count // (2 * kept) for place in range(kept)]

    return choose
