"""Reading folders of training data: public formats, GlitchWorld, and what `export_physgame` writes (the same format).

    PhysInstruct*.json              [{video, QA: [{i, q, a}, ...]}]                   conversations for SFT
    PhysDPO*.json                   [{video, prompt, chosen, rejected}]               pairs for DPO
    PhysGame_*_annotation.json      [{question_id, question, options, answer, ...}]   questions, for SFT and evaluation
    truth.jsonl with arrays.npy     GlitchWorld without video files: frames are rows of one array

A folder may hold any of them. Videos are looked for in the folder of their format (PhysInstruct/, PhysDPO/,
PhysGame-Benchmark/), in clips/, and beside the file. Whatever is wrong raises `BadData` with the record's name.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

LETTERS = "ABCD"
KINDS = ("conversations", "pairs", "questions")


class BadData(Exception):
    """A folder or a record that cannot be trained on; the sentence says which, why, and what to do."""


@dataclass(frozen=True)
class Media:
    """Where the frames of a clip are: a video file, or row `row` of an array (N, T, H, W, 3) of bytes."""

    path: str
    row: int | None = None


@dataclass(frozen=True)
class Conversation:
    clip_id: str
    turns: tuple[tuple[str, str], ...]  # (question, answer)


@dataclass(frozen=True)
class Pair:
    clip_id: str
    prompt: str
    chosen: str
    rejected: str


@dataclass(frozen=True)
class Question:
    clip_id: str
    question_id: str
    stem: str
    options: tuple[str, str, str, str]  # in the order of LETTERS
    answer: int  # index into the options
    domain: str
    category: str

    @property
    def block(self):
        """Question and options as the published evaluation shows them; the options alone where there is no stem."""
        options = "\n".join(f"({letter}) {text}" for letter, text in zip(LETTERS, self.options, strict=True))
        return f"Question: {self.stem}\nOptions:\n{options}" if self.stem else f"Options:\n{options}"


@dataclass
class Data:
    """All that was read. `clips` holds every clip that a record names."""

    clips: dict = field(default_factory=dict)  # {clip_id: Media}
    conversations: list = field(default_factory=list)
    pairs: list = field(default_factory=list)
    questions: list = field(default_factory=list)
    sources: list = field(default_factory=list)  # [{path, kind, rows, clips}]

    def without(self, clip_ids):
        """The same without these clips; BadData if one of them is not there."""
        unknown = sorted(set(clip_ids) - set(self.clips))
        if unknown:
            raise BadData(f"The list of clips to leave out names {unknown[0]}, which is not in the data.")
        keep = {clip_id: media for clip_id, media in self.clips.items() if clip_id not in clip_ids}
        lists = {kind: [row for row in getattr(self, kind) if row.clip_id in keep] for kind in KINDS}
        return Data(keep, **lists, sources=self.sources)


def read(folders):
    """`Data` of all folders, records in the order of the files."""
    data = Data()
    for folder in folders:
        _read_folder(Path(folder), data)
    return data


def _read_folder(folder, data):
    if not folder.is_dir():
        raise BadData(
            f"{folder} is not a folder. --data takes folders of PhysGame, PhysInstruct, PhysDPO or GlitchWorld data."
        )
    files = [
        (path, parse, videos)
        for pattern, parse, videos in (
            ("PhysInstruct*.json", _conversation, "PhysInstruct"),
            ("PhysDPO*.json", _pair, "PhysDPO"),
            ("PhysGame_*_annotation.json", _question, "PhysGame-Benchmark"),
        )
        for path in sorted(folder.glob(pattern))
    ]
    if not files:
        raise BadData(
            f"{folder} holds no PhysInstruct*.json, PhysDPO*.json or PhysGame_*_annotation.json; is it the right folder?"
        )
    rows_of_array = _array_rows(folder)
    before = len(data.clips)
    count = 0
    for path, parse, videos in files:
        kept = {Conversation: data.conversations, Pair: data.pairs, Question: data.questions}
        for number, record in enumerate(_records(path), 1):
            where = f"{path}, record {number}"
            row, video = parse(record, where)
            clip_id = _place(folder, videos, video, rows_of_array, data.clips, where)
            kept[type(row)].append(row if row.clip_id == clip_id else _renamed(row, clip_id))
            count += 1
    kind = "glitchworld-arrays" if rows_of_array else "glitchworld-clips" if (folder / "truth.jsonl").exists() else "public"
    source = {"path": str(folder.resolve()), "kind": kind, "rows": count, "clips": len(data.clips) - before}
    data.sources.append(source | _release_of(folder))


def _release_of(folder):
    """{"release": {name, kind, number, split, sha256}} where the folder is the export of a sealed release, else {}."""
    path = folder / "release.json"
    if not path.exists():
        return {}
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        release = {name: about[name] for name in ("name", "kind", "number", "split", "sha256")}
        listed = hashlib.sha256((folder / "rows.sha256").read_bytes()).hexdigest()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadData(f"{path} does not say which release the folder is: {error}. Export the release again.") from error
    if not about.get("taken_down_rows") and listed != release["sha256"]:
        raise BadData(f"{folder / 'rows.sha256'} is not the list of rows of {release['name']}. Export the release again.")
    return {"release": release}


def refuse_benchmarks(data):
    """`BadData` if a folder is a benchmark release: a model is not measured on what it was trained on."""
    for source in data.sources:
        if source.get("release", {}).get("kind") == "benchmark":
            raise BadData(f"{source['path']} is the benchmark {source['release']['name']}; it is not trained on.")


def _renamed(row, clip_id):
    return type(row)(**{**row.__dict__, "clip_id": clip_id})


def _records(path):
    try:
        text = path.read_text(encoding="utf-8")
        rows = json.loads(text)
    except OSError as error:
        raise BadData(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise BadData(f"{path} is not JSON: {error}.") from error
    if not isinstance(rows, list):
        raise BadData(f"{path} must hold a list of records; it holds {type(rows).__name__}.")
    return rows


def _array_rows(folder):
    """{clip_id: row of arrays.npy}, empty where the folder has no array."""
    if not (folder / "arrays.npy").exists():
        return {}
    try:
        lines = (folder / "truth.jsonl").read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise BadData(
            f"{folder / 'truth.jsonl'}, which names the rows of arrays.npy, cannot be read: {error.strerror}."
        ) from error
    truths = [json.loads(line) for line in lines if line]
    return {truth["clip_id"]: truth["row"] for truth in truths}


def _place(folder, videos, video, rows_of_array, clips, where):
    """The clip's id, after its media was entered in `clips`. Two folders may hold different clips of the same name."""
    name = Path(video).stem
    if rows_of_array:
        if name not in rows_of_array:
            raise BadData(f"{where}: the clip {name} is not in truth.jsonl.")
        media = Media(str((folder / "arrays.npy").resolve()), rows_of_array[name])
    else:
        found = [place for place in (folder / videos / video, folder / "clips" / video, folder / video) if place.is_file()]
        if not found:
            raise BadData(
                f"{where}: the video {video} is neither in {folder / videos} nor in clips/. Bring it, or leave the clip out."
            )
        media = Media(str(found[0].resolve()))
    clip_id = name
    number = 2
    while clips.get(clip_id, media) != media:
        clip_id = f"{name}-{number}"
        number += 1
    clips[clip_id] = media
    return clip_id


def _text(record, key, where):
    value = record.get(key) if isinstance(record, dict) else None
    if not isinstance(value, str) or not value.strip():
        raise BadData(f"{where}: {key} must be text that is not empty.")
    return value


def _video(record, where):
    video = _text(record, "video", where)
    if Path(video).is_absolute() or ".." in Path(video).parts:
        raise BadData(f"{where}: the video {video} points outside the folder.")
    return video


def _conversation(record, where):
    video = _video(record, where)
    turns = record.get("QA")
    if not isinstance(turns, list) or not turns:
        raise BadData(f"{where}: QA must be a list of questions and answers.")
    turns = tuple((_text(turn, "q", where), _text(turn, "a", where)) for turn in turns)
    return Conversation(Path(video).stem, turns), video


def _pair(record, where):
    video = _video(record, where)
    prompt, chosen, rejected = (_text(record, key, where) for key in ("prompt", "chosen", "rejected"))
    if chosen == rejected:
        raise BadData(f"{where}: chosen and rejected are the same text, so nothing can be learned from the pair.")
    return Pair(Path(video).stem, prompt, chosen, rejected), video


def _question(record, where):
    question_id = _text(record, "question_id", where)
    if "/" in question_id or question_id in (".", ".."):
        raise BadData(f"{where}: question_id {question_id!r} cannot be the name of a file.")
    options = record.get("options")
    if not isinstance(options, dict) or sorted(options) != list(LETTERS):
        raise BadData(f"{where}: options must be an object with exactly A, B, C and D.")
    texts = tuple(_text(options, letter, where) for letter in LETTERS)
    if len({text.casefold() for text in texts}) < len(texts):
        raise BadData(f"{where}: two options are the same.")
    answer = record.get("answer")
    if not isinstance(answer, str) or answer not in tuple(LETTERS):
        raise BadData(f"{where}: answer {answer!r} is not one of A, B, C, D.")
    domain, category = _text(record, "class_anno", where), _text(record, "subclass_anno", where)
    stem = _text(record, "question", where)
    return Question(question_id, question_id, stem, texts, LETTERS.index(answer), domain, category), f"{question_id}.mp4"
