"""What a release is written as: read by its readers (contracts.py), the same bytes each time, and what cannot be written."""

import hashlib
import json

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from annotator.models import Clip
from modelzoo import formats
from modelzoo.models import Takedown
from modelzoo.releases import sealing, writing
from tests.factories import ClipFactory, InstructSampleFactory, PreferencePairFactory
from tests.modelzoo.films import film
from tests.modelzoo.releases import contracts
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


@pytest.mark.parametrize("kind", ["benchmark", "instruct", "preference"])
def test_every_reader_finds_the_sealed_rows(kind, tmp_path, request):
    release = request.getfixturevalue(kind)
    writing.write(release, tmp_path / "out", wanted=formats.for_kind(kind))
    contracts.check(release, tmp_path / "out", cache=tmp_path / "cache")


def test_tags_that_stand_in_a_text_are_no_videos(instruct, tmp_path):
    writing.write(instruct, tmp_path / "out", wanted=["qwen", "ms-swift"], videos="none")
    for item in json.loads((tmp_path / "out/qwen.json").read_text()):
        assert sum(turn["value"].count("<video>") for turn in item["conversations"]) == 1
    for row in contracts.lines(tmp_path / "out/swift.jsonl"):
        contracts.chat_is_right(row["messages"], ends_with="assistant")


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


@pytest.mark.parametrize("wanted", ["physgame", "parquet"])
@pytest.mark.parametrize("kind", ["benchmark", "instruct", "preference"])
def test_datasets_reads_the_folder_by_its_card(kind, wanted, tmp_path, request):
    import datasets

    release = request.getfixturevalue(kind)
    writing.write(release, tmp_path / "out", wanted=[wanted], videos="none")
    found = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in found.items()} == {release.split: release.rows_count}
    row = found[release.split][0]
    assert {"QA", "chosen", "options"} & set(row)
    assert row["video"].endswith(".mp4") if "video" in row else row["question_id"] == "1abc0"  # its videos are named by that
