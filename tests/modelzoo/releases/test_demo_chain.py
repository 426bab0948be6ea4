"""The demo's way to a checkpoint with the real trainer and real workers, one of which is killed on the way."""

import io
import shutil

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from annotator.models import Clip, ClipFamily, Question
from modelzoo import demo_chain
from modelzoo.evaluation.protocols import PROTOCOLS
from modelzoo.instruct.models import InstructSample, PreferencePair
from modelzoo.models import Evaluation, Prediction, Release, TrainingRun
from modelzoo.releases import training
from studio.models import Job
from tests.conftest import wait_until
from tests.factories import UserFactory
from tests.modelzoo.films import film
from tests.modelzoo.runs import end_everything
from tests.modelzoo.test_export import approved

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]


@pytest.fixture
def room(settings, tmp_path):
    """What a worker has to know; folders of releases and runs, and processes, go with the test."""
    settings.RUNS_DIR = tmp_path / "runs"
    settings.RUNS_DIR.mkdir()
    yield {
        "queues": "io,gpu", "concurrency": 3, "OMP_NUM_THREADS": "1",
        "STUDIO_RUNS_DIR": str(settings.RUNS_DIR), "STUDIO_RUN_WATCH_S": "0.5",
    }  # fmt: skip
    end_everything()
    for release in Release.objects.all():
        for folder in training.folders_of(release):
            shutil.rmtree(folder)


def test_the_chain_trains_and_goes_on_where_a_killed_worker_left_it(start_worker, room, settings, client):
    lead = UserFactory(username="lead", roles=["lead"])
    for mark in range(3):
        approved(video=film(mark), clip_source=Clip.Source.DEMO)
    twin = approved(video=film(9), clip_source=Clip.Source.DEMO, clip_family=ClipFamily.objects.create())
    with pytest.raises(CommandError, match="--steps 0"):
        call_command("seed_training", steps=0)
    for _time in range(2):
        call_command("seed_training", steps=2, stdout=io.StringIO())
    job = Job.objects.get(kind=demo_chain.KIND)
    runs = TrainingRun.objects.all()
    worker = start_worker(**room)
    first_step = runs.filter(name=demo_chain.SFT, step__gte=1)
    wait_until(lambda: first_step.exists() or ended(job), seconds=180, moving=moved, what="the first step")
    worker.kill()
    start_worker(**room)
    wait_until(lambda: ended(job), seconds=180, moving=moved, what="its end")
    job.refresh_from_db()
    assert (job.state, job.owner) == (Job.State.DONE, lead), job.error
    sealed = dict(Release.objects.values_list("name", "rows_count"))
    assert sealed == {demo_chain.BENCHMARK: 3, demo_chain.INSTRUCT: 1, demo_chain.PREFERENCE: 4}
    # Of one question: stem, span and choice; three distractors and a wrong span.
    assert (InstructSample.objects.count(), PreferencePair.objects.count()) == (3, 4)
    assert Clip.objects.get(pk=twin.clip.pk).purpose == Clip.Purpose.BENCHMARK
    sft, dpo = runs.order_by("pk")
    assert [(run.name, run.state, run.step) for run in (sft, dpo)] == [
        (demo_chain.SFT, "finished", 2), (demo_chain.DPO, "finished", 2),
    ]  # fmt: skip
    assert dpo.parent == sft and (settings.RUNS_DIR / dpo.name / "model" / "model.safetensors").is_file()
    assert [run.trained_on.get().release.name for run in (sft, dpo)] == [demo_chain.INSTRUCT, demo_chain.PREFERENCE]
    assert set(dpo.evaluations.values_list("protocol", flat=True)) == set(PROTOCOLS)
    assert Evaluation.objects.shown().count() == len(PROTOCOLS) + 2  # SFT and a rule of thumb beside it
    learned = Question.objects.get(clip__purpose=Clip.Purpose.TRAINING)
    client.force_login(lead)
    page = client.get(reverse("question", args=[learned.pk])).content.decode()
    for run in (sft, dpo):
        saved = run.checkpoints.latest("step")
        assert saved.step == 2 and reverse("run", args=[run.pk]) in page and saved.sha256 in page
    assert demo_chain.start(by=lead) is None


def ended(job):
    job.refresh_from_db()
    return not job.is_active


def moved():
    """What changes while the chain goes on."""
    jobs = list(Job.objects.order_by("pk").values_list("state", "attempts", "done"))
    return jobs, Prediction.objects.count(), list(TrainingRun.objects.order_by("pk").values_list("state", "phase", "step"))
