"""Video-MME in its published files: parquet with a row a question, videos, and subtitles (modelzoo/evaluation/subtitles.py).

    FOLDER/videomme/*.parquet, or FOLDER/*.parquet    videoID, question_id, duration (short, medium, long), domain,
                                                      sub_category, question, options ["A. ...", ...], answer
    FOLDER/data/{videoID}.mp4
    FOLDER/subtitle/{videoID}.srt                     for a model that is given subtitles; not every video has them

A file that is missing is named with where to get it.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from modelzoo.evaluation import sets
from modelzoo.physvlm.data.sources import LETTERS, BadData, Data, Media, Question

VIDEO_MME_FROM = "https://huggingface.co/datasets/lmms-lab/Video-MME"
DURATIONS = ("short", "medium", "long")
_LETTER = re.compile(r"^\s*\(?([A-D])[.):]\s*")
_COLUMNS = ("videoID", "question_id", "duration", "domain", "sub_category", "question", "options", "answer")
_VIDEOS = (".mp4", ".mkv", ".webm", ".avi")


@dataclass
class Found:
    """`rows` of `sets.freeze`, and the clips as the evaluator reads them."""

    rows: list = field(default_factory=list)
    data: Data = field(default_factory=Data)


def files_of(folder):
    return sorted(Path(folder).glob("videomme/*.parquet")) or sorted(Path(folder).glob("*.parquet"))


def is_here(folder):
    """Whether a folder looks like the data set: parquet alone may be anything."""
    below = Path(folder) / "videomme"
    return any(below.glob("*.parquet")) or (Path(folder) / "data").is_dir() and bool(files_of(folder))


def read(folder):
    """`Found` of a folder with the published files; `BadData` names what is missing or wrong."""
    folder = Path(folder)
    if not folder.is_dir():
        raise BadData(f"{folder} is not a folder. Get Video-MME from {VIDEO_MME_FROM} and name its folder.")
    return _video_mme(folder)


def freeze(folder, *, name="", limit=0):
    found = read(folder)
    return sets.freeze(name or Path(folder).resolve().name, found.rows, benchmark="video-mme", limit=limit)


def _video_mme(folder):
    files = files_of(folder)
    if not files:
        raise BadData(
            f"{folder} has no videomme/*.parquet. Get test-00000-of-00001.parquet from {VIDEO_MME_FROM} and put it there."
        )
    import pyarrow
    import pyarrow.parquet

    found = Found()
    for path in files:
        try:
            table = pyarrow.parquet.read_table(path)
        except (OSError, pyarrow.ArrowInvalid) as error:
            raise BadData(f"{path} is no parquet file: {error}.") from error
        missing = [name for name in _COLUMNS if name not in table.column_names]
        if missing:
            raise BadData(f"{path} lacks the column {missing[0]}; is it Video-MME's file from {VIDEO_MME_FROM}?")
        for number, row in enumerate(table.select(list(_COLUMNS)).to_pylist(), 1):
            _video_mme_row(found, folder, row, f"{path.name}, row {number}")
    return found


def _video_mme_row(found, folder, row, where):
    options = [_LETTER.sub("", str(text)).strip() for text in row["options"] or []]
    if len(options) != 4 or not all(options):
        raise BadData(f"{where}: options must be four texts.")
    if row["answer"] not in tuple(LETTERS):
        raise BadData(f"{where}: answer {row['answer']!r} is not one of A, B, C, D.")
    if row["duration"] not in DURATIONS:
        raise BadData(f"{where}: duration {row['duration']!r} is not short, medium or long.")
    name = str(row["videoID"])
    path = clip_of(found, folder, ("data",), name, where, VIDEO_MME_FROM)
    found.rows.append(
        {
            "row_id": str(row["question_id"]),
            "clip_name": name,
            "clip_sha256": sets.file_hash(path),
            "family": f"clip:{name}"[:80],  # three questions a video
            "domain": str(row["domain"]),
            "category": str(row["sub_category"]),
            "part": row["duration"],
            "stem": str(row["question"]),
            "options": options,
            "answer": row["answer"],
        }
    )
    found.data.questions.append(
        Question(
            name, str(row["question_id"]), str(row["question"]), tuple(options), LETTERS.index(row["answer"]),
            str(row["domain"]), str(row["sub_category"]),
        )
    )  # fmt: skip


def clip_of(found, folder, below, name, where, source):
    """The path of a video by its name, entered with the clips; it lies in one of the folders `below` or beside the files."""
    if "/" in name or name in ("", ".", ".."):
        raise BadData(f"{where}: {name!r} cannot be the name of a file.")
    if name not in found.data.clips:
        names = [name] if name.endswith(_VIDEOS) else [f"{name}{ending}" for ending in _VIDEOS]
        places = [base / one for base in (*(folder / one for one in below), folder) for one in names]
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            raise BadData(f"{where}: the video {names[0]} is not in {folder / below[0]}. Get it from {source}.")
        found.data.clips[name] = Media(str(path.resolve()))
    return found.data.clips[name].path
