"""One ffmpeg pass makes the proxy, the filmstrip and the poster. ffmpeg sees one local file and has limits on everything."""

import os
import selectors
import subprocess
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from django.conf import settings

from annotator.ingest.probe import FORMATS
from annotator.ingest.refusals import Refused

PROXY_WIDTH, PROXY_HEIGHT = 1280, 720
GOP = 15
TILES, TILE_COLUMNS, TILE_WIDTH = 60, 10, 160
POSTER_WIDTH = 640
# Without B-frames the proxy needs no edit list: frame n lies at exactly n / fps for every reader.
VIDEO_OPTIONS = {
    "c:v": "libx264",
    "preset": "veryfast",
    "crf": 23,
    "profile:v": "high",
    "g": GOP,
    "keyint_min": GOP,
    "sc_threshold": 0,
    "bf": 0,
}
# What a clip's fingerprint is made of (annotator/ingest/fingerprint.py): small grey squares, some a second
GREY_FPS, GREY_SIDE = 4, 96
AUDIO_OPTIONS = {"c:a": "aac", "b:a": "128k", "ac": 2}
_LEAST_S = 120  # time even the shortest clip may take
_CPU_S_PER_S = 60  # CPU seconds for each second of video
_WALL_S_PER_S = 60
_FILE_BLOCKS = 4 * 1024 * 1024 * 1024 // 512  # no output above 4 GB
# The limits are set by a shell that then becomes ffmpeg, so that they hold for it and not for the worker.
_LIMITED = 'ulimit -c 0; ulimit -v "$1" && ulimit -t "$2" && ulimit -f "$3" || exit 126; shift 3; exec "$@"'


@dataclass(frozen=True)
class Plan:
    """What to make of a probed file."""

    fps: Fraction
    frames: int  # expected
    width: int
    height: int
    video: int  # stream indices in the source
    audio: int | None
    tiles: int
    cut: tuple[int, int] | None = None  # the first and last frame to keep, counted at `fps` from the start of the source

    @classmethod
    def of(cls, facts, cut=None):
        """`cut` keeps only these frames, as a person chose them on the proxy of the whole source."""
        width, height = proxy_size(facts["width"], facts["height"])
        frames = cut[1] - cut[0] + 1 if cut else facts["frames"]
        return cls(
            fps=Fraction(*facts["fps"]),
            frames=frames,
            width=width,
            height=height,
            video=facts["video"],
            audio=facts["audio"],
            tiles=min(TILES, frames),
            cut=cut,
        )


def proxy_size(width, height):
    """At most 1280x720 with the same aspect, both even, never enlarged."""
    shrink = min(1.0, PROXY_WIDTH / width, PROXY_HEIGHT / height)
    return tuple(max(2, 2 * round(side * shrink / 2)) for side in (width, height))


def tiles_made(plan, frames):
    """How many tiles the filmstrip got when `frames` really came."""
    share = plan.tiles / plan.frames
    return min(plan.tiles, int((frames - 1) * share + 0.5) - (-1 if share > 0.5 else 0))


def binary():
    if settings.FFMPEG:
        return settings.FFMPEG
    import imageio_ffmpeg

    return imageio_ffmpeg.get_ffmpeg_exe()


def arguments(source, folder, plan):
    """ffmpeg's argument list, built with ffmpeg-python, to make proxy.mp4, filmstrip.jpg, poster.jpg and grey.raw."""
    import ffmpeg

    wanted = {"protocol_whitelist": "file,pipe", "format_whitelist": FORMATS, "max_pixels": settings.CLIP_MAX_PIXELS}
    if settings.FFMPEG_THREADS:
        wanted["threads"] = settings.FFMPEG_THREADS
    file = ffmpeg.input(f"file:{source}", reinit_filter=0, **wanted)
    rate = f"{plan.fps.numerator}/{plan.fps.denominator}"
    frames = file[str(plan.video)].filter("fps", fps=rate, start_time=0)
    if plan.cut:
        first, last = plan.cut
        frames = frames.filter("trim", start_frame=first, end_frame=last + 1).filter("setpts", "PTS-STARTPTS")
    frames = (
        frames.filter("scale", plan.width, plan.height)
        .filter("setsar", 1)
        .filter("format", "yuv420p")
        .filter_multi_output("split", 4)
    )
    streams = [frames[0]]
    # `-progress` stays silent until every output has begun, and the filmstrip begins at the end. This prints each frame.
    options = {**VIDEO_OPTIONS, "pix_fmt": "yuv420p", "t": settings.CLIP_MAX_S + 1, "movflags": "+faststart"}
    options |= {"stats_enc_post:v:0": "pipe:1", "stats_enc_post_fmt:v:0": "{n}"}
    options |= {"map_metadata": -1, "map_chapters": -1, "fflags": "+bitexact", "flags:v": "+bitexact"}
    if settings.FFMPEG_THREADS:
        options["threads"] = settings.FFMPEG_THREADS
    if plan.audio is not None:
        sound = file[str(plan.audio)].filter("aresample", **{"async": 1, "first_pts": 0})
        start = plan.cut[0] / plan.fps if plan.cut else 0
        sound = sound.filter("atrim", start=float(start), end=float(start + plan.frames / plan.fps))
        streams.append(sound.filter("asetpts", "PTS-STARTPTS") if plan.cut else sound)
        options |= {**AUDIO_OPTIONS, "flags:a": "+bitexact"}
    proxy = ffmpeg.output(*streams, f"file:{folder}/proxy.mp4", **options)
    still = {"frames:v": 1, "update": 1, "f": "image2", "c:v": "mjpeg", "fflags": "+bitexact", "flags:v": "+bitexact"}
    still |= {"map_metadata": -1, "strict": "unofficial"}
    share = f"{plan.tiles}/{plan.frames}"
    tile_height = max(2, 2 * round(TILE_WIDTH * plan.height / plan.width / 2))
    filmstrip = (
        frames[1]
        .filter("select", f"gt(floor(n*{share}+0.5),floor((n-1)*{share}+0.5))")  # the middle of each tile's share
        .filter("scale", TILE_WIDTH, tile_height)
        .filter("tile", f"{TILE_COLUMNS}x{-(-plan.tiles // TILE_COLUMNS)}")
        .output(f"file:{folder}/filmstrip.jpg", **still, **{"q:v": 5})
    )
    poster_width = min(POSTER_WIDTH, plan.width)
    poster = (
        frames[2]
        .filter("select", f"eq(n,{plan.frames // 3})")
        .filter("scale", poster_width, max(2, 2 * round(poster_width * plan.height / plan.width / 2)))
        .output(f"file:{folder}/poster.jpg", **still, **{"q:v": 3})
    )
    grey = (
        frames[3]
        .filter("fps", fps=GREY_FPS, start_time=0, eof_action="pass")  # so that two frames make one, and not none
        .filter("scale", GREY_SIDE, GREY_SIDE, flags="area")
        .filter("format", "gray")
        .output(f"file:{folder}/grey.raw", f="rawvideo")
    )
    command = ffmpeg.merge_outputs(proxy, filmstrip, poster, grey).global_args(
        "-hide_banner", "-nostdin", "-y", "-loglevel", "error", "-max_error_rate", "0.2"
    )
    return command.compile(cmd=binary())


def limited(command, *, seconds):
    """The command under limits of memory, CPU time and size of files, for a video of `seconds`."""
    cpu_s = int(_LEAST_S + _CPU_S_PER_S * seconds)
    return ["/bin/sh", "-c", _LIMITED, "sh", str(settings.FFMPEG_MEMORY_MB * 1024), str(cpu_s), str(_FILE_BLOCKS), *command]


def transcode(source, folder, plan, *, progress, log):
    """Run the pass; `progress(frames)` is called as it goes and may raise to stop it. Returns the decoder's complaints.

    Raises Refused when ffmpeg cannot finish: the file is damaged, or asks for more than the limits.
    """
    seconds = float(plan.frames / plan.fps)
    command = limited(arguments(Path(source).absolute(), folder, plan), seconds=seconds)
    deadline = time.monotonic() + _LEAST_S + _WALL_S_PER_S * seconds
    complaints = Path(folder) / "ffmpeg.log"
    with complaints.open("wb") as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=folder,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        )
        try:
            _follow(process, progress, deadline)
            code = process.wait()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            process.stdout.close()
    lines = complaints.read_text(errors="replace").splitlines()
    if code == 126:
        raise RuntimeError(f"The limits on ffmpeg could not be set: {lines[-1:]}")
    if any("Unrecognized option" in line or "Option not found" in line for line in lines):
        raise RuntimeError(f"{binary()} is too old; the Studio needs ffmpeg 6 or newer: {lines[-1:]}")
    if code != 0:
        for line in lines[-10:]:
            log(f"ffmpeg: {line[:300]}")
        log(f"ffmpeg ended with code {code}.")
        starved = code < 0 or any("Cannot allocate memory" in line for line in lines)
        raise Refused("too_hard" if starved else "broken")
    return lines


def _follow(process, progress, deadline):
    """Read the numbers of coded frames until ffmpeg closes its output."""
    buffer = b""
    frames = 0
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if time.monotonic() > deadline:
                raise Refused("too_hard")
            progress(frames)
            if not selector.select(timeout=1.0):
                continue
            data = os.read(process.stdout.fileno(), 65536)
            if not data:
                return
            *lines, buffer = (buffer + data).split(b"\n")
            numbers = [int(line) for line in lines if line.isdigit()]
            frames = numbers[-1] + 1 if numbers else frames
