"""Evaluations of a real checkpoint by several processes of torchrun, and by a worker that the page rang for."""

import subprocess
import sys
from collections import Counter

import pytest
from django.conf import settings
from django.test import override_settings
from django.urls import reverse

from modelzoo.evaluation import jobs as evaluation_jobs
from modelzoo.evaluation import opening
from modelzoo.models import Evaluation, Prediction, QuestionSet
from studio import jobs
from studio.models import Job
from tests.conftest import environment_of_a_process, wait_until
from tests.modelzoo.evaluation.builders import make_set
from tests.modelzoo.physvlm import runs
from tests.modelzoo.physvlm.sets import make_arrays


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """A folder of training data with a set of questions and a model that was trained for a moment."""
    room = tmp_path_factory.mktemp("room")
    make_arrays(room / "squares", clips=9)
    runs.train(room / "runs/sft", data=(room / "squares",), overrides=("max_steps=2",))
    (room / "runs/sft/model").rename(room / "tiny")
    return room


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_processes_of_torchrun_answer_each_question_once(room, tmp_path):
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
        "manage.py", "evaluate_physvlm", "--model", str(room / "tiny"), "--data", str(room / "squares"),
        "--protocol", "circular", "--cache", str(tmp_path / "cache"),
    ]  # fmt: skip
    environment = environment_of_a_process(OMP_NUM_THREADS="1")
    done = subprocess.run(command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]
    # Both made the same set and evaluation at once, and shared its questions.
    evaluation = Evaluation.objects.get()
    assert QuestionSet.objects.count() == 1 and evaluation.is_complete and Evaluation.objects.shown().get() == evaluation
    each = Counter(Prediction.objects.values_list("question__number", flat=True))
    assert each == dict.fromkeys(range(9), 4)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_checkpoint_is_evaluated_by_a_worker_from_the_page(room, client, lead, start_worker):
    start_worker(queues="gpu", OMP_NUM_THREADS="1", STUDIO_TRAINING_DATA_DIRS=str(room))
    client.force_login(lead)
    with override_settings(TRAINING_DATA_DIRS=[str(room)]):
        assert "model:tiny" in client.get(reverse("evaluation_new")).content.decode()
        form = {"model": "model:tiny", "questions": "folder:squares", "protocols": ["standard"], "scoring": "options"}
        address = client.post(reverse("evaluation_new"), form).url
        evaluation = Evaluation.objects.get()
        assert address == evaluation.get_absolute_url()
        wait_until(lambda: not Job.objects.get(pk=evaluation.job_id).is_active, seconds=180, what="the worker")
        evaluation.refresh_from_db()
        assert evaluation.is_complete, evaluation.job.error
        html = client.get(address).content.decode()
        assert "n = 9" in html and evaluation.frames["count"] == 8


# ---- What waits


@pytest.mark.django_db
def test_one_that_is_cancelled_while_it_waits_does_not_wait_for_ever(client, lead):
    evaluation = opening.open_evaluation(make_set(4), opening.find_model("baseline:first"), state="queued")
    job = evaluation_jobs.start(evaluation)
    client.force_login(lead)
    client.post(reverse("job_cancel", args=[job.pk]))
    evaluation.refresh_from_db()
    assert evaluation.state == "stopped" and evaluation.error == "Somebody stopped it."
    again = evaluation_jobs.start(evaluation)
    evaluation.refresh_from_db()
    assert again.pk != job.pk and evaluation.state == "queued" and not evaluation.error
    assert jobs.cancel(job) is False  # an old job says nothing about the evaluation any more
    evaluation.refresh_from_db()
    assert evaluation.state == "queued"


@pytest.mark.django_db
def test_those_that_wait_together_are_stopped_together():
    models = [opening.find_model(name) for name in ("baseline:first", "baseline:longest")]
    both = [opening.open_evaluation(make_set(4), model, state="queued") for model in models]
    job = evaluation_jobs.start_together(both)
    assert job.total == 8 and evaluation_jobs.start_together(both) == job
    assert jobs.cancel(job)
    assert set(Evaluation.objects.values_list("state", "error")) == {("stopped", "Somebody stopped it.")}


@pytest.mark.django_db
def test_one_whose_worker_died_again_and_again_has_failed():
    evaluation = opening.open_evaluation(make_set(4), opening.find_model("baseline:first"), state="queued")
    job = evaluation_jobs.start(evaluation)
    Evaluation.objects.filter(pk=evaluation.pk).update(state="running")
    Job.objects.filter(pk=job.pk).update(
        state="running", attempts=jobs.MAX_ATTEMPTS, heartbeat_at="2026-01-01T00:00Z", run_token="0" * 32
    )
    jobs.sweep()
    evaluation.refresh_from_db()
    assert (
        Job.objects.get(pk=job.pk).state == "failed"
        and evaluation.state == "failed"
        and "page of the job" in evaluation.error
    )
