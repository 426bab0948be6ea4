"""Our own evaluator asks a checkpoint behind serve_physvlm, and gets the letters of the direct way."""

import io
import json

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings

from modelzoo.evaluation import jobs as evaluation_jobs
from modelzoo.evaluation import opening
from modelzoo.models import Evaluation
from studio import jobs
from studio.models import Job, LLMCall
from tests.modelzoo.physvlm import runs
from tests.modelzoo.physvlm.serving import TOKEN, Serving
from tests.modelzoo.physvlm.sets import make_arrays, make_videos

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_arrays(tmp_path_factory.mktemp("data") / "squares", clips=6)


@pytest.fixture(scope="module")
def model(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "sft"
    runs.train(out, data=(data,), overrides=("max_steps=4",))
    return out / "model"


@pytest.fixture(scope="module")
def server(model):
    with Serving(model) as running:
        yield running


@pytest.fixture
def served(server, monkeypatch, tmp_path):
    monkeypatch.setenv("TEST_SERVE_TOKEN", TOKEN)
    monkeypatch.setattr(settings, "JOB_HEARTBEAT_S", 600)
    entry = {
        "name": "served", "model": server.model, "base_url": server.base_url, "key_env": "TEST_SERVE_TOKEN", "physvlm": True,
    }  # fmt: skip
    with override_settings(LLM_MODELS=json.dumps([entry]), LLM_PARALLEL=1):
        yield entry


def lines_of(evaluation):
    fields = ("question__row_id", "rotation", "order", "letter", "option", "no_answer", "frame_numbers", "right")
    return list(evaluation.predictions.order_by("question__number", "rotation").values_list(*fields))


def both(model, data, tmp_path, protocol):
    """(direct, served) evaluations of the same under one protocol."""
    arguments = ["--model", str(model), "--data", str(data), "--cache", str(tmp_path), "--protocol", protocol]
    call_command("evaluate_physvlm", *arguments, stdout=io.StringIO())
    direct = Evaluation.objects.get(model_kind="checkpoint", protocol=protocol)
    other = opening.open_evaluation(
        direct.question_set, opening.find_model("served"), protocol, source={"folders": [str(data)]}
    )
    assert jobs.run(evaluation_jobs.start(other).pk) == Job.State.DONE, Job.objects.latest("pk").error
    other.refresh_from_db()
    return direct, other


@pytest.mark.parametrize("protocol", ["circular", "options-only", "single-frame", "shuffled-frames"])
def test_the_letters_are_those_of_the_direct_way(served, model, data, tmp_path, protocol):
    direct, other = both(model, data, tmp_path, protocol)
    assert other.is_complete and other.scoring == "letters" and lines_of(other) == lines_of(direct)
    for one, two in zip(
        *(each.predictions.order_by("question__number", "rotation") for each in (direct, other)), strict=True
    ):
        assert two.probabilities == pytest.approx(one.probabilities, abs=1e-5) and two.mass == pytest.approx(
            one.mass, rel=1e-3
        )
    assert {key: other.frames[key] for key in direct.frames} == direct.frames
    assert LLMCall.objects.filter(state="answered").count() == other.wanted


def test_the_paper_s_prompt_on_video_files_too(served, model, tmp_path):
    folder = make_videos(tmp_path / "videos", clips=2, frames=40)
    (folder / "PhysInstruct").rename(folder / "PhysGame-Benchmark")
    next(folder.glob("PhysInstruct*.json")).unlink()
    questions = [
        {
            "question_id": path.stem, "question": "What happens?", "answer": "A",
            "options": {"A": "It rises.", "B": "It falls.", "C": "It stays.", "D": "It goes."},
            "class_anno": "Kinematics", "subclass_anno": "Velocity",
        }
        for path in sorted((folder / "PhysGame-Benchmark").iterdir())
    ]  # fmt: skip
    (folder / "PhysGame_2_annotation.json").write_text(json.dumps(questions))
    direct, other = both(model, folder, tmp_path / "cache", "paper")
    assert lines_of(other) == lines_of(direct) and other.frames["count"] == 32
    for one, two in zip(*(each.predictions.order_by("question__number") for each in (direct, other)), strict=True):
        assert two.probabilities == pytest.approx(one.probabilities, abs=1e-5)


def test_it_is_asked_in_words_like_any_hosted_model(served, model, data):
    from modelzoo.evaluation import sets

    question_set = sets.from_folders([data])
    found = opening.open_evaluation(
        question_set, opening.find_model("served"), scoring="words", source={"folders": [str(data)]}
    )
    assert found.scoring == "words" and jobs.run(evaluation_jobs.start(found).pk) == Job.State.DONE
    found.refresh_from_db()
    assert found.is_complete and found.predictions.count() == 6


def test_other_weights_under_the_same_name_are_not_taken(served, data):
    from modelzoo.evaluation import sets
    from modelzoo.evaluation.served import ServedPredictor

    question_set = sets.from_folders([data])
    found = opening.open_evaluation(question_set, opening.find_model("served"), source={"folders": [str(data)]})
    job = evaluation_jobs.start(found)
    predictor = ServedPredictor(found, run=jobs.Run(jobs.claim(job.pk)))
    predictor.weights = "0" * 64
    with pytest.raises(jobs.JobFailed, match="other weights"):
        predictor.answers(list(question_set.questions.all()[:1]))
