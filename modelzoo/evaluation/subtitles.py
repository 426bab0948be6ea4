"""Subtitles of Video-MME as published, .srt: the lines that are on the screen at the frames that a model is shown.

    FOLDER/subtitle/{videoID}.srt

Not every video has subtitles; a question about one without is asked without. Lines come in their order, each once, whatever
tags stand in them.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from modelzoo.evaluation.video_mme import VIDEO_MME_FROM
from modelzoo.physvlm.data.sources import BadData

FOLDER = "subtitle"
_TIMES = re.compile(r"^\s*(\d{1,3}):(\d{2}):(\d{2})[,.](\d{1,3})\s*-->\s*(\d{1,3}):(\d{2}):(\d{2})[,.](\d{1,3})(?:\s.*)?$")
_TAG = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")


@dataclass(frozen=True)
class Line:
    start_s: float
    end_s: float
    text: str


def parse(text):
    """`Line`s of a .srt file in their order; blocks without a text or with times that make no sense are left out."""
    found, times, words = [], None, []

    def close():
        said = " ".join(" ".join(_TAG.sub("", one).split()) for one in words).strip()
        if times and said and times[0] < times[1]:
            found.append(Line(*times, said))

    lines = text.lstrip("\ufeff").splitlines()
    for number, line in enumerate(lines):
        at = _TIMES.match(line)
        if at:
            close()
            numbers = [int(part) for part in at.groups()]
            fractions = [int(part.ljust(3, "0")) / 1000 for part in (at.group(4), at.group(8))]
            times = (_seconds(numbers[:3]) + fractions[0], _seconds(numbers[4:7]) + fractions[1])
            words = []
        elif times and not (line.strip().isdigit() and number + 1 < len(lines) and _TIMES.match(lines[number + 1])):
            words.append(line)
    close()
    return sorted(found, key=lambda one: one.start_s)


def _seconds(parts):
    hours, minutes, seconds = parts
    return 3600 * hours + 60 * minutes + seconds


def at(lines, times_s):
    """The texts that are shown at one of the times at least, in their order; a text that stays on is there once."""
    found = []
    for line in lines:
        if any(line.start_s <= time <= line.end_s for time in times_s) and (not found or found[-1] != line.text):
            found.append(line.text)
    return found


def of_frames(folder, video, path, frame_numbers):
    """The subtitles of these frames of a video as one text, "" for none."""
    lines = _lines(str(Path(folder) / FOLDER / f"{video}.srt"))
    if not lines or not frame_numbers:
        return ""
    rate = rate_of(path)
    return "\n".join(at(lines, [(number + 0.5) / rate for number in frame_numbers]))


@lru_cache(maxsize=2000)
def _lines(path):
    try:
        return tuple(parse(Path(path).read_bytes().decode("utf-8", "replace")))
    except FileNotFoundError:
        return ()


@lru_cache(maxsize=2000)
def rate_of(path):
    """Frames a second of a video file."""
    import av

    try:
        with av.open(path) as container:
            rate = container.streams.video[0].average_rate
    except (av.FFmpegError, IndexError, OSError) as error:
        raise BadData(f"{path} cannot be read: {error}.") from error
    if not rate:
        raise BadData(f"{path} does not say how many frames a second it has, so its subtitles cannot be placed.")
    return float(rate)


def about(folder):
    """{"videos", "sha256"} of the subtitles of a folder, as kept with an evaluation; `BadData` where there are none."""
    files = sorted((Path(folder) / FOLDER).glob("*.srt"))
    if not files:
        raise BadData(
            f"{Path(folder) / FOLDER} holds no .srt files. Get subtitle.zip from {VIDEO_MME_FROM} and unpack it there, or"
            " measure without subtitles."
        )
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}:{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return {"videos": len(files), "sha256": digest.hexdigest()}
