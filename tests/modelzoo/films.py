"""Small real MP4 files that differ byte for byte."""

import functools
import struct
import subprocess
import tempfile
from pathlib import Path

import imageio_ffmpeg


@functools.cache
def _film(container):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"film.{container}"
        subprocess.run(
            [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=1"]
            + ["-c:v", "libx264", "-pix_fmt", "yuv420p", str(path)],
            check=True,
        )
        return path.read_bytes()


def film(mark=0, container="mp4"):
    """The bytes of a film of 1 s; each `mark` gives another file with the same pictures."""
    note = b"film number %d" % mark
    # A "free" box, or a void element of Matroska, holds anything and means nothing.
    if container == "mp4":
        return _film("mp4") + struct.pack(">I4s", 8 + len(note), b"free") + note
    return _film(container) + b"\xec" + bytes([0x80 | len(note)]) + note
