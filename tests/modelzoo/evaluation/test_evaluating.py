"""Evaluations in the database: complete or not, resumed after kill -9, shared by processes, and every protocol for real."""

import io
import json
import os
import socket
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import override_settings
from django.urls import reverse

from modelzoo.evaluation import opening, runner, sets
from modelzoo.evaluation.baselines import BaselinePredictor
from modelzoo.evaluation.beating import Beating
from modelzoo.models import Evaluation, Prediction, QuestionSet, SetQuestion
from modelzoo.tasks import lose_silent_evaluations
from studio import jobs
from studio.models import Job
from tests.conftest import environment_of_a_process, wait_until
from tests.modelzoo.evaluation.builders import make_set, set_rows
from tests.modelzoo.physvlm import runs
from tests.modelzoo.physvlm.sets import make_arrays

pytestmark = pytest.mark.django_db


def opened(question_set, model="baseline:chance", protocol="standard", **options):
    return opening.open_evaluation(question_set, opening.find_model(model), protocol, **options)


def test_a_set_is_frozen_once_and_never_changes():
    first, again = make_set(5), make_set(5)
    assert first == again and first.questions_count == 5
    other = sets.freeze(first.name, set_rows(6))
    assert other != first and other.name.startswith(first.name)
    with pytest.raises(Exception, match="Cannot update"), transaction.atomic():
        SetQuestion.objects.filter(question_set=first).update(answer="A")


def test_it_is_complete_only_when_every_question_is_answered():
    evaluation = opened(make_set(6), protocol="circular")
    with pytest.raises(IntegrityError, match="only when every question"), transaction.atomic():
        Evaluation.objects.filter(pk=evaluation.pk).update(state="complete", completed_at="2026-01-01T00:00Z")
    predictor = BaselinePredictor("chance", rotations=4)
    questions = runner.waiting(evaluation)
    runner.store(evaluation, zip(questions[:5], predictor.answers(questions[:5]), strict=True))
    assert not runner.complete(evaluation) and not Evaluation.objects.shown().exists()
    assert [q.number for q in runner.waiting(evaluation)] == [5]
    runner.store(evaluation, zip(questions, predictor.answers(questions), strict=True))
    assert runner.complete(evaluation) and Evaluation.objects.shown().get() == evaluation
    assert evaluation.figures["micro"]["n"] == 6 and Prediction.objects.count() == 24
    with pytest.raises(IntegrityError, match="does not change"), transaction.atomic():
        Evaluation.objects.filter(pk=evaluation.pk).update(state="running")
    with pytest.raises(IntegrityError, match="keeps its predictions"), transaction.atomic():
        Prediction.objects.filter(evaluation=evaluation).delete()


def test_the_database_says_what_is_right():
    question_set = make_set(4)
    evaluation = opened(question_set)
    rows = list(question_set.questions.order_by("number"))
    answers = [
        [runner.Answer("ABCD", rows[0].answer)],
        [runner.Answer("BCDA", "A")],  # shown as A, it is the set's B
        [runner.Answer("ABCD", "", "empty")],
        [runner.Answer("ABCD", "", "empty", verdict=True)],  # a published rule takes nothing for right
    ]
    runner.store(evaluation, zip(rows, answers, strict=True))
    found = list(Prediction.objects.order_by("question__number").values_list("option", "right"))
    assert found == [(rows[0].answer, True), ("B", rows[1].answer == "B"), ("", False), ("", True)]
    assert runner.complete(evaluation)
    assert evaluation.figures["no_answer"] == 2 and evaluation.figures["why_no_answer"] == {"empty": 2}
    assert evaluation.figures["micro"]["right"] - evaluation.figures["careful"]["right"] == 1


def test_a_prediction_belongs_to_a_question_of_the_set_once():
    one, other = make_set(4), sets.freeze("other", set_rows(3, start=100))
    evaluation = opened(one)
    with pytest.raises(IntegrityError, match="question of its evaluation"), transaction.atomic():
        Prediction.objects.create(
            evaluation=evaluation, question=other.questions.first(), order="ABCD", letter="A", option="A"
        )
    with pytest.raises(IntegrityError, match="question of its evaluation"), transaction.atomic():
        Prediction.objects.create(
            evaluation=evaluation, question=one.questions.first(), order="ABCD", letter="A", option="A", rotation=1
        )
    for raw in ("", "I would say so."):  # only an open question may be answered by words alone
        with pytest.raises(IntegrityError, match="question of its evaluation"), transaction.atomic():
            Prediction.objects.create(evaluation=evaluation, question=one.questions.first(), raw=raw)
    both = {"order": "ABCD", "letter": "A", "option": "A", "no_answer": "empty"}
    with pytest.raises(IntegrityError, match="says_why_not"), transaction.atomic():
        Prediction.objects.create(evaluation=evaluation, question=one.questions.first(), **both)


def test_the_same_asked_again_is_the_same_evaluation():
    question_set = make_set(4)
    assert opened(question_set) == opened(question_set)
    model = opening.find_model("baseline:chance")
    assert opening.next_repeat(question_set, model, "standard") == 1
    with pytest.raises(opening.CannotEvaluate, match="nothing to rotate"):
        opened(question_set, protocol="circular", scoring="options")
    with pytest.raises(opening.CannotEvaluate, match="There is no baseline"):
        opening.find_model("baseline:nobody")


SLOW = """
import django, sys, time
django.setup()
from django.core.management import call_command
from modelzoo.evaluation.baselines import BaselinePredictor

answers = BaselinePredictor.answers

def slowly(self, questions):
    time.sleep(0.08)
    return list(answers(self, questions))

BaselinePredictor.answers, BaselinePredictor.chunk = slowly, 10
call_command("evaluate_physvlm", "--evaluation", sys.argv[1])
"""


@pytest.mark.django_db(transaction=True)
def test_killed_in_the_middle_of_880_it_says_so_goes_on_and_has_each_answer_once(client, lead):
    evaluation = opened(make_set(880))
    client.force_login(lead)
    for least in (100, 400):
        command = [sys.executable, "-c", SLOW, str(evaluation.pk)]
        process = subprocess.Popen(command, env=environment_of_a_process(STUDIO_JOB_HEARTBEAT_S="0.2"))
        wait_until(lambda least=least: runner.done_count(evaluation) >= least, every=0.01, what="some answers")
        if least == 100:
            html = client.get(evaluation.get_absolute_url()).content.decode()
            assert f"A process on {socket.gethostname()} works on the rest." in html and ">Go on<" not in html
            client.post(reverse("evaluation_go_on", args=[evaluation.pk]))
            assert not Job.objects.exists()  # nobody else begins the same
        process.kill()
        process.wait()
        assert least <= runner.done_count(evaluation) < 880
        evaluation.refresh_from_db()
        assert evaluation.state == "running"
        with override_settings(JOB_LOST_AFTER_S=0):
            html = client.get(evaluation.get_absolute_url()).content.decode()
        asked_again = client.get(evaluation.get_absolute_url(), {"was": "running"}, headers={"HX-Request": "true"})
        assert asked_again.headers["HX-Refresh"] == "true"  # a page that was open begins anew
        assert "Interrupted." in html and "as after kill -9" in html and ">Go on<" in html
        assert f"evaluate_physvlm --evaluation {evaluation.pk}</code>" in html
        assert client.get(f"/api/v1/evaluations/{evaluation.pk}/").json()["state"] == "lost"
    before = dict(Prediction.objects.values_list("question_id", "made_at"))
    evaluation.refresh_from_db()
    assert not evaluation.is_complete and not Evaluation.objects.shown().exists()
    call_command("evaluate_physvlm", "--evaluation", str(evaluation.pk), stdout=io.StringIO())
    after = dict(Prediction.objects.values_list("question_id", "made_at"))
    assert len(after) == Prediction.objects.count() == 880
    assert all(after[question] == made for question, made in before.items())
    evaluation.refresh_from_db()
    assert evaluation.is_complete and evaluation.figures["micro"]["n"] == 880 and not evaluation.error


def test_only_what_is_silent_outside_a_job_was_interrupted():
    evaluation = opened(make_set(4))
    Evaluation.objects.filter(pk=evaluation.pk).update(heartbeat_at="2026-01-01T00:00Z")
    job = jobs.enqueue("modelzoo.evaluate", evaluation=evaluation.pk)
    Evaluation.objects.filter(pk=evaluation.pk).update(job=job)
    assert Evaluation.objects.lose_silent() == 0  # its job is found by the job's own heartbeat
    Job.objects.filter(pk=job.pk).update(state="failed")
    lose_silent_evaluations()
    evaluation.refresh_from_db()
    assert evaluation.state == "lost" and evaluation.error and not evaluation.is_beating
    with Beating(evaluation):  # it was only away, as a machine that slept
        evaluation.refresh_from_db()
        assert (evaluation.state, evaluation.error) == ("running", "") and evaluation.is_beating
        assert Evaluation.objects.lose_silent() == 0


@pytest.mark.django_db(transaction=True)
def test_processes_share_the_questions():
    evaluation = opened(make_set(40))
    command = [sys.executable, "manage.py", "evaluate_physvlm", "--evaluation", str(evaluation.pk)]
    processes = [
        subprocess.Popen(command, env=environment_of_a_process(RANK=str(rank), WORLD_SIZE="3"), stdout=subprocess.PIPE)
        for rank in (1, 2)
    ]
    said = [process.communicate()[0].decode() for process in processes]
    assert not any(process.returncode for process in processes), said
    assert runner.done_count(evaluation) == 26
    assert {n % 3 for n in Prediction.objects.values_list("question__number", flat=True)} == {1, 2}
    subprocess.run(command, env=environment_of_a_process(RANK="0", WORLD_SIZE="3"), capture_output=True, check=True)
    evaluation.refresh_from_db()
    assert evaluation.is_complete and Prediction.objects.count() == 40


@pytest.mark.django_db(transaction=True)
def test_the_command_starts_processes_of_its_own(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", environment_of_a_process()["DATABASE_URL"])
    evaluation = opened(make_set(10), protocol="circular")
    out = io.StringIO()
    call_command("evaluate_physvlm", "--evaluation", str(evaluation.pk), "--nproc", "2", stdout=out)
    evaluation.refresh_from_db()
    assert evaluation.is_complete and Prediction.objects.count() == 40 and "four rotations" in out.getvalue()


# ---- A real checkpoint


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_arrays(tmp_path_factory.mktemp("data") / "squares", clips=8)


@pytest.fixture(scope="module")
def model(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "sft"
    runs.train(out, data=(data,), overrides=("max_steps=4",))
    return out / "model"


def test_a_checkpoint_answers_under_every_protocol(data, model, tmp_path):
    out = io.StringIO()
    arguments = ["--model", str(model), "--data", str(data), "--cache", str(tmp_path), "--name", "Tiny"]
    wanted = ["standard", "paper", "circular", "text-only", "options-only", "single-frame", "shuffled-frames"]
    call_command("evaluate_physvlm", *arguments, "--protocol", *wanted, stdout=out)
    found = {evaluation.protocol: evaluation for evaluation in Evaluation.objects.order_by("pk")}
    assert list(found) == wanted and all(evaluation.is_complete for evaluation in found.values())
    assert QuestionSet.objects.get().origin == "glitchworld" and "Tiny on squares" in out.getvalue()
    assert found["standard"].frames == {"count": 8, "rule": "middles of equal stretches", "width": 48, "height": 48}
    assert found["single-frame"].frames["count"] == 1 and found["text-only"].frames["rule"] == "grey frames"
    one = found["standard"].predictions.order_by("question__number").first()
    assert sum(one.probabilities) == pytest.approx(1) and 0 < one.mass <= 1
    assert one.letter == "ABCD"[one.probabilities.index(max(one.probabilities))] and one.frame_numbers == list(range(8))
    assert found["single-frame"].predictions.first().frame_numbers == [4]
    assert sorted(found["shuffled-frames"].predictions.first().frame_numbers) == list(range(8))
    circular = found["circular"].predictions
    assert circular.count() == 32 and set(circular.values_list("order", flat=True)) == {"ABCD", "BCDA", "CDAB", "DABC"}
    # The first rotation is the standard question: the batch around it may not change what it says.
    plain = dict(found["standard"].predictions.values_list("question_id", "probabilities"))
    for question, probabilities in circular.filter(rotation=0).values_list("question_id", "probabilities"):
        assert probabilities == pytest.approx(plain[question], abs=1e-4)
    call_command("evaluate_physvlm", *arguments, "--protocol", "standard", stdout=out)
    assert Evaluation.objects.count() == 7


def test_a_checkpoint_is_scored_by_options_and_by_its_words(data, model, tmp_path):
    arguments = ["--model", str(model), "--data", str(data), "--cache", str(tmp_path), "--limit", "4"]
    for scoring in ("options", "words"):
        call_command("evaluate_physvlm", *arguments, "--protocol", "standard", "--scoring", scoring, stdout=io.StringIO())
    options, words = Evaluation.objects.order_by("pk")
    assert options.question_set.questions_count == 4 and not options.question_set.is_whole
    assert all(p.raw.startswith("(") for p in words.predictions.all())
    assert all(p.probabilities and not p.raw for p in options.predictions.all())


def test_bad_input_is_one_sentence(data, model, tmp_path):
    def said(*arguments):
        with pytest.raises(CommandError) as refusal:
            call_command("evaluate_physvlm", *arguments, stdout=io.StringIO())
        return str(refusal.value)

    assert "no folder of weights" in said("--model", "/nowhere/x", "--data", str(data), "--protocol", "standard")
    assert "There is no protocol loud" in said("--model", "baseline:chance", "--data", str(data), "--protocol", "loud")
    assert "There is no release" in said("--model", "baseline:chance", "--release", "nothing")
    assert "is not a folder" in said("--model", "baseline:chance", "--data", str(tmp_path / "no"), "--protocol", "standard")
    assert "Say what to measure on" in said("--model", "baseline:chance", "--protocol", "standard")
    assert "belong to the report" in said("--model", str(model), "--data", str(data), "--protocol", "paper", "--controls")
    call_command(
        "evaluate_physvlm", "--model", "baseline:first", "--data", str(data), "--protocol", "standard", stdout=io.StringIO()
    )
    annotation = next(data.glob("PhysGame_*"))
    changed = json.loads(annotation.read_text())
    changed[0]["question"] = "What else?"
    other = tmp_path / "other"
    other.mkdir()
    for file in ("arrays.npy", "truth.jsonl"):
        os.link(data / file, other / file)
    (other / annotation.name).write_text(json.dumps(changed))
    name = QuestionSet.objects.get().name
    assert "as it was frozen" in said("--model", str(model), "--set", name, "--data", str(other), "--protocol", "standard")
    assert Evaluation.objects.get(model_kind="checkpoint").error
