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
from tests.modelzoo.evaluation.videos import SRT, make_video_mme
from tests.modelzoo.physvlm.serving import TOKEN
from tests.modelzoo.physvlm.sets import make_videos

pytestmark = pytest.mark.django_db


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


def both(model, data, tmp_path, protocol, *more, **chosen):
    """(direct, served) evaluations of the same under one protocol; `more` for the command says what `chosen` says."""
    arguments = ["--model", str(model), "--data", str(data), "--cache", str(tmp_path), "--protocol", protocol]
    call_command("evaluate_physvlm", *arguments, *more, stdout=io.StringIO())
    direct = Evaluation.objects.filter(model_kind="checkpoint", protocol=protocol).latest("pk")
    other = opening.open_evaluation(
        direct.question_set, opening.find_model("served"), protocol, source={"folders": [str(data)]}, **chosen
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


def same(one, two):
    """Whether two predictions have the same probabilities to round-off."""
    return two.probabilities == pytest.approx(one.probabilities, abs=1e-5)


def test_video_mme_with_and_without_subtitles(served, model, tmp_path):
    folder = make_video_mme(tmp_path / "Video-MME")
    (folder / "subtitle").mkdir()
    (folder / "subtitle/vid0.srt").write_text(SRT, encoding="utf-8")  # the other videos have none
    benchmark, cache, found = ["--benchmark", "video-mme"], tmp_path / "cache", {}
    for name, protocol, more, chosen in (
        ("plain", "standard", [], {}),
        ("heard", "standard", ["--subtitles"], {"subtitles": True}),
        ("paper", "paper", ["--subtitles"], {"subtitles": True}),
    ):
        direct, other = both(model, folder, cache, protocol, *benchmark, *more, **chosen)
        assert other.is_complete and other.predictions.count() == 9 and lines_of(other) == lines_of(direct)
        found[name] = [
            list(each.predictions.order_by("question__number").select_related("question")) for each in (direct, other)
        ]
        assert all(map(same, *found[name]))
        assert {key: other.frames[key] for key in direct.frames} == direct.frames
        assert (other.frames.get("subtitles") or {}).get("videos") == (1 if chosen else None)
    for plain, heard in zip(found["plain"][1], found["heard"][1], strict=True):
        assert same(plain, heard) == (plain.question.clip_name != "vid0")  # what is said was read, where something is
    counts = {one.question.part: len(one.frame_numbers) for one in found["paper"][1]}
    assert counts == {"short": 32, "medium": 64, "long": 64}


def test_it_is_asked_in_words_like_any_hosted_model(served, model, data):
    from modelzoo.evaluation import sets

    question_set = sets.from_folders([data])
    found = opening.open_evaluation(
        question_set, opening.find_model("served"), scoring="words", source={"folders": [str(data)]}
    )
    assert found.scoring == "words" and jobs.run(evaluation_jobs.start(found).pk) == Job.State.DONE
    found.refresh_from_db()
    assert found.is_complete and found.predictions.count() == 8


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
