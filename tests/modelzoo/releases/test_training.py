"""Training on a sealed release, and finding from a question what learned from it."""

import json
import shutil
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from modelzoo.models import Release, RunRelease, Takedown, TrainingRun
from modelzoo.physvlm.data import sources
from modelzoo.releases import sealing, training, writing
from modelzoo.runs import carry, choices
from tests.conftest import environment_of_a_process
from tests.factories import InstructSampleFactory, QuestionFactory
from tests.modelzoo.physvlm import runs
from tests.modelzoo.releases.test_formats import training_clip
from tests.modelzoo.test_export import MP4, approved

pytestmark = pytest.mark.django_db


@pytest.fixture
def release(settings, tmp_path):
    settings.DATA_DIR, settings.RUNS_DIR = tmp_path / "data", tmp_path / "runs"
    question = QuestionFactory(approved=True, clip=training_clip(0))
    revision = question.revisions.get()
    InstructSampleFactory(clip=question.clip, place=0, origin="question", revision=revision, answer="(A) The crate hangs.")
    InstructSampleFactory(clip=training_clip(1), place=0)
    return sealing.seal("sft-1", kind="instruct")


def test_a_run_trains_on_a_release_and_every_step_names_it(release, settings, client, lead):
    out = settings.RUNS_DIR / "first"
    changed = [part for text in (*runs.SMALL, "max_steps=2") for part in ("--set", text)]
    call_command("train_physvlm", "--stage", "sft", "--release", "sft-1", "--out", str(out), *changed)
    spec = json.loads((out / "spec.json").read_text())
    assert spec["data"][0]["release"] == {
        "name": "sft-1", "kind": "instruct", "number": 1, "split": "train", "sha256": release.sha256,
    }  # fmt: skip
    metas = [json.loads(path.read_text()) for path in out.glob("checkpoints/*/meta.json")]
    assert metas and all(meta["releases"][0]["sha256"] == release.sha256 for meta in metas)
    run = TrainingRun.objects.create(name="first")
    carry.carry(run)
    assert RunRelease.objects.get().release == release
    question = release.rows.exclude(question=None).get().question_id
    client.force_login(lead)
    page = client.get(reverse("question", args=[question])).content.decode()
    assert "sft-1" in page and reverse("run", args=[run.pk]) in page
    page = client.get(reverse("run", args=[run.pk])).content.decode()
    assert f'<a href="{release.get_absolute_url()}">Release sft-1</a>' in page and release.sha256 in page
    assert "The clip was taken down" not in page
    Takedown.objects.create(clip_sha256=release.clips.order_by("pk").first().sha256)
    assert "The clip was taken down" in client.get(reverse("question", args=[question])).content.decode()


def test_what_was_taken_down_is_not_trained_on(release):
    whole = training.folder_of(release)
    assert training.folder_of(release) == whole
    Takedown.objects.create(clip_sha256=release.clips.first().sha256)
    less = training.folder_of(release)
    assert less != whole and len(sources.read([less]).conversations) == 1


def test_the_new_run_page_offers_releases_for_training_only(release):
    approved(video=MP4 + b"bench")
    sealing.seal("bench", kind="benchmark")
    assert [choice.id for choice in choices.releases()] == ["release:sft-1"]
    assert choices.path_of_data("release:sft-1") == training.folder_of(release)
    with pytest.raises(choices.CannotTrain, match="bench is a benchmark"):
        choices.path_of_data("release:bench")


def test_the_command_refuses_a_benchmark_and_an_unknown_release(release):
    approved(video=MP4 + b"bench")
    sealing.seal("bench", kind="benchmark")
    for name, told in [("bench", "is a benchmark"), ("none", "There is no release none")]:
        with pytest.raises(CommandError, match=told):
            call_command("train_physvlm", "--stage", "sft", "--release", name)
    assert Release.objects.count() == 2


def test_a_list_of_rows_that_was_changed_is_refused(release):
    folder = training.folder_of(release)
    (folder / "rows.sha256").write_text("x\n")
    with pytest.raises(sources.BadData, match="is not the list of rows of sft-1"):
        sources.read([folder])


def test_a_folder_of_a_benchmark_release_is_not_trained_on(release, tmp_path):
    approved(video=MP4 + b"bench")
    writing.write(sealing.seal("bench", kind="benchmark"), tmp_path / "bench")
    with pytest.raises(CommandError, match="is the benchmark bench; it is not trained on"):
        call_command("train_physvlm", "--stage", "sft", "--data", str(tmp_path / "bench"), "--out", str(tmp_path / "run"))


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_processes_train_on_a_release_and_only_one_asks_the_database(settings, tmp_path):
    for mark in range(2):
        InstructSampleFactory(clip=training_clip(mark), place=0)
    release = sealing.seal("of-two", kind="instruct")
    out = tmp_path / "run"
    command = [sys.executable, "manage.py", "train_physvlm", "--stage", "sft", "--release", "of-two", "--nproc", "2"]
    command += ["--out", str(out), "--cache", str(tmp_path / "cache")]
    command += [part for text in (*runs.SMALL, "max_steps=2") for part in ("--set", text)]
    try:
        done = subprocess.run(
            command,
            cwd=settings.BASE_DIR,
            env=environment_of_a_process(OMP_NUM_THREADS="1"),
            capture_output=True,
            text=True,
            timeout=280,
        )
    finally:
        for folder in training.folders_of(release):
            shutil.rmtree(folder)
    assert done.returncode == 0, done.stderr[-2000:]
    spec = json.loads((out / "spec.json").read_text())
    assert (spec["data"][0]["release"]["sha256"], spec["processes"]) == (release.sha256, 2)
    metas = [json.loads(path.read_text()) for path in out.glob("checkpoints/*/meta.json")]
    assert metas and all(meta["releases"][0]["name"] == "of-two" for meta in metas)
