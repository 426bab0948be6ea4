"""Encode frames as H.264 through ffmpeg's standard input; the same frames always give the same bytes."""

import os
import subprocess
from pathlib import Path

import imageio_ffmpeg


class CannotEncode(Exception):
    """ffmpeg failed; the sentence says what it said."""


def encode(frames, path, *, width, height, fps, quality, ffmpeg=None):
    """Write uint8 BGR frames to `path` (mp4). `quality` runs from 0 (best) to 10. The file is there whole or not at all."""
    path = Path(path)
    part = path.with_name(f".{path.stem}.{os.getpid()}.part.mp4")
    command = [
        ffmpeg or imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y",
        "-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{width}x{height}", "-r", str(fps), "-i", "pipe:0",
        "-sws_flags", "bicubic+accurate_rnd+full_chroma_int+bitexact", "-c:v", "libx264", "-preset", "veryfast",
        "-crf", str(19 + quality), "-pix_fmt", "yuv420p", "-threads", "1", "-g", "30", "-bf", "0", "-map_metadata", "-1",
        "-fflags", "+bitexact", "-flags:v", "+bitexact", "-movflags", "+faststart", f"file:{part}",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        try:
            for frame in frames:
                process.stdin.write(frame.tobytes())
            process.stdin.close()
        except BrokenPipeError:
            pass  # ffmpeg has given up, and its own words follow
        said = process.stderr.read().decode(errors="replace").strip().splitlines()
        if process.wait():
            raise CannotEncode(f"ffmpeg could not write {path.name}: {said[-1] if said else 'it gave no reason'}")
        os.replace(part, path)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stderr.close()
        part.unlink(missing_ok=True)
