"""Reading the folder of a run while its trainer writes it. Nothing here fails because a file is missing or half written.

The trainer replaces its JSON files whole and appends to `metrics.jsonl` and `samples.jsonl` line by line; a resumed one
first cuts off what it will measure again, by replacing those files.
"""

import hashlib
import json
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

CONSOLE = "console.txt"  # what the process of the trainer printed; all other files are the trainer's own
_MARK_BYTES = 64
_CHUNK_BYTES = 1024 * 1024
_LARGEST_JSON = 8 * 1024 * 1024
LOG_TAIL_BYTES = 16_000
_CHECKPOINT = re.compile(r"step-(\d{1,15})")


def path_of(run):
    return Path(settings.RUNS_DIR) / run.name


def read_json(path):
    """The object in a file; {} when there is none that can be read."""
    try:
        if path.stat().st_size > _LARGEST_JSON:
            return {}
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return _storable(value) if isinstance(value, dict) else {}


def _storable(value):
    """PostgreSQL's JSON knows neither NaN nor the zero character."""
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value


@dataclass(frozen=True)
class News:
    """What a file of JSON lines holds behind an offset."""

    lines: list
    offset: int
    mark: str
    restarted: bool = False  # the file was replaced: all that was read of it before is void
    more: bool = False


def read_news(path, *, offset, mark):
    """The whole lines after `offset`, at most about a megabyte of them.

    `mark`: the bytes before the offset when it was reached, in hex. If they are not there any more the file was replaced,
    and reading starts again.
    """
    try:
        file = open(path, "rb")  # noqa: SIM115
    except OSError:
        return News([], 0, "", restarted=offset > 0)
    with file:
        expected = bytes.fromhex(mark)
        file.seek(offset - len(expected))
        restarted = file.read(len(expected)) != expected
        if restarted:
            offset, mark = 0, ""
            file.seek(0)
        data = file.read(_CHUNK_BYTES)
        more = len(data) == _CHUNK_BYTES
        whole = data.rfind(b"\n") + 1
        if not whole:  # nothing, a line that is being written, or one so long that it is none of ours
            return News([], offset + (len(data) if more else 0), "" if more else mark, restarted, more)
        lines = [line for raw in data[:whole].split(b"\n")[:-1] if (line := _object(raw)) is not None]
        return News(lines, offset + whole, data[max(0, whole - _MARK_BYTES) : whole].hex(), restarted, more)


def _object(raw):
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return _storable(value) if isinstance(value, dict) else None


def read_tail(path, size=LOG_TAIL_BYTES):
    """The last lines of a text file, "" when there is none."""
    try:
        with open(path, "rb") as file:
            length = file.seek(0, os.SEEK_END)
            file.seek(max(0, length - size))
            data = file.read(size)
    except OSError:
        return ""
    if length > size:
        data = data[data.find(b"\n") + 1 :]
    return data.decode("utf-8", "replace").replace("\x00", "")


def last_sentence(path):
    """The last line a process printed, without the name of Django's exception."""
    lines = [line for line in read_tail(path / CONSOLE).splitlines() if line.strip()]
    return lines[-1].strip().removeprefix("CommandError: ")[:2000] if lines else ""


@dataclass(frozen=True)
class Found:
    """A committed checkpoint on the disk."""

    step: int
    folder: str
    bytes: int
    sha256: str
    committed_at: datetime


def checkpoint_steps(path):
    """{step: name of its folder} of what is committed, without reading it."""
    try:
        names = os.listdir(path / "checkpoints")
    except OSError:
        return {}
    steps = {int(match[1]): name for name in names if (match := _CHECKPOINT.fullmatch(name))}
    return {step: name for step, name in steps.items() if (path / "checkpoints" / name / "COMMITTED").is_file()}


def read_checkpoint(path, step, name):
    """What a checkpoint's COMMITTED says, None if it vanished."""
    marker = path / "checkpoints" / name / "COMMITTED"
    try:
        raw = marker.read_bytes()
        at = datetime.fromtimestamp(marker.stat().st_mtime, UTC)
        files = json.loads(raw).get("files", {})
        size = sum(int(file["bytes"]) for file in files.values())
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return None
    return Found(step, name, size, hashlib.sha256(raw).hexdigest(), at)
