"""Hosted models over a real HTTP server: pictures, controls, one payment for each answer, and a job that is killed."""

import json
import time

import pytest
from django.conf import settings
from django.test import override_settings

from modelzoo.evaluation import jobs as evaluation_jobs
from modelzoo.evaluation import opening, runner, sets
from modelzoo.models import Evaluation, Prediction
from studio import jobs
from studio.models import Job, LLMCall
from tests.conftest import wait_until
from tests.llm_server import KEY, LLMServer, always, asked, pictures, says, status
from tests.modelzoo.physvlm.sets import make_arrays

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("TEST_LLM_KEY", KEY)
    # A heartbeat has a connection of its own, which does not see a job of this test's transaction.
    monkeypatch.setattr(settings, "JOB_HEARTBEAT_S", 600)
    with LLMServer() as running:
        yield running


def models(server, *names, **more):
    return json.dumps([server.entry(name, **more) for name in names])


@pytest.fixture
def data(tmp_path):
    return make_arrays(tmp_path / "squares", clips=6)


def opened(data, model, protocol="standard"):
    question_set = sets.from_folders([data])
    return opening.open_evaluation(question_set, opening.find_model(model), protocol, source={"folders": [str(data)]})


def made(evaluation):
    state = jobs.run(evaluation_jobs.start(evaluation).pk)
    evaluation.refresh_from_db()
    return state


def test_it_is_shown_the_frames_and_pays_each_answer_once(server, data):
    seen = []

    def looks(body, number):
        seen.append((len(pictures(body)), asked(body)))
        return 200, {}, says("The answer is (B).")(body)

    server.add("looks", looks)
    with override_settings(LLM_MODELS=models(server, "looks", price_in=1, price_out=1), LLM_PARALLEL=1):
        evaluation = opened(data, "looks")
        assert made(evaluation) == Job.State.DONE
        assert evaluation.is_complete and evaluation.scoring == "words" and evaluation.job.cost_usd > 0
        assert {count for count, _asked in seen} == {8} and len(seen) == 6
        assert set(Prediction.objects.values_list("option", "raw")) == {("B", "The answer is (B).")}
        assert evaluation.frames["count"] == 8 and Prediction.objects.first().frame_numbers == list(range(8))
        again = opening.open_evaluation(
            evaluation.question_set, opening.find_model("looks"), repeat=0, source=evaluation.source
        )
        assert again == evaluation and made(again) == Job.State.DONE and len(seen) == 6
        right = evaluation.question_set.questions.filter(answer="B").count()
        assert evaluation.figures["micro"]["right"] == right


def test_controls_show_what_they_say(server, data):
    shown = {}

    def looks(body, number):
        shown[len(pictures(body)), "Question:" in asked(body)[0]] = pictures(body)
        return 200, {}, says("A")(body)

    server.add("looks", looks)
    with override_settings(LLM_MODELS=models(server, "looks"), LLM_PARALLEL=1):
        for protocol, kind in (("text-only", (0, True)), ("options-only", (0, False)), ("single-frame", (1, True))):
            shown.clear()
            evaluation = opened(data, "looks", protocol)
            assert made(evaluation) == Job.State.DONE and list(shown) == [kind]
        shuffled = opened(data, "looks", "shuffled-frames")
        assert made(shuffled) == Job.State.DONE
    numbers = shuffled.predictions.first().frame_numbers
    assert sorted(numbers) == list(range(8)) and numbers != sorted(numbers)


def test_the_protocol_of_the_paper_asks_and_judges_as_published(server, data):
    texts = []

    def empty(body, number):
        texts.append(asked(body)[0])
        return 200, {}, says(".")(body)

    server.add("empty", empty)
    with override_settings(LLM_MODELS=models(server, "empty"), LLM_PARALLEL=1):
        evaluation = opened(data, "empty", "paper")
        assert made(evaluation) == Job.State.DONE
    assert texts[0].startswith("Watch the video carefully") and texts[0].rstrip().endswith("Only give the best option.")
    # The published rule takes a lone mark for right; the careful reader for no answer.
    assert evaluation.figures["micro"]["right"] == 6 and evaluation.figures["careful"]["right"] == 0
    assert evaluation.figures["no_answer"] == 6


def test_four_rotations_find_a_model_that_likes_a_letter(server, data):
    server.add("a", always("A"))
    with override_settings(LLM_MODELS=models(server, "a"), LLM_PARALLEL=1):
        evaluation = opened(data, "a", "circular")
        assert made(evaluation) == Job.State.DONE
    assert evaluation.figures["circular"]["mean"] == 0.25 and evaluation.figures["circular"]["all"] == 0
    assert LLMCall.objects.count() == 24


def test_what_cannot_be_asked_fails_with_a_sentence_and_keeps_what_was_answered(server, data):
    count = iter(range(100))
    server.add("dies", lambda body, number: (always("A") if next(count) < 3 else status(400))(body, number))
    with override_settings(LLM_MODELS=models(server, "dies"), LLM_PARALLEL=1, LLM_TRIES=1):
        evaluation = opened(data, "dies")
        assert made(evaluation) == Job.State.FAILED
    assert evaluation.state == "failed" and evaluation.error and not evaluation.is_complete
    assert runner.done_count(evaluation) == 3
    server.add("dies", always("A"))
    with override_settings(LLM_MODELS=models(server, "dies"), LLM_PARALLEL=1):
        assert made(evaluation) == Job.State.DONE
    assert evaluation.is_complete and not evaluation.error and Prediction.objects.count() == 6


@pytest.mark.django_db(transaction=True)
def test_a_worker_evaluates_a_baseline_in_a_process_of_its_own(start_worker, data):
    start_worker(queues="gpu")
    evaluation = opened(data, "baseline:longest", "circular")
    job = evaluation_jobs.start(evaluation)
    wait_until(lambda: not Job.objects.get(pk=job.pk).is_active, seconds=90, what="the job's end")
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.error
    assert Evaluation.objects.get().is_complete and job.done == job.total == 24


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_told_to_stop_leaves_nothing_asked_twice(start_worker, server, data, tmp_path):
    server.add("looks", always("B"))
    environment = {"queues": "llm,io", "STUDIO_LLM_MODELS": models(server, "looks"), "STUDIO_LLM_PARALLEL": "4"}
    with override_settings(LLM_MODELS=environment["STUDIO_LLM_MODELS"]):
        evaluation = opened(data, "looks", "circular")
        job = evaluation_jobs.start(evaluation)
        server.gate.clear()
        first = start_worker(**environment)
        wait_until(lambda: server.under_way == 4, seconds=60, what="four requests to be under way")
        first.process.terminate()
        wait_until(lambda: "Warm shutdown" in first.log.read_text(), what="the worker to hear it")
        time.sleep(0.2)  # it says so just before it tells its processes
        server.gate.set()
        first.process.wait(60)
        evaluation.refresh_from_db()
        assert not evaluation.error and LLMCall.objects.filter(state="answered").count() == 4 == len(server.bodies)
        start_worker(**environment)
        wait_until(lambda: not Job.objects.get(pk=job.pk).is_active, seconds=60, what="the answers")
    evaluation.refresh_from_db()
    assert evaluation.is_complete and Prediction.objects.count() == 24
    assert len(server.asked) == 24 and set(server.asked.values()) == {1}
