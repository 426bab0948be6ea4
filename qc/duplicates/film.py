"""A film as it is compared: small colour frames at the clip's own rate, and larger grey stills for finding its place."""

from dataclasses import dataclass, field

import numpy as np

from annotator.ingest.fingerprint import picture_of

WIDTH, HEIGHT = 160, 90
STILL_EVERY_S = 0.5
LONGEST_S = 40.0  # of a film that is compared: 50 MB


@dataclass(frozen=True)
class Film:
    """`small`: uint8 (n, HEIGHT, WIDTH, 3) YUV, frame i shown at start_s + i / fps; `stills`: {i: grey picture}."""

    fps: float
    start_s: float
    small: np.ndarray
    stills: dict = field(repr=False)

    def place(self, seconds):
        """Seconds of the clip as a place in `small`, perhaps outside of it."""
        return (seconds - self.start_s) * self.fps

    def time(self, index):
        return self.start_s + index / self.fps


def read(path, *, fps, start_s=0.0, most_s=LONGEST_S):
    """Part of a proxy, without the bars that stay blank. ValueError when there is not a frame in it."""
    import av
    import cv2

    def resized(picture, width, height):
        return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)

    first, most, step = max(0, round(start_s * fps)), round(most_s * fps), max(1, round(STILL_EVERY_S * fps))
    small, stills = [], {}
    with av.open(f"file:{path}") as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        if first:
            container.seek(int(first / fps / stream.time_base), stream=stream)
        for frame in container.decode(stream):
            index = round(frame.time * fps) - first
            if index < 0:
                continue
            if index >= most:
                break
            large = frame.reformat(width=4 * WIDTH, height=4 * HEIGHT, format="rgb24", interpolation="AREA").to_ndarray()
            if len(small) % step == 0:
                stills[len(small)] = cv2.cvtColor(large, cv2.COLOR_RGB2GRAY)
            small.append(resized(large, 2 * WIDTH, 2 * HEIGHT))
    if not small:
        raise ValueError(f"{path} has no frame from {start_s} s on")
    looked_at = np.stack([resized(still, 2 * WIDTH, 2 * HEIGHT) for still in stills.values()])
    top, bottom, left, right = picture_of(looked_at)
    for index, picture in enumerate(small):
        small[index] = cv2.cvtColor(resized(picture[top:bottom, left:right], WIDTH, HEIGHT), cv2.COLOR_RGB2YUV)
    for index, still in stills.items():
        stills[index] = resized(still[2 * top : 2 * bottom, 2 * left : 2 * right], 4 * WIDTH, 4 * HEIGHT)
    return Film(float(fps), first / fps, np.stack(small), stills)
