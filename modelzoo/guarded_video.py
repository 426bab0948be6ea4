"""Frames of a video that somebody sent: looked through as ingest does, decoded in a process of its own with little memory
and time. No Django, no network.

    seen = read_video(data, frames=16, size=96, max_s=600, max_pixels=9437184)

The child, `python -m modelzoo.guarded_video PATH ...`, writes a line of JSON, then what `cache.pack` makes: the very bytes
that training and evaluation keep of the same video.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from fractions import Fraction

from annotator.ingest import probe

MEMORY_BYTES = 4 * 1024**3
CPU_S = 120

WHY = {
    "playlist": "It is a playlist; only a video itself is taken.",
    "external": "Its pictures lie in another file.",
    "too_long": "It is longer than {limit_s:.0f} s.",
    "too_many_pixels": "It has {width} x {height} pixels, which is more than is taken.",
    "too_hard": "It needs more memory or time than is given to it.",
    "truncated": "Its end is missing.",
    "encrypted": "It is encrypted.",
    "audio_only": "It has sound alone.",
    "still_image": "It is a picture; send it as one.",
    "one_frame": "It has one frame; send that as a picture.",
}


class BadVideo(Exception):
    """The video cannot be shown; the sentence says why, `code` is that of ingest's refusals."""

    def __init__(self, code, numbers=None):
        super().__init__(WHY.get(code, "It is no video that can be read.").format(**(numbers or {})))
        self.code = code


def read_video(data, *, frames, size, max_s, max_pixels, timeout_s=60):
    """(pixels (T,3,S,S) of bytes, frame numbers, seconds of each) of a video's bytes; `BadVideo`."""
    from modelzoo.physvlm.data.cache import header_of, unpack

    with tempfile.NamedTemporaryFile(prefix="video-") as file:
        file.write(data)
        file.flush()
        command = [sys.executable, "-m", "modelzoo.guarded_video", file.name]
        for name, value in (("frames", frames), ("size", size), ("max-s", max_s), ("max-pixels", max_pixels)):
            command += [f"--{name}", str(value)]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise BadVideo("too_hard") from None
    line, _newline, packed = done.stdout.partition(b"\n")
    try:
        found = json.loads(line)
    except ValueError:  # the process was ended by its limits, or by what it read
        raise BadVideo("too_hard" if done.returncode < 0 else "broken") from None
    if "refused" in found:
        raise BadVideo(found["refused"], found["numbers"])
    numbers = header_of(packed)["indices"][0]
    rate = Fraction(*found["fps"])
    return unpack(packed, [0] * len(numbers)), numbers, [round(float(number / rate), 3) for number in numbers]


def _packed(options):
    """(facts, packed frames) of the child's video; raises `probe.Refusal`."""
    from modelzoo.physvlm.data.cache import decode, pack
    from modelzoo.physvlm.data.sources import BadData
    from modelzoo.physvlm.frames import eval_frame_indices

    facts = probe.facts(options.path, max_s=options.max_s, max_pixels=options.max_pixels)
    demuxer = {"protocol_whitelist": probe.PROTOCOLS, "format_whitelist": probe.FORMATS}
    try:
        pictures, numbers = decode(
            options.path, "video", size=options.size, options=demuxer,
            choose=lambda total: [eval_frame_indices(total, options.frames)],
        )  # fmt: skip
    except BadData:
        raise probe.Refusal("broken") from None
    return facts, pack(pictures, numbers)


def main(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    parser.add_argument("--frames", type=int, required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--max-s", type=float, required=True)
    parser.add_argument("--max-pixels", type=int, required=True)
    options = parser.parse_args(argv)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    packed = b""
    try:
        answer, packed = _packed(options)
    except probe.Refusal as refusal:
        answer = {"refused": refusal.code, "numbers": refusal.numbers}
    except MemoryError:
        answer = {"refused": "too_hard", "numbers": {}}
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + packed)


if __name__ == "__main__":
    main()
