"""What the readers of an export demand: each tried with its real library where that is installed, else by its rules.

`check(release, folder, cache=...)` takes an export of a release in all formats of its kind, videos included, and compares
what each reader finds with the sealed rows.
"""

import ast
import csv
import hashlib
import importlib.util
import json

import pytest
import yaml

from annotator.letters import LETTERS
from modelzoo import physgame
from modelzoo.formats.base import VIDEOS
from modelzoo.formats.trainers import plain
from modelzoo.physvlm.data import sources
from modelzoo.releases import writing


def check(release, out, *, cache):
    """Every contract of the kind of this release; `cache` is a new folder for what `datasets` keeps."""
    records = [json.loads(row.record) for row in release.rows.order_by("number")]
    films = out / VIDEOS[release.kind]
    assert all((films / record["video"]).read_bytes()[4:8] == b"ftyp" for record in records)
    checksums(out, rows_sha256=release.sha256)
    tables(release, out, records, cache=cache)
    shards(release, out, records, cache=cache)
    {"benchmark": benchmark, "instruct": instruct, "preference": preference}[release.kind](release, out, records, cache)


def checksums(out, *, rows_sha256):
    """The manifest names every file with its SHA-256, and the list of rows is the one that was sealed."""
    files = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    manifest = json.loads(files.pop("manifest.json"))["files"]
    assert {path: entry["sha256"] for path, entry in manifest.items()} == {
        path: hashlib.sha256(data).hexdigest() for path, data in files.items()
    }
    assert hashlib.sha256(files["rows.sha256"]).hexdigest() == rows_sha256


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# ---- Any kind


def tables(release, out, records, *, cache):
    """`datasets` reads the folder by its card, which names the parquet file."""
    import datasets

    found = datasets.load_dataset(str(out), cache_dir=str(cache))
    assert list(found) == [release.split]
    rows, names = list(found[release.split]), VIDEOS[release.kind]
    assert [row["video"] for row in rows] == [f"{names}/{record['video']}" for record in records]
    for row, record in zip(rows, records, strict=True):
        same = {"benchmark": ("question_id", "question", "answer"), "instruct": ("id", "QA"), "preference": ("id", "prompt")}
        assert all(row[name] == record[name] for name in same[release.kind])
        if release.kind == "benchmark":
            assert row["options"] == list(record["options"].values())


def shards(release, out, records, *, cache):
    """`datasets` reads the shards as WebDataset has them: each sample a JSON text and its video, byte for byte."""
    import datasets

    files = {release.split: str(out / "webdataset" / f"{release.split}-*.tar")}
    rows = datasets.load_dataset("webdataset", data_files=files, cache_dir=str(cache))[release.split]
    rows = list(rows.cast_column("mp4", datasets.Video(decode=False)))
    assert [row["__key__"] for row in rows] == [f"{number:09}" for number in range(len(records))]
    assert [row["json"] for row in rows] == records
    films = out / VIDEOS[release.kind]
    assert all(row["mp4"]["bytes"] == (films / row["json"]["video"]).read_bytes() for row in rows)


# ---- Benchmarks


def benchmark(release, out, records, cache):
    found, problems, _notes = physgame.read_annotation(next(out.glob(physgame.ANNOTATION_PATTERN)))
    assert ([one.question_id for one in found], problems) == ([record["question_id"] for record in records], [])
    labels, problems = physgame.read_tree(out / physgame.TREE, {one.question_id: one.category for one in found})
    assert (len(labels), problems) == (len(records), [])
    assert len(sources.read([out]).questions) == len(records)  # and all their videos are there
    _lmms_eval(out, records, cache)
    _vlmevalkit(out, records)


def _lmms_eval(out, records, cache):
    """lmms-eval's rules restated: it asks for av below 16, so it does not install beside the Studio."""
    import datasets

    (path,) = out.glob("lmms_eval/*.yaml")
    task = yaml.load(path.read_text().replace("!function ", ""), yaml.SafeLoader)
    files = {split: str(out / path) for split, path in task["dataset_kwargs"]["data_files"].items()}
    rows = datasets.load_dataset(task["dataset_path"], data_files=files, cache_dir=str(cache))[task["test_split"]]
    spec = importlib.util.spec_from_file_location("task_utils", out / "lmms_eval/utils.py")
    utils = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(utils)
    assert [row["question_id"] for row in rows] == [record["question_id"] for record in records]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHYSGAME_ROOT", str(out))
        for row in rows:
            (video,) = utils.doc_to_visual(row)
            assert open(video, "rb").read(8)[4:] == b"ftyp"
            text = utils.doc_to_text(row)
            assert all(f"{letter}. {option}" in text for letter, option in zip(LETTERS, row["options"], strict=True))
            right = row["answer"]
            scores = {said: utils.process_results(row, [said])["accuracy"] for said in (right, f"({right})", "", "A car")}
            assert list(scores.values()) == [1.0, 1.0, 0.0, 0.0]


def _vlmevalkit(out, records):
    with (out / "vlmevalkit.tsv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file, delimiter="\t"))
    assert [row["index"] for row in table] == [str(number) for number in range(len(records))]
    for row, record in zip(table, records, strict=True):
        assert (out / row["video_path"]).is_file()
        assert (row["question"], row["answer"]) == (record["question"], record["answer"])
        candidates = ast.literal_eval(row["candidates"])
        assert candidates == [f"{letter}. {record['options'][letter]}" for letter in LETTERS]


# ---- What is trained on


def chat_is_right(messages, *, ends_with, tags=1):
    """Roles take turns from the user on, the last is `ends_with`, and tags are as many as there are videos."""
    said = [m for m in messages if m["role"] != "system"]
    assert [m["role"] for m in said] == ["user", "assistant"] * (len(said) // 2) + ["user"] * (len(said) % 2)
    assert said[-1]["role"] == ends_with
    assert sum(m["content"].count("<video>") for m in messages) == tags


def instruct(release, out, records, cache):
    said = [[(plain(turn["q"]), plain(turn["a"])) for turn in record["QA"]] for record in records]
    read = sources.read([out]).conversations
    assert [list(row.turns) for row in read] == [[(turn["q"], turn["a"]) for turn in record["QA"]] for record in records]
    for item, turns in zip(json.loads((out / "qwen.json").read_text()), said, strict=True):
        assert (out / item["video"]).is_file()
        _conversation_is_right(item["conversations"], turns)
    ((name, meta),) = json.loads((out / "internvl_meta.json").read_text()).items()
    rows = lines(out / meta["annotation"])
    assert (name, meta["length"]) == (release.name, len(rows))
    for row, turns in zip(rows, said, strict=True):
        assert (out / meta["root"] / row["video"]).is_file()
        _conversation_is_right(row["conversations"], turns)
    info = json.loads((out / "dataset_info.json").read_text())[release.name]
    for path in (info["file_name"], "swift.jsonl"):
        for row, turns in zip(lines(out / path), said, strict=True):
            chat = row[info["columns"]["messages"]]
            chat_is_right(chat, ends_with="assistant", tags=len(row["videos"]))
            assert [m["content"] for m in chat if m["role"] == "assistant"] == [answer for _question, answer in turns]
            assert all((out / path).is_file() for path in row["videos"])
    _trl(out, records, {"images", "prompt", "completion"}, cache)


def _conversation_is_right(conversations, turns):
    """The two sides take turns and say what they said; the one <video> tag leads the first question."""
    assert [turn["from"] for turn in conversations] == ["human", "gpt"] * len(turns)
    questions, answers = conversations[::2], conversations[1::2]
    assert [turn["value"] for turn in answers] == [answer for _question, answer in turns]
    assert [turn["value"] for turn in questions] == [f"<video>\n{turns[0][0]}", *(question for question, _a in turns[1:])]


def preference(release, out, records, cache):
    read = sources.read([out]).pairs
    assert [(pair.prompt, pair.chosen, pair.rejected) for pair in read] == [
        (record["prompt"], record["chosen"], record["rejected"]) for record in records
    ]
    info = json.loads((out / "dataset_info.json").read_text())[release.name]
    assert info["ranking"] is True
    for row, record in zip(lines(out / info["file_name"]), records, strict=True):
        chat_is_right(row["messages"], ends_with="user")
        for name in ("chosen", "rejected"):
            assert row[name] == {"role": "assistant", "content": plain(record[name])}
    for row, record in zip(lines(out / "swift.jsonl"), records, strict=True):
        chat_is_right(row["messages"], ends_with="assistant")
        assert (row["messages"][-1]["content"], row["rejected_response"]) == (
            plain(record["chosen"]), plain(record["rejected"]),
        )  # fmt: skip
    _trl(out, records, {"images", "prompt", "chosen", "rejected"}, cache)


def _trl(out, records, columns, cache):
    import datasets
    from trl.data_utils import is_conversational

    rows = datasets.load_dataset("imagefolder", data_dir=str(out / "trl"), cache_dir=str(cache))["train"]
    assert len(rows) == len(records) and set(rows.column_names) == columns
    for row in rows:
        assert is_conversational(row) and len(row["images"]) == writing.FRAMES
