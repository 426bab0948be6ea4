"""Writing the public PhysGame format."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import time

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotator.models import Clip, Question
from annotator.taxonomy import by_domain
from modelzoo import exporting, physgame
from modelzoo.exporting import CannotExport, Options
from modelzoo.outdir import CannotWrite, whole_directory
from tests.conftest import environment_of_a_process, wait_until
from tests.factories import CONTENT, QuestionFactory, RevisionFactory, cleared

pytestmark = pytest.mark.django_db

MP4 = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + b"not really a film " * 50
TEXTS = Options(videos="none")


def approved(number=None, *, video=None, **fields):
    """An approved question; with `video` bytes its clip's files are in the storage."""
    clip = {f"clip__{name[5:]}": fields.pop(name) for name in list(fields) if name.startswith("clip_")}
    if video is not None:
        sha = hashlib.sha256(video).hexdigest()
        clip |= {"clip__sha256": sha, "clip__original": f"originals/{sha}.mp4", "clip__proxy": f"proxies/{sha}.mp4"}
        for name, data in [(clip["clip__original"], video), (clip["clip__proxy"], video + b"proxy")]:
            if not default_storage.exists(name):
                default_storage.save(name, ContentFile(data))
    return QuestionFactory(approved=True, **clip, **fields)


def annotation(out):
    (file,) = out.glob(physgame.ANNOTATION_PATTERN)
    return json.loads(file.read_text(encoding="utf-8"))


def all_bytes(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_records_have_exactly_the_public_fields_and_the_right_answer(tmp_path):
    for number in range(8):
        approved(clip_source_id=f"1abc{number}", correct=f"Right option of {number}.")
    exporting.export(tmp_path / "out", options=TEXTS)
    rows = annotation(tmp_path / "out")
    assert [row["question_id"] for row in rows] == [f"1abc{number}" for number in range(8)]
    for number, row in enumerate(rows):
        assert list(row) == ["question_id", "question", "options", "answer", "class_anno", "subclass_anno"]
        assert list(row["options"]) == ["A", "B", "C", "D"]
        assert row["options"][row["answer"]] == f"Right option of {number}."
        assert set(row["options"].values()) == {
            row["options"][row["answer"]],
            *(CONTENT[f"distractor_{n}"] for n in (1, 2, 3)),
        }
        assert (row["class_anno"], row["subclass_anno"]) == ("Mechanics", "Gravity")
    assert sorted(row["answer"] for row in rows) == list("AABBCCDD")


def test_the_annotation_file_is_named_by_its_count(tmp_path):
    approved()
    exporting.export(tmp_path / "out", options=TEXTS)
    assert (tmp_path / "out" / "PhysGame_1_annotation.json").is_file()


def test_only_approved_questions_on_accepted_ready_clips_get_in(tmp_path):
    wanted = approved()
    QuestionFactory(submitted=True)
    QuestionFactory(returned=True)
    approved(clip_content=Clip.Content.NOT_GAMEPLAY)
    approved(clip_content=Clip.Content.UNCHECKED)
    approved(clip_state=Clip.State.INGESTING)
    approved(clip_purpose=Clip.Purpose.TRAINING)
    exporting.export(tmp_path / "out", options=TEXTS)
    assert [row["question_id"] for row in annotation(tmp_path / "out")] == [f"pg{wanted.pk}"]
    exporting.export(tmp_path / "all", options=Options(videos="none", purpose="all"))
    assert len(annotation(tmp_path / "all")) == 2


def test_the_text_is_that_of_the_approved_revision(tmp_path):
    question = approved(stem="First wording?")
    cleared(RevisionFactory(question=question, number=2, stem="Second wording?"))
    Question.objects.filter(pk=question.pk).update(revision_number=2, stem="Something typed later?")
    exporting.export(tmp_path / "out", options=TEXTS)
    assert annotation(tmp_path / "out")[0]["question"] == "Second wording?"


def test_the_tree_has_all_domains_and_categories_in_the_published_order(tmp_path):
    one = approved(sub_label="")
    two = approved(category="Friction", sub_label="卡在地形中")
    three = approved(category="Friction", sub_label="invisible wall")
    exporting.export(tmp_path / "out", options=TEXTS)
    tree = json.loads((tmp_path / "out" / physgame.TREE).read_text(encoding="utf-8"))
    assert {domain: list(rows) for domain, rows in tree.items()} == {
        domain: [category.name for category in rows] for domain, _label, rows in by_domain()
    }
    assert tree["Mechanics"]["Gravity"] == {"unlabelled": [f"pg{one.pk}"]}
    assert list(tree["Mechanics"]["Friction"].items()) == [
        ("invisible wall", [f"pg{three.pk}"]),
        ("卡在地形中", [f"pg{two.pk}"]),
    ]


def test_an_imported_question_keeps_its_id_and_its_letters(tmp_path):
    approved(published_id="Skyrim horse tilt 3", published_order="BACD", clip_source_id="other")
    approved()
    exporting.export(tmp_path / "out", options=TEXTS)
    row = annotation(tmp_path / "out")[0]
    assert row["question_id"] == "Skyrim horse tilt 3"
    assert row["answer"] == "B"
    assert [row["options"][letter] for letter in "BACD"] == [
        CONTENT[key] for key in ("correct", "distractor_1", "distractor_2", "distractor_3")
    ]


def test_several_questions_on_one_clip_are_numbered_by_first_submission_for_ever(tmp_path):
    first = QuestionFactory(submitted=True, clip__source_id="1abc")
    second = QuestionFactory(approved=True, clip=first.clip)
    Clip.objects.update(content=Clip.Content.ACCEPTED)
    exporting.export(tmp_path / "one", options=TEXTS)
    assert [row["question_id"] for row in annotation(tmp_path / "one")] == ["1abc_2"]
    Question.objects.update(state=Question.State.APPROVED)
    cleared(first.revisions.get())
    exporting.export(tmp_path / "two", options=TEXTS)
    assert [row["question_id"] for row in annotation(tmp_path / "two")] == ["1abc", "1abc_2"]
    assert second.pk > first.pk


def test_ids_that_cannot_be_file_names_change_and_the_manifest_lists_them(tmp_path):
    approved(clip_source_id="../../etc/passwd")
    approved(clip_source_id="Abc")
    approved(clip_source_id="aBC")
    exporting.export(tmp_path / "out", options=TEXTS)
    ids = [row["question_id"] for row in annotation(tmp_path / "out")]
    assert all(map(physgame.is_safe_id, ids))
    assert len({name.casefold() for name in ids}) == 3
    assert ids[1] == "Abc"
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["changed_ids"] == {ids[0]: "../../etc/passwd", ids[2]: "aBC"}


@pytest.mark.parametrize("way", ["copy", "link"])
def test_videos_get_in_and_the_manifest_has_the_hash_of_every_file(tmp_path, way):
    approved(video=MP4 + way.encode(), clip_source_id="1abc")
    exporting.export(tmp_path / "out", options=Options(videos=way))
    stored = default_storage.path(Clip.objects.get().original)
    video = tmp_path / "out" / "PhysGame-Benchmark" / "1abc.mp4"
    assert video.read_bytes() == MP4 + way.encode()
    assert (video.stat().st_ino == os.stat(stored).st_ino) is (way == "link")
    files = all_bytes(tmp_path / "out")
    manifest = json.loads(files.pop("manifest.json"))
    assert manifest["files"] == {
        path: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for path, data in files.items()
    }


def test_the_proxy_goes_in_when_asked_for_or_when_the_original_is_no_mp4(tmp_path):
    question = approved(video=MP4 + b"1")
    exporting.export(tmp_path / "proxy", options=Options(video_file="proxy"))
    assert (tmp_path / "proxy" / "PhysGame-Benchmark" / f"pg{question.pk}.mp4").read_bytes().endswith(b"proxy")
    default_storage.save("originals/a.mkv", ContentFile(b"\x1a\x45\xdf\xa3"))
    Clip.objects.update(original="originals/a.mkv")
    exporting.export(tmp_path / "other", options=Options())
    assert (tmp_path / "other" / "PhysGame-Benchmark" / f"pg{question.pk}.mp4").read_bytes().endswith(b"proxy")


@pytest.mark.parametrize("options", [Options(), Options(video_file="proxy"), Options(videos="link")])
def test_a_missing_video_names_the_question_and_leaves_nothing(tmp_path, options):
    approved(video=MP4 + b"2")
    gone = approved(clip_source_id="1gone")
    with pytest.raises(CannotExport, match=f"question {gone.pk} .1gone. is missing"):
        exporting.export(tmp_path / "out", options=options)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_original_is_not_exported(tmp_path):
    question = approved(video=MP4 + b"3")
    with open(default_storage.path(question.clip.original), "ab") as file:
        file.write(b"rot")
    with pytest.raises(CannotExport, match="damaged"):
        exporting.export(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_the_same_data_gives_the_same_bytes(tmp_path):
    for number in range(3):
        approved(video=MP4 + b"same%d" % number, clip_licence=f"CC BY {number} | [x](y)\nz", sub_label="漂浮")
    for name in ("one", "two"):
        exporting.export(tmp_path / name)
        time.sleep(1.1)  # a timestamp in any file would differ
    assert all_bytes(tmp_path / "one") == all_bytes(tmp_path / "two")


def test_the_card_counts_and_says_what_was_not_checked(tmp_path):
    approved(clip_licence="CC0")
    approved(category="Color")
    exporting.export(tmp_path / "out", options=TEXTS)
    text = (tmp_path / "out" / "README.md").read_text()
    for line in [
        "Leak check: `model` tried to answer questions from the text alone. 2 of 2 are clear, 0 were let pass",
        "| Mechanics | Gravity | 1 | 50.0% |",
        "| Material Properties | 1 | 50.0% |",
        "2 clips, 0.01 hours. Length in seconds: shortest 10.0, median 10.0, mean 10.0, longest 10.0.",
        "| CC0 | 1 |",
        "| not stated | 1 |",
        "| Upload | 2 |",
    ]:
        assert line in text


def test_a_directory_that_is_not_empty_is_refused_and_only_an_export_is_replaced(tmp_path):
    approved()
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    with pytest.raises(CannotWrite, match="not empty"):
        exporting.export(out, options=TEXTS)
    with pytest.raises(CannotWrite, match="not an export"):
        exporting.export(out, options=TEXTS, replace=True)
    assert (out / "thesis.txt").read_text() == "years of work"
    (out / "thesis.txt").unlink()
    exporting.export(out, options=TEXTS)
    approved()
    with pytest.raises(CannotWrite, match="not empty"):
        exporting.export(out, options=TEXTS)
    exporting.export(out, options=TEXTS, replace=True)
    assert len(annotation(out)) == 2
    assert list(tmp_path.iterdir()) == [out]


def test_nothing_to_export_is_said(tmp_path):
    with pytest.raises(CommandError, match="no approved question"):
        call_command("export_physgame", str(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []


def test_the_number_of_statements_does_not_grow_with_the_questions(tmp_path):
    approved()
    counts = []
    for number in range(2):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            exporting.export(tmp_path / str(number), options=TEXTS)
        counts.append(len(queries))
        for _ in range(10):
            approved()
    assert counts[0] == counts[1]


def test_the_command_says_what_it_wrote(tmp_path):
    approved()
    said = io.StringIO()
    call_command("export_physgame", str(tmp_path / "out"), "--videos", "none", stdout=said)
    assert said.getvalue().startswith("Wrote 1 questions on 1 clips to ")


@pytest.mark.django_db(transaction=True)
def test_kill_9_in_the_middle_leaves_nothing_half_written_and_the_next_run_clears_up(tmp_path):
    big = MP4 + os.urandom(8_000_000)
    for number in range(12):
        approved(video=big + b"%d" % number)
    out = tmp_path / "out"
    command = [sys.executable, "manage.py", "export_physgame", str(out), "--skip-checks"]
    killed = 0
    for _ in range(4):
        process = subprocess.Popen(command, env=environment_of_a_process(), cwd=exporting.settings.BASE_DIR)
        wait_until(
            lambda process=process: (
                list(tmp_path.glob(".out.part-*/PhysGame-Benchmark/*.mp4")) or process.poll() is not None
            ),
            every=0.005,
            what="the first video",
        )
        process.kill()
        killed += process.wait() == -9
        assert not out.exists()
        assert len(list(tmp_path.glob(".out.part-*"))) == 1, "leftovers of the run before were not cleared"
    assert killed == 4
    subprocess.run(command, env=environment_of_a_process(), cwd=exporting.settings.BASE_DIR, check=True)
    assert list(tmp_path.iterdir()) == [out]
    assert len(list((out / "PhysGame-Benchmark").iterdir())) == 12


def test_a_set_that_was_being_replaced_when_the_run_was_killed_comes_back(tmp_path):
    approved()
    out = tmp_path / "out"
    exporting.export(out, options=TEXTS)
    before = all_bytes(out)
    out.rename(tmp_path / ".out.old-killed")  # the state between the two renames of --replace
    (tmp_path / ".out.part-killed").mkdir()
    with pytest.raises(CannotWrite, match="not empty"):
        exporting.export(out, options=TEXTS)
    assert all_bytes(out) == before
    assert list(tmp_path.iterdir()) == [out]


def test_a_run_that_is_still_alive_keeps_its_directory(tmp_path):
    with whole_directory(tmp_path / "out", marker="manifest.json") as part:
        approved()
        with whole_directory(tmp_path / "out", marker="manifest.json") as other:
            (other / "manifest.json").touch()
            assert part.is_dir()
        (part / "manifest.json").touch()
        with pytest.raises(CannotWrite, match="not empty"), whole_directory(tmp_path / "out", marker="manifest.json"):
            pass
        shutil.rmtree(tmp_path / "out")
    assert (tmp_path / "out" / "manifest.json").is_file()
