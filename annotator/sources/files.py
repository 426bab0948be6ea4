"""What a folder or a CSV file offers: video files, each with the story that a sidecar or a row tells about it.

A folder with a truth.jsonl is a set of GlitchWorld: its clips come with what really happens in them.
"""

import csv
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from annotator import truths
from annotator.glitchworld.truth import ClipTruth
from annotator.importing import Story
from annotator.ingest.store import SUFFIXES
from annotator.models import Clip
from annotator.taxonomy import CATEGORIES

COLUMNS = (
    "file",
    "path",
    "source_id",
    "title",
    "text",
    "permalink",
    "author",
    "licence",
    "retrieved_at",
    "purpose",
    "category",
)
_TRUTHS = "truth.jsonl"
_LICENCE_OF_GLITCHWORLD = "CC0-1.0"
_LONGEST_SIDECAR = 1024 * 1024
# Names that downloaders use for the same things; the first that is there counts.
_SIDECAR_KEYS = {
    "source_id": ("source_id", "id"),
    "title": ("title",),
    "text": ("text", "selftext", "description"),
    "permalink": ("permalink", "webpage_url", "original_url", "url"),
    "author": ("author", "uploader", "channel"),
    "licence": ("licence", "license"),
    "retrieved_at": ("retrieved_at", "epoch"),
    "purpose": ("purpose",),
    "category": ("category", "expected_category"),
}


class SourceError(Exception):
    """A source, or one row or sidecar of it, that cannot be used; the sentence says why."""


@dataclass(frozen=True)
class Found:
    name: str  # what to call it in messages
    path: Path
    source: str
    story: Story
    error: str = ""
    url: str = ""  # where the video lies at a site, instead of `path`
    truth: ClipTruth | None = None


def find(sources, *, kind=None, defaults):
    """All that the sources offer, in a stable order. SourceError when one of them cannot be read at all."""
    found = []
    for source in map(Path, sources):
        if not source.exists():
            raise SourceError(f"There is no {source}.")
        use = kind or ("csv" if source.suffix.lower() in (".csv", ".tsv") else "folder")
        if use == "csv":
            found += _csv(source, defaults)
        elif (source / _TRUTHS).is_file():
            found += _glitchworld(source, defaults)
        elif source.is_dir():
            found += _folder(source, defaults)
        else:
            found.append(_with_sidecar(source, source.name, defaults))
    return found


def _folder(folder, defaults):
    found = []
    for directory, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = Path(directory) / name
            if path.suffix.lower() in SUFFIXES:
                found.append(_with_sidecar(path, str(path.relative_to(folder)), defaults))
    if not found:
        raise SourceError(f"There are no videos in {folder} (looked for {', '.join(sorted(SUFFIXES))}).")
    return found


def _glitchworld(folder, defaults):
    """The clips of a set that make_glitchworld wrote."""
    path = folder / _TRUTHS
    try:
        lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.")
    found = []
    for number, line in enumerate(lines, 1):
        try:
            truth = truths.parse(line)
        except ValueError as error:
            raise SourceError(f"{path}, line {number}: {error}.")
        if truth.video is None:
            raise SourceError(f"{folder} holds arrays and no videos; make the set again without --arrays.")
        if not (folder / truth.video).resolve().is_relative_to(folder.resolve()):
            raise SourceError(f"{path}, line {number}: the video {truth.video} lies outside {folder}.")
        story = glitchworld_story(truth, purpose=defaults["purpose"], licence=defaults["licence"])
        found.append(Found(truth.video, folder / truth.video, Clip.Source.GLITCHWORLD, story, truth=truth))
    return found


def glitchworld_story(truth, *, purpose=Clip.Purpose.BENCHMARK, licence=""):
    """What people read about a clip of GlitchWorld before they know its truth."""
    known = truth.glitch and purpose != Clip.Purpose.PRACTICE
    return Story(
        source_id=truth.clip_id,
        title=truths.title(truth),
        text="Rendered by GlitchWorld; nobody played this.",
        author="GlitchWorld",
        licence=licence or _LICENCE_OF_GLITCHWORLD,
        purpose=purpose,
        expected_category=truth.glitch.category if known else "",
    )


def _with_sidecar(path, name, defaults):
    try:
        return Found(name, path, Clip.Source.FOLDER, _story(_sidecar(path), defaults))
    except SourceError as error:
        return Found(name, path, Clip.Source.FOLDER, Story(), str(error))


def _sidecar(path):
    """What `name.json`, `name.info.json` or `name.mp4.json` beside the video says; {} when there is none."""
    for candidate in (path.with_suffix(".json"), path.with_suffix(".info.json"), path.with_name(path.name + ".json")):
        if not candidate.is_file():
            continue
        if candidate.stat().st_size > _LONGEST_SIDECAR:
            raise SourceError(f"Its sidecar {candidate.name} is larger than 1 MB.")
        try:
            said = json.loads(candidate.read_text(encoding="utf-8-sig"))
        except (ValueError, RecursionError):
            raise SourceError(f"Its sidecar {candidate.name} is not JSON.")
        if not isinstance(said, dict):
            raise SourceError(f"Its sidecar {candidate.name} is not a JSON object.")
        story = {}
        for field, keys in _SIDECAR_KEYS.items():
            value = next((said[key] for key in keys if said.get(key) not in (None, "")), "")
            story[field] = value if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""
        return story
    return {}


def _csv(path, defaults):
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise SourceError(f"{path} is not UTF-8 text.")
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.")
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)
    rows = csv.DictReader(text.splitlines(keepends=True), delimiter=delimiter)
    columns = [(name or "").strip().lower() for name in rows.fieldnames or []]
    if "file" not in columns and "path" not in columns:
        raise SourceError(f"{path} has no column “file” with names of files or links. It takes {', '.join(COLUMNS)}.")
    rows.fieldnames = columns
    unknown = sorted(set(columns) - set(COLUMNS) - {""})
    if unknown:
        raise SourceError(f"{path} has columns that mean nothing here: {', '.join(unknown)}. It takes {', '.join(COLUMNS)}.")
    found = []
    try:
        for row in rows:
            found.append(_row(path, rows.line_num, row, defaults))
    except csv.Error as error:
        raise SourceError(f"{path}, line {rows.line_num}: {error}.")
    return found


def _row(path, line, row, defaults):
    row = {
        name: (value or "").strip() for name, value in row.items() if isinstance(name, str) and not isinstance(value, list)
    }
    file = row.get("file") or row.get("path") or ""
    name = f"line {line} {file}".strip()
    if not file:
        return Found(name, path, Clip.Source.CSV, Story(), "This row names no file.")
    if "://" in file:
        try:
            return Found(name, path, Clip.Source.LINK, _story(row, defaults), url=file)
        except SourceError as error:
            return Found(name, path, Clip.Source.LINK, Story(), str(error))
    try:
        return Found(name, path.parent / file, Clip.Source.CSV, _story(row, defaults))
    except SourceError as error:
        return Found(name, path.parent / file, Clip.Source.CSV, Story(), str(error))


def _story(said, defaults):
    purpose = said.get("purpose") or defaults["purpose"]
    if purpose not in Clip.Purpose.values:
        raise SourceError(f"The purpose {purpose!r} is neither of {', '.join(Clip.Purpose.values)}.")
    category = said.get("category") or defaults["expected_category"]
    if category not in CATEGORIES and category:
        raise SourceError(f"There is no category {category!r}; there are {', '.join(CATEGORIES)}.")
    return Story(
        source_id=said.get("source_id", ""),
        title=said.get("title", ""),
        text=said.get("text", ""),
        permalink=said.get("permalink", ""),
        author=said.get("author", ""),
        licence=said.get("licence") or defaults["licence"],
        retrieved_at=_moment(said.get("retrieved_at", "")),
        purpose=purpose,
        expected_category=category,
    )


def _moment(text):
    """A time from ISO 8601 text, a date, or seconds since 1970; now for none."""
    if not text:
        return timezone.now()
    try:
        if text.replace(".", "", 1).isdigit() and "-" not in text:
            return datetime.fromtimestamp(float(text), UTC)
        moment = parse_datetime(text) or datetime.combine(parse_date(text), time())
    except (ValueError, TypeError, OverflowError, OSError):
        raise SourceError(f"{text!r} is not a time; write 2024-05-01 or 2024-05-01T12:00:00Z.")
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
