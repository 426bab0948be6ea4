"""Small videos for tests, made by ffmpeg and PyAV when first asked for and kept until the test session ends."""

import atexit
import functools
import shutil
import subprocess
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy

_folder = Path(tempfile.mkdtemp(prefix="studio-videos-"))
atexit.register(shutil.rmtree, _folder, ignore_errors=True)

BITS = 12  # of the burnt-in frame counter
BLOCK = 16  # pixels


def folder():
    return _folder


def ffmpeg(*arguments):
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-nostdin", "-loglevel", "error", *map(str, arguments)],
        check=True,
        capture_output=True,
    )


def counter_frame(number, *, width=320, height=180):
    """A grey picture whose top row shows `number` in binary, most significant bit first: white is 1, black is 0."""
    picture = numpy.full((height, width, 3), 96, numpy.uint8)
    picture[height // 2 :, (number * 7) % (width - 20) :][:, :20] = (40, 160, 220)  # something that moves
    for bit in range(BITS):
        picture[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 255 if number >> (BITS - 1 - bit) & 1 else 0
    return picture


def read_counter(picture):
    """The number in the top row of a decoded RGB picture of the same size as it was made."""
    row = picture[BLOCK // 2, BLOCK // 2 : BITS * BLOCK : BLOCK].mean(axis=1)
    return sum(int(value > 127) << (BITS - 1 - bit) for bit, value in enumerate(row))


@functools.cache
def counter(frames=300, rate="30", *, sound=False):
    """H.264 with a burnt-in frame counter and, on purpose, few key frames and many B-frames."""
    path = _folder / f"counter-{frames}-{rate.replace('/', '_')}{'-sound' if sound else ''}.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate))
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "20", "g": "250", "bf": "3"}
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(counter_frame(number), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    if not sound:
        return path
    with_sound = path.with_stem(path.stem + "-muxed")
    tone = ["-f", "lavfi", "-i", "sine=440:r=44100"]
    ffmpeg("-i", path, *tone, "-shortest", "-c:v", "copy", "-c:a", "aac", with_sound)
    return with_sound


@functools.cache
def lavfi(name, *output, source="testsrc2=s=192x108:r=15:d=2", sound=False):
    """A test picture through any encoder: `lavfi("a.webm", "-c:v", "libvpx-vp9")`."""
    path = _folder / name
    tone = ["-f", "lavfi", "-i", "sine=440:d=2"] if sound else []
    codecs = output or ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    ffmpeg("-f", "lavfi", "-i", source, *tone, *codecs, path)
    return path


def plain():
    """A valid MP4 of 2 s, 30 frames."""
    return lavfi("plain.mp4")


@functools.cache
def variable():
    """Frames at uneven times: every third one of the first half is missing."""
    path = _folder / "variable.mp4"
    picks = "select='if(lt(n,30),mod(n,3),1)'"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=192x108:r=30:d=2", "-vf", picks, "-fps_mode", "vfr",
           "-c:v", "libx264", "-preset", "ultrafast", path)  # fmt: skip
    return path


@functools.cache
def rotated():
    """Stored as 192x108, to be shown turned by 90 degrees."""
    path = _folder / "rotated.mp4"
    ffmpeg("-display_rotation", "90", "-i", plain(), "-c", "copy", path)
    return path


@functools.cache
def encrypted():
    path = _folder / "encrypted.mp4"
    key = "76a6c65c5ea762046bd749a2e632ccbb"
    ffmpeg("-i", plain(), "-c", "copy", "-encryption_scheme", "cenc-aes-ctr", "-encryption_key", key,
           "-encryption_kid", "a7e61c373e219033c21091fa607bf3b8", path)  # fmt: skip
    return path


def written(name, content):
    """A file of the session's folder with this content (bytes or text)."""
    path = _folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
