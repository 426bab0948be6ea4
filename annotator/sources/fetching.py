"""Running child.py under limits: one page, one search or one video, with the whole of its process group ended in time."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings

from annotator.ingest.transcode import binary
from annotator.sources.faults import Fault

_PAGE_TIME_S = 120
_MERGE_S = 120


def page(url, *, progress=lambda count: None):
    """The text of one page."""
    return _ask({"do": "get", "url": url}, progress, _PAGE_TIME_S)["text"]


def search(url, most, *, progress=lambda count: None):
    """[{id, title, duration, ...}] of yt-dlp's search address, for instance `ytsearch20:game glitch floating`."""
    return _ask({"do": "search", "url": url, "most": most}, progress, _PAGE_TIME_S)["entries"]


def video(url, folder, *, progress=lambda count: None):
    """Fetch the video of a page into `folder`; (path, info). Fault says why not. `progress(bytes)` may raise to stop."""
    got = _ask({"do": "fetch", "url": url, "folder": str(folder)}, progress, settings.FETCH_TIME_S)
    files = [file for file in got["files"] if Path(file["path"]).resolve().is_relative_to(Path(folder).resolve())]
    pictures = [file["path"] for file in files if not file["sound_only"]]
    sounds = [file["path"] for file in files if file["sound_only"]]
    if not pictures:
        raise Fault("no_video")
    path = Path(pictures[0])
    if sounds:
        path = _merged(path, Path(sounds[0]), Path(folder) / "merged.mkv")
    if path.stat().st_size > settings.FETCH_MAX_BYTES:
        raise Fault("too_big")
    return path, got["info"]


def _merged(picture, sound, target):
    """Picture and sound, which sites keep apart, in one file: streams are copied. The picture alone if that fails."""
    from annotator.ingest.probe import FORMATS

    safe = ["-protocol_whitelist", "file", "-format_whitelist", FORMATS]
    command = [
        binary(),
        "-nostdin",
        "-y",
        "-loglevel",
        "error",
        *safe,
        "-i",
        f"file:{picture}",
        *safe,
        "-i",
        f"file:{sound}",
    ]
    command += ["-map", "0:v:0", "-map", "1:a:0", "-c", "copy", "-fflags", "+bitexact", f"file:{target}"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_MERGE_S, check=False)
    except subprocess.TimeoutExpired:
        return picture
    return target if done.returncode == 0 and target.is_file() else picture


def _ask(asked, progress, seconds):
    request = asked | {
        "hosts": [host.lower().strip(".") for host in settings.FETCH_HOSTS],
        "routes": settings.FETCH_ROUTES,
        "authority": settings.FETCH_CA_FILE,
        "timeout_s": settings.FETCH_TIMEOUT_S,
        "sleep_s": settings.FETCH_SLEEP_S / 2 if asked["do"] == "fetch" else 0,
        "max_bytes": settings.FETCH_MAX_BYTES,
        "max_s": settings.FETCH_MAX_S,
        "rate": settings.FETCH_RATE_KB * 1024,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "annotator.sources.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=settings.BASE_DIR,
        env={"PATH": "/nonexistent", "LC_ALL": "C.UTF-8", "YTDLP_NO_PLUGINS": "1", "HOME": "/nonexistent",
             "PYTHONPATH": str(settings.BASE_DIR), "PYTHONDONTWRITEBYTECODE": "1"},
        start_new_session=True,
    )  # fmt: skip
    try:
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()  # and stays open: the child ends when it closes
        told = _follow(process, progress, time.monotonic() + seconds, asked.get("folder"))
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        process.stdout.close()
        process.stdin.close()
    if "fault" in told:
        fault = told["fault"]
        raise Fault(
            fault["code"], fault.get("what") or "", detail=fault.get("detail") or "", after=_seconds(fault.get("after"))
        )
    return told["done"]


def _follow(process, progress, deadline, folder):
    """Read the child's lines until its answer."""
    buffer = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        count = 0
        while True:
            if time.monotonic() > deadline:
                raise Fault("slow")
            if folder and sum(path.stat().st_size for path in Path(folder).iterdir()) > settings.FETCH_MAX_BYTES:
                raise Fault("too_big")
            progress(count)
            if not selector.select(timeout=1.0):
                continue
            data = os.read(process.stdout.fileno(), 65536)
            if not data:
                raise Fault("ended")
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                told = json.loads(line)
                if "bytes" not in told:
                    return told
                count = told["bytes"]


def _seconds(text):
    """A Retry-After header in seconds; None where it says nothing we understand. At most a day."""
    return min(int(text), 86400) if text and str(text).isdigit() else None
