"""The benchmark of Video-ChatGPT in its published files: open questions whose answers a language model judges.

    FOLDER/generic_qa.json        [{video_name, Q, A}, ...]         correctness, detail, context
    FOLDER/temporal_qa.json       [{video_name, Q, A}, ...]         temporal understanding
    FOLDER/consistency_qa.json    [{video_name, Q1, Q2, A}, ...]    one thing asked twice, in other words
    FOLDER/Test_Videos/{video_name}.mp4 (or .mkv, ...)

The three files may also lie in Benchmarking_QA/, the videos in videos/ or beside the files. A file that is missing is named
with where to get it.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

from modelzoo.evaluation import sets
from modelzoo.evaluation.video_mme import clip_of
from modelzoo.physvlm.data.sources import BadData, Data

VCG_FROM = "https://mbzuai-oryx.github.io/Video-ChatGPT"
FILES = {"generic": "generic_qa.json", "temporal": "temporal_qa.json", "consistency": "consistency_qa.json"}
PARTS = tuple(FILES)
_BELOW = ("", "Benchmarking_QA")
_VIDEOS = ("Test_Videos", "videos", "Benchmarking")
DOMAIN = "VCG"


@dataclass(frozen=True)
class OpenQuestion:
    """What a checkpoint is asked: one wording or two."""

    clip_id: str
    question_id: str
    stem: str
    second_stem: str
    reference: str


@dataclass
class Found:
    """`rows` of `sets.freeze`, and the clips as the evaluator reads them."""

    rows: list = field(default_factory=list)
    data: Data = field(default_factory=Data)


def place_of(folder, part):
    """Where the file of a part lies, or None."""
    places = [Path(folder) / below / FILES[part] for below in _BELOW]
    return next((place for place in places if place.is_file()), None)


def is_here(folder):
    return all(place_of(folder, part) for part in PARTS)


def read(folder):
    """`Found` of a folder with the published files; `BadData` names what is missing or wrong."""
    folder = Path(folder)
    if not folder.is_dir():
        raise BadData(f"{folder} is not a folder. Get the benchmark of Video-ChatGPT from {VCG_FROM} and name its folder.")
    missing = [name for part, name in FILES.items() if place_of(folder, part) is None]
    if missing:
        raise BadData(f"{folder} lacks {', '.join(missing)}. Get all three files from {VCG_FROM} and put them there.")
    found = Found()
    for part in PARTS:
        path = place_of(folder, part)
        for number, record in enumerate(_records(path), 1):
            _enter(found, folder, part, record, number, f"{path.name}, record {number}")
    return found


def freeze(folder, *, name="", limit=0):
    """The set of the folder. `limit` takes that many of each part, evenly spread, for the parts are scored apart."""
    found = read(folder)
    rows = found.rows
    if limit:
        rows = [row for part in PARTS for row in sets.spread([one for one in rows if one["part"] == part], limit)]
    name = name or Path(folder).resolve().name
    if len(rows) < len(found.rows):
        name = f"{name} ({len(rows)} of {len(found.rows)})"
    return sets.freeze(name, rows, benchmark="vcg", is_whole=len(rows) == len(found.rows))


def _records(path):
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadData(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise BadData(f"{path} is not JSON: {error}.") from error
    if not isinstance(rows, list) or not rows:
        raise BadData(f"{path} must hold a list of questions; is it the file from {VCG_FROM}?")
    return rows


def _enter(found, folder, part, record, number, where):
    def text(key):
        value = record.get(key) if isinstance(record, dict) else None
        if not isinstance(value, str) or not value.strip():
            raise BadData(f"{where}: {key} must be text that is not empty.")
        return value.strip()

    name, reference = text("video_name"), text("A")
    stem, second = (text("Q1"), text("Q2")) if part == "consistency" else (text("Q"), "")
    row_id = f"{part}-{number:04}"
    path = clip_of(found, folder, _VIDEOS, name, where, VCG_FROM)
    found.rows.append(
        {
            "row_id": row_id,
            "clip_name": name,
            "clip_sha256": sets.file_hash(path),
            "family": f"clip:{name}"[:80],
            "domain": DOMAIN,
            "category": part,
            "part": part,
            "stem": stem,
            "second_stem": second,
            "reference": reference,
        }
    )
    found.data.questions.append(OpenQuestion(name, row_id, stem, second, reference))
