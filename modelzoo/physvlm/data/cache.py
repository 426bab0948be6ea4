"""Frames of clips, decoded once: a small file of JPEGs for each video, or rows of an array as they are.

A video is decoded straight through once (seeking costs ten times as much), only the frames wanted are converted and
resized, and several candidates of each segment are kept, so that every epoch can show other frames. The name of the file
is a hash of the video's bytes and of what was taken from it, so runs share it and a changed video is never mistaken.
"""

import hashlib
import io
import json
import math
import os
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from modelzoo.physvlm.data.freeze import open_array
from modelzoo.physvlm.data.order import draw
from modelzoo.physvlm.data.sources import BadData
from modelzoo.physvlm.frames import eval_frame_indices, fit_frame, train_frame_indices

QUALITY = 95
_MAGIC = b"physvlm-frames-1\n"


class Frames:
    """The frames of many clips. `at(place, epoch)` gives those that epoch shows, (T, 3, H, W) bytes.

    clips: [(clip_id, Media, sha256)]. `candidates` counts the frames kept of each segment; `wanted` the segments, T.
    `rule` is "train" (a random frame of each segment, the same for the same video) or "eval" (its centre).
    """

    def __init__(self, clips, *, folder, wanted, candidates, size, rule, seed):
        self.clips, self.folder = clips, Path(folder)
        self.wanted, self.candidates, self.size, self.rule, self.seed = wanted, candidates, size, rule, seed
        self._arrays = {media.path: open_array(media.path) for _id, media, _sha in clips if media.row is not None}
        for path, array in self._arrays.items():
            if array.shape[1] < wanted:
                raise BadData(
                    f"{path} has {array.shape[1]} frames a clip; the run wants {wanted}. Set frames={array.shape[1]}."
                )

    def spec(self):
        """What decides which pixels come out, apart from the clips."""
        return {
            "frames": self.wanted,
            "candidates": self.candidates,
            "size": self.size,
            "rule": self.rule,
            "quality": QUALITY,
        }

    def _path(self, sha256):
        name = hashlib.sha256(json.dumps([sha256, self.spec()], sort_keys=True).encode()).hexdigest()
        return self.folder / name[:2] / f"{name}.frames"

    def prepare(self, *, threads, progress=lambda done, total: None):
        """Decode every video whose frames are not there yet. BadData, with the clip's name, for one that cannot be read."""
        waiting = [(clip_id, media, self._path(sha)) for clip_id, media, sha in self.clips if media.row is None]
        waiting = [(clip_id, media, path) for clip_id, media, path in waiting if not path.exists()]
        with ThreadPoolExecutor(threads) as pool:
            try:
                for done, _result in enumerate(pool.map(self._decode, waiting), 1):
                    progress(done, len(waiting))
            except BadData:
                pool.shutdown(cancel_futures=True)
                raise

    def _decode(self, item):
        clip_id, media, path = item
        frames, indices = decode(media.path, clip_id, size=self.size, choose=lambda total: self._indices(total, path.stem))
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        part.write_bytes(pack(frames, indices))
        os.replace(part, path)

    def _indices(self, total, key):
        """(candidates, T) frame numbers; the random ones depend on the video and the spec only."""
        if self.rule == "eval":
            return [eval_frame_indices(total, self.wanted)]
        generator = random.Random(key)
        return [train_frame_indices(total, self.wanted, generator) for _ in range(self.candidates)]

    def choice(self, place, epoch):
        """Which candidate of each segment is shown: (T,) ints, all 0 where there is one."""
        if self.candidates == 1:
            return np.zeros(self.wanted, dtype=int)
        return draw(self.candidates, seed=self.seed, epoch=epoch, clip=place, size=self.wanted)

    def at(self, place, epoch=0):
        clip_id, media, sha = self.clips[place]
        if media.row is not None:
            return self._from_array(self._arrays[media.path], media.row)
        try:
            return unpack(self._path(sha).read_bytes(), self.choice(place, epoch))
        except OSError as error:
            raise BadData(f"The frames of the clip {clip_id} are gone ({error.strerror}); start the run again.") from error
        except ValueError as error:
            raise BadData(f"The frames of the clip {clip_id} are broken; delete {self._path(sha)}: {error}.") from error

    def numbers(self, place):
        """Which frames of the clip's file `at` shows where there is one candidate: T ints."""
        clip_id, media, sha = self.clips[place]
        if media.row is not None:
            frames = self._arrays[media.path].shape[1]
            return list(range(frames)) if frames == self.wanted else eval_frame_indices(frames, self.wanted)
        return header_of(self._path(sha).read_bytes())["indices"][0]

    def _from_array(self, array, row):
        frames = array[row]
        if len(frames) != self.wanted:
            frames = frames[eval_frame_indices(len(frames), self.wanted)]
        if frames.shape[1:3] != (self.size, self.size):
            frames = np.stack([fit_frame(frame, self.size) for frame in frames])
        return np.ascontiguousarray(frames.transpose(0, 3, 1, 2))


def decode(path, clip_id, *, size, choose, options=None):
    """(candidates of T PIL squares, their frame numbers) of a video, decoded once from front to back.

    `choose(total)` gives the frame numbers, lists of T. The number of frames comes from the packets; should fewer
    decode than were announced, the choice is made again with the true number. `options` are the demuxer's.
    """
    import av
    from av.video.reformatter import Interpolation

    try:
        with av.open(path, container_options=options) as container:
            total = sum(packet.size > 0 for packet in container.demux(video=0))
        for _attempt in range(2):
            if not total:
                break
            chosen = choose(total)
            wanted, pictures, seen = {number for numbers in chosen for number in numbers}, {}, 0
            with av.open(path, container_options=options) as container:
                container.streams.video[0].thread_type = "AUTO"
                for frame in container.decode(video=0):
                    if seen in wanted:
                        scale = min(size / frame.width, size / frame.height)
                        width, height = (min(size, math.ceil(side * scale)) for side in (frame.width, frame.height))
                        small = frame.reformat(width, height, format="rgb24", interpolation=Interpolation.BICUBIC)
                        pictures[seen] = Image.fromarray(fit_frame(small.to_ndarray(), size))
                    seen += 1
            if wanted <= set(pictures):
                return [[pictures[number] for number in numbers] for numbers in chosen], chosen
            total = seen
    except (av.FFmpegError, IndexError, OSError) as error:
        raise BadData(f"The clip {clip_id} cannot be decoded ({path}): {error}. Mend it, or leave it out.") from error
    raise BadData(f"The clip {clip_id} has no frames that can be decoded ({path}). Mend it, or leave it out.")


def pack(frames, indices):
    """Bytes of one cache file: a line of JSON with the frame numbers and offsets, then the JPEGs, each stored once."""
    blobs, place_of = [], {}
    for pictures, numbers in zip(frames, indices, strict=True):
        for picture, number in zip(pictures, numbers, strict=True):
            if number not in place_of:
                place_of[number] = len(blobs)
                buffer = io.BytesIO()
                picture.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
                blobs.append(buffer.getvalue())
    header = {
        "indices": [list(map(int, n)) for n in indices],
        "places": [[place_of[n] for n in numbers] for numbers in indices],
    }
    header["sizes"] = [len(blob) for blob in blobs]
    return _MAGIC + json.dumps(header).encode() + b"\n" + b"".join(blobs)


def header_of(data):
    """What `pack` wrote before the pictures; ValueError for bytes that it did not make."""
    if not data.startswith(_MAGIC):
        raise ValueError("it is not a file of frames")
    return json.loads(data[len(_MAGIC) : data.index(b"\n", len(_MAGIC))])


def unpack(data, choice):
    """(T, 3, H, W) bytes of the chosen candidates; ValueError for bytes that `pack` did not make."""
    header = header_of(data)
    end = data.index(b"\n", len(_MAGIC))
    starts = np.cumsum([end + 1, *header["sizes"]])
    if starts[-1] != len(data):
        raise ValueError("its end is missing")
    frames = []
    for segment, candidate in enumerate(choice):
        place = header["places"][int(candidate)][segment]
        with Image.open(io.BytesIO(data[starts[place] : starts[place + 1]])) as image:
            frames.append(np.asarray(image.convert("RGB")))
    return np.ascontiguousarray(np.stack(frames).transpose(0, 3, 1, 2))
