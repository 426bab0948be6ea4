"""What a release is written as: each file read by its real reader where it is installed, else by the reader's rules."""

import ast
import csv
import hashlib
import importlib.util
import json
import tarfile

import pytest
import yaml
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from annotator.models import Clip
from modelzoo import formats, physgame
from modelzoo.models import Takedown
from modelzoo.physvlm.data import sources
from modelzoo.releases import sealing, writing
from tests.factories import ClipFactory, InstructSampleFactory, PreferencePairFactory
from tests.modelzoo.films import film
from tests.modelzoo.test_export import all_bytes, approved

pytestmark = pytest.mark.django_db


def training_clip(mark):
    data = film(mark)
    sha = hashlib.sha256(data).hexdigest()
    names = {"original": f"originals/{sha}.mp4", "proxy": f"proxies/{sha}.mp4"}
    for name in names.values():
        if not default_storage.exists(name):
            default_storage.save(name, ContentFile(data))
    return ClipFactory(purpose=Clip.Purpose.TRAINING, sha256=sha, size_bytes=len(data), open_slots=0, **names)


@pytest.fixture
def instruct():
    for mark in range(2):
        clip = training_clip(mark)
        InstructSampleFactory(clip=clip, place=0, question="What <video> breaks?", answer="The crate “floats”.")
        InstructSampleFactory(clip=clip, place=1, kind="follow_up", question="When?", answer="At once.")
    return sealing.seal("sft", kind="instruct")


@pytest.fixture
def preference():
    for mark in range(2):
        PreferencePairFactory(sample__clip=training_clip(mark))
    return sealing.seal("dpo", kind="preference")


@pytest.fixture
def benchmark():
    for number in range(4):
        approved(video=film(number), clip_source_id=f"1abc{number}", stem='Which "one"\tbreaks?')
    return sealing.seal("bench", kind="benchmark")


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def chat_is_right(messages, *, ends_with, tags=1):
    """Roles take turns from the user on, the last is `ends_with`, and tags are as many as there are videos."""
    said = [m for m in messages if m["role"] != "system"]
    assert [m["role"] for m in said] == ["user", "assistant"] * (len(said) // 2) + ["user"] * (len(said) % 2)
    assert said[-1]["role"] == ends_with
    assert sum(m["content"].count("<video>") for m in messages) == tags


def test_everything_of_a_benchmark(benchmark, tmp_path, monkeypatch):
    out = tmp_path / "out"
    writing.write(benchmark, out, wanted=formats.for_kind("benchmark"))
    records, problems, _notes = physgame.read_annotation(out / "PhysGame_4_annotation.json")
    assert (len(records), problems) == (4, [])
    labels, problems = physgame.read_tree(out / physgame.TREE, {r.question_id: r.category for r in records})
    assert (len(labels), problems) == (4, [])
    assert len(sources.read([out]).questions) == 4  # and all their videos are there

    import datasets

    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    load = {"cache_dir": str(tmp_path / "cache")}
    plain = datasets.load_dataset("parquet", data_files={"test": str(out / "data/test.parquet")}, **load)["test"]
    assert plain[0]["question_id"] == "1abc0" and plain[0]["options"]["ABCD".index(plain[0]["answer"])].startswith(
        "The crate hangs"
    )
    task = yaml.load((out / "lmms_eval/physgame_bench.yaml").read_text().replace("!function ", ""), yaml.SafeLoader)
    files = {split: str(out / path) for split, path in task["dataset_kwargs"]["data_files"].items()}
    rows = datasets.load_dataset(task["dataset_path"], data_files=files, **load)[task["test_split"]]
    spec = importlib.util.spec_from_file_location("task_utils", out / "lmms_eval/utils.py")
    utils = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(utils)
    monkeypatch.setenv("PHYSGAME_ROOT", str(out))
    for row in rows:
        (video,) = utils.doc_to_visual(row)
        assert open(video, "rb").read(8)[4:] == b"ftyp"
        assert "A. " in utils.doc_to_text(row)
        scores = {
            reply: utils.process_results(row, [reply])["accuracy"]
            for reply in (row["answer"], f"({row['answer']})", "", "A car floats")
        }
        assert list(scores.values()) == [1.0, 1.0, 0.0, 0.0]
    with (out / "vlmevalkit.tsv").open(newline="") as file:
        table = list(csv.DictReader(file, delimiter="\t"))
    assert [row["index"] for row in table] == list("0123")
    for row in table:
        assert (out / row["video_path"]).is_file() and row["question"] == 'Which "one"\tbreaks?'
        assert [text[:3] for text in ast.literal_eval(row["candidates"])] == ["A. ", "B. ", "C. ", "D. "]
    with tarfile.open(out / "webdataset/test-000000.tar") as tar:
        assert tar.getnames()[:2] == ["000000000.json", "000000000.mp4"]


def test_everything_of_an_instruct_release(instruct, tmp_path):
    out = tmp_path / "out"
    writing.write(instruct, out, wanted=formats.for_kind("instruct"))
    data = sources.read([out])
    assert [row.turns[1] for row in data.conversations] == [("When?", "At once.")] * 2
    for item in json.loads((out / "qwen.json").read_text()):
        assert (out / item["video"]).is_file()
        assert [turn["from"] for turn in item["conversations"]] == ["human", "gpt"] * 2
        assert sum(turn["value"].count("<video>") for turn in item["conversations"]) == 1
    ((_name, meta),) = json.loads((out / "internvl_meta.json").read_text()).items()
    rows = lines(out / meta["annotation"])
    assert meta["length"] == len(rows) == 2
    assert all((out / meta["root"] / row["video"]).is_file() for row in rows)
    assert all(row["conversations"][0]["value"].startswith("<video>\n") for row in rows)
    info = json.loads((out / "dataset_info.json").read_text())["sft"]
    for name in (info["file_name"], "swift.jsonl"):
        for row in lines(out / name):
            chat_is_right(row[info["columns"]["messages"]], ends_with="assistant", tags=len(row["videos"]))
            assert all((out / path).is_file() for path in row["videos"])

    import datasets

    rows = datasets.load_dataset("imagefolder", data_dir=str(out / "trl"), cache_dir=str(tmp_path / "cache"))["train"]
    assert set(rows.column_names) == {"images", "prompt", "completion"}
    assert len(rows[0]["images"]) == writing.FRAMES and rows[0]["images"][0].size == (64, 48)


def test_everything_of_a_preference_release(preference, tmp_path):
    out = tmp_path / "out"
    writing.write(preference, out, wanted=formats.for_kind("preference"))
    assert len(sources.read([out]).pairs) == 2
    info = json.loads((out / "dataset_info.json").read_text())["dpo"]
    assert info["ranking"] is True
    for row in lines(out / info["file_name"]):
        chat_is_right(row["messages"], ends_with="user")
        assert {row["chosen"]["role"], row["rejected"]["role"]} == {"assistant"}
    for row in lines(out / "swift.jsonl"):
        chat_is_right(row["messages"], ends_with="assistant")
        assert row["rejected_response"] != row["messages"][-1]["content"]

    import datasets
    from trl.data_utils import is_conversational

    rows = datasets.load_dataset("imagefolder", data_dir=str(out / "trl"), cache_dir=str(tmp_path / "cache"))["train"]
    assert is_conversational(rows[0]) and set(rows.column_names) == {"images", "prompt", "chosen", "rejected"}


def test_twice_the_same_bytes_and_the_checksums_hold(instruct, tmp_path):
    for name in ("one", "two"):
        writing.write(instruct, tmp_path / name, wanted=formats.for_kind("instruct"))
    one = all_bytes(tmp_path / "one")
    assert one == all_bytes(tmp_path / "two")
    manifest = json.loads(one.pop("manifest.json"))
    assert {path: entry["sha256"] for path, entry in manifest["files"].items()} == {
        path: hashlib.sha256(data).hexdigest() for path, data in one.items()
    }
    assert hashlib.sha256(one["rows.sha256"]).hexdigest() == instruct.sha256


def test_a_killed_export_goes_on_with_its_videos(instruct, tmp_path):
    class Dies(writing.Progress):
        def videos(self, done, total):
            if done == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        writing.write(instruct, tmp_path / "out", progress=Dies())
    assert not (tmp_path / "out").exists()
    (part,) = tmp_path.glob(".out.release-*")
    (kept,) = part.glob("PhysInstruct/*.mp4")
    inode = kept.stat().st_ino
    writing.write(instruct, tmp_path / "out")
    assert (tmp_path / "out/PhysInstruct" / kept.name).stat().st_ino == inode
    assert not list(tmp_path.glob(".out*"))


def test_clips_that_were_taken_down_are_left_out(instruct, tmp_path):
    clip = instruct.clips.order_by("pk").first()
    Takedown.objects.create(clip_sha256=clip.sha256)
    done = writing.write(instruct, tmp_path / "out", videos="none")
    assert (done.rows, done.left_out) == (1, 1)
    assert json.loads((tmp_path / "out/release.json").read_text())["taken_down_rows"] == 1


def test_the_command_refuses_with_a_sentence(benchmark, tmp_path):
    out = str(tmp_path / "out")
    for arguments, told in [
        (["--release", "nothing"], "no release nothing"),
        (["--release", "bench", "--formats", "qwen"], "is not written as qwen. It can be written as: physgame"),
        (["--formats", "parquet"], "add --release"),
    ]:
        with pytest.raises(CommandError, match=told):
            call_command("export_physgame", out, *arguments)
    default_storage.delete(benchmark.clips.first().file)
    with pytest.raises(CommandError, match="is missing"):
        call_command("export_physgame", out, "--release", "bench")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("kind", "wanted"), [("instruct", "physgame"), ("preference", "parquet"), ("benchmark", "parquet")])
def test_datasets_reads_the_folder_by_its_card(kind, wanted, tmp_path, request):
    import datasets

    release = request.getfixturevalue(kind)
    writing.write(release, tmp_path / "out", wanted=[wanted], videos="none")
    found = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in found.items()} == {release.split: release.rows_count}
    row = found[release.split][0]
    assert row["video"].endswith(".mp4") and {"QA", "chosen", "options"} & set(row)
