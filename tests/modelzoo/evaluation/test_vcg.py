"""VCG in its published files: answers over HTTP and from a checkpoint, a judge over HTTP, figures worked out by hand."""

import io
import json
import re

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import override_settings
from django.urls import reverse

from modelzoo.evaluation import commanding, comparing, judging, leaderboard, opening, runner, vcg
from modelzoo.evaluation import jobs as evaluation_jobs
from modelzoo.models import Evaluation, Judgement, Prediction, SetQuestion
from modelzoo.physvlm.data.sources import BadData
from studio import jobs
from studio.models import ApiToken, Job, LLMCall
from tests.llm_server import KEY, LLMServer, asked, pictures, says, status
from tests.modelzoo.physvlm import runs
from tests.modelzoo.physvlm.sets import make_arrays, make_videos

pytestmark = pytest.mark.django_db
GENERIC = [("vid0", "What is seen?", "A red square."), ("vid1", "What moves?", "The square rises.")]
TEMPORAL = [("vid0", "What comes first?", "First it stands, then it moves.")]
CONSISTENCY = [("vid1", "Where does it go?", "Which way does it move?", "It goes up.")]
# Scores of the scripted judge by aspect, and what the figures must come to: CI and DO have two answers, the others so too
# or one.
SCORES = {"CI": 4, "DO": 3, "CU": 5, "TU": 2, "CO": 1}


@pytest.fixture
def folder(tmp_path):
    """Two videos and the three files, as published."""
    made, found = tmp_path / "made", tmp_path / "VCG"
    make_videos(made, clips=2)
    (found / "Test_Videos").mkdir(parents=True)
    for number, video in enumerate(sorted(made.glob("*/*.mp4"))):
        video.rename(found / "Test_Videos" / f"vid{number}.mp4")
    write(found)
    return found


def write(folder):
    one = [{"video_name": video, "Q": question, "A": answer} for video, question, answer in GENERIC]
    (folder / "generic_qa.json").write_text(json.dumps(one))
    one = [{"video_name": video, "Q": question, "A": answer} for video, question, answer in TEMPORAL]
    (folder / "temporal_qa.json").write_text(json.dumps(one))
    two = [{"video_name": video, "Q1": first, "Q2": second, "A": answer} for video, first, second, answer in CONSISTENCY]
    (folder / "consistency_qa.json").write_text(json.dumps(two))


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("TEST_LLM_KEY", KEY)
    # A heartbeat has a connection of its own, which does not see a job of this test's transaction.
    monkeypatch.setattr(settings, "JOB_HEARTBEAT_S", 600)
    with LLMServer() as running:
        running.add("answers", answers).add("judge", judge(SCORES))
        entries = json.dumps([running.entry(name) for name in ("answers", "judge", "other")])
        with override_settings(LLM_MODELS=entries, LLM_PARALLEL=1):
            yield running


def answers(body, number):
    """Repeats the question, so that it can be seen which answer went where."""
    question = re.search(r"^Question: (.+)$", asked(body)[0], re.M).group(1)
    return 200, {}, says(f"To “{question}” I say: with {len(pictures(body))} pictures.")(body)


def aspect_of(body):
    text = asked(body)[0]
    return next(aspect for aspect in judging.ASPECTS if judging._ABOUT[aspect] in text)


def judge(scores, *, garbled=()):
    """A judge with one score for each aspect; it says something else in the aspects of `garbled`."""

    def answer(body, number):
        aspect = aspect_of(body)
        return 200, {}, says("It is a 4." if aspect in garbled else f"{{'score': {scores[aspect]}}}")(body)

    return answer


def opened(folder, model="answers", protocol="standard", **more):
    options = {"judge": "judge", **more}
    source = {"folders": [str(folder)]}
    return opening.open_evaluation(vcg.freeze(folder), opening.find_model(model), protocol, source=source, **options)


def made(evaluation):
    state = jobs.run(evaluation_jobs.start(evaluation).pk)
    evaluation.refresh_from_db()
    return state


# ---- The files


def test_the_published_files_become_one_set(folder):
    question_set = vcg.freeze(folder)
    rows = list(question_set.questions.order_by("number"))
    assert [row.part for row in rows] == ["generic", "generic", "temporal", "consistency"]
    assert rows[3].second_stem == "Which way does it move?" and rows[3].reference == "It goes up." and not rows[3].answer
    assert [row.aspects for row in rows[1:]] == [("CI", "DO", "CU"), ("TU",), ("CO",)]
    assert {row.family for row in rows} == {"clip:vid0", "clip:vid1"}
    some = vcg.freeze(folder, limit=1)  # one of each part
    assert some.questions_count == 3 and not some.is_whole and vcg.freeze(folder) == question_set


def test_what_is_missing_is_named_with_where_to_get_it(folder, tmp_path):
    with pytest.raises(BadData, match=r"is not a folder. Get the benchmark .* from https://"):
        vcg.read(tmp_path / "nowhere")
    (folder / "temporal_qa.json").rename(folder / "other.json")
    with pytest.raises(BadData, match=r"lacks temporal_qa.json. Get all three files from https://mbzuai-oryx"):
        vcg.read(folder)
    (folder / "other.json").rename(folder / "temporal_qa.json")
    (folder / "Test_Videos/vid1.mp4").rename(tmp_path / "vid1.mp4")
    with pytest.raises(BadData, match=r"generic_qa.json, record 2: the video vid1.mp4 is not in .*Test_Videos. Get it from"):
        vcg.read(folder)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "not JSON"),
        ("[]", "must hold a list of questions"),
        ('{"a": 1}', "must hold a list of questions"),
        ("[1]", "record 1: video_name must be text"),
        ('[{"video_name": "vid0", "Q": "", "A": "x"}]', "record 1: Q must be text"),
        ('[{"video_name": "../vid0", "Q": "q", "A": "x"}]', "cannot be the name of a file"),
    ],
)
def test_a_bad_file_is_one_sentence(folder, text, why):
    (folder / "generic_qa.json").write_text(text)
    with pytest.raises(BadData, match=why):
        vcg.read(folder)


# ---- The judge


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        ("{'score': 3}", 3),
        ('{"score": 0}', 0),
        ("\n {'score': 5} \n", 5),
        ("```python\n{'score': 2}\n```", 2),
        ("{'score': 4.8}", None),  # the published example shows it, although a whole number is asked for
        ("{'score': 4.0}", None),
        ("{'score': True}", None),
        ("{'score': '4'}", None),
        ("{'score': 6}", None),
        ("{'score': -1}", None),
        ("{'score': 3, 'why': 'good'}", None),
        ("{'pred': 'yes'}", None),
        ("4", None),
        ("The score is {'score': 4}", None),
        ("{'score': 4} because it is right.", None),
        ("{'score': __import__('os')}", None),
        ("", None),
        ("(" * 5000, None),
    ],
)
def test_a_reply_is_a_score_or_none(reply, score):
    assert judging.parse(reply) == score


def test_each_aspect_is_asked_about_in_its_own_words(folder):
    one = SetQuestion(stem="Where does it go?", second_stem="Which way?", reference="Up.", part="consistency")
    both = judging.prompt("CO", one, ["It rises.", "To the sky."])
    for text in ("Where does it go?", "Which way?", "Reference: Up.", "first: It rises.", "second: To the sky.", "from 0"):
        assert text in both
    others = {aspect: judging.prompt(aspect, one, ["It rises."]) for aspect in ("CI", "DO", "CU", "TU")}
    assert len(set(others.values())) == 4 and all("Which way?" not in text for text in others.values())
    assert "does not know gets 0" in others["CI"] and "gets 0" not in "".join(others[name] for name in ("DO", "CU", "TU"))
    assert all("{'score': 3}" in text for text in [both, *others.values()])


# ---- A hosted model


def test_a_hosted_model_is_asked_and_judged_once(folder, server):
    evaluation = opened(folder)
    assert evaluation.scoring == "words" and evaluation.judge == "judge"
    assert made(evaluation) == Job.State.DONE and evaluation.is_complete
    rows = list(Prediction.objects.order_by("question__number"))
    assert rows[0].raw == "To “What is seen?” I say: with 8 pictures." and rows[0].second_raw == ""
    assert "Where does it go?" in rows[3].raw and "Which way does it move?" in rows[3].second_raw
    assert not any(row.right or row.option or row.no_answer for row in rows)
    by_aspect = {}
    for one in Judgement.objects.all():
        by_aspect.setdefault(one.aspect, []).append(one.score)
    assert by_aspect == {"CI": [4, 4], "DO": [3, 3], "CU": [5, 5], "TU": [2], "CO": [1]}
    told = evaluation.figures["scores"]
    assert {name: told[name]["score"] for name in told} == {**SCORES, "AVG": 3.0}  # 15 / 5
    assert told["AVG"]["n"] == 8 and told["CI"]["low"] == told["CI"]["high"] == 4
    assert evaluation.figures["spread"]["CU"] == [0, 0, 0, 0, 0, 2] and evaluation.figures["no_score"] == 0
    # 5 answers (one of two wordings) and 8 scores; asked for again, nothing is bought.
    assert LLMCall.objects.filter(state="answered").count() == 13 == len(server.bodies)
    assert evaluation.job.cost_usd > 0 and evaluation.job.done == evaluation.job.total == 12
    assert made(opened(folder)) == Job.State.DONE and len(server.bodies) == 13


def test_without_a_score_it_is_asked_thrice_and_counted_apart(folder, server):
    server.add("judge", judge(SCORES, garbled=("DO",)))
    evaluation = opened(folder)
    assert made(evaluation) == Job.State.DONE
    assert sorted(server.asked.values()) == [1] * 11 + [3, 3]
    told = evaluation.figures
    assert told["no_score"] == 2 and told["judged"] == 8 and told["scores"]["DO"]["score"] is None
    assert told["scores"]["AVG"]["score"] is None and told["scores"]["CI"]["score"] == 4
    assert "–" in leaderboard.headline(evaluation).text


def test_no_answer_is_0_without_asking_and_counted_apart(folder, server):
    server.add("answers", lambda body, number: (200, {}, says(" ")(body)))
    evaluation = opened(folder)
    assert made(evaluation) == Job.State.DONE
    told = evaluation.figures
    assert told["no_answer"] == 4 and told["why_no_answer"] == {"empty": 4} and told["scores"]["AVG"]["score"] == 0
    assert len(server.bodies) == 5  # no judge


def test_a_judge_that_fails_keeps_what_was_scored_and_goes_on(folder, server):
    count = iter(range(100))
    server.add("judge", lambda body, number: (judge(SCORES) if next(count) < 3 else status(400))(body, number))
    evaluation = opened(folder)
    with override_settings(LLM_TRIES=1):
        assert made(evaluation) == Job.State.FAILED
    assert evaluation.state == "failed" and evaluation.error and Judgement.objects.count() == 3
    assert runner.waits_for_judge(evaluation) and not Evaluation.objects.shown().exists()
    with pytest.raises(IntegrityError, match="every open answer was judged"), transaction.atomic():
        Evaluation.objects.filter(pk=evaluation.pk).update(state="complete", completed_at="2026-01-01T00:00Z")
    asked_before = len(server.bodies)
    server.add("judge", judge(SCORES))
    assert made(evaluation) == Job.State.DONE and evaluation.is_complete
    assert len(server.bodies) == asked_before + 5 and evaluation.job.kind == "modelzoo.judge"
    with pytest.raises(IntegrityError, match="keeps its judgements"), transaction.atomic():
        Judgement.objects.first().delete()


def test_scores_belong_to_open_answers_in_the_aspects_of_their_part(folder, server):
    evaluation = opened(folder)
    question = evaluation.question_set.questions.get(part="temporal")
    runner.store(evaluation, [(question, [runner.open_answer(question, "This, then that.")])])
    row = Prediction.objects.get()
    for bad in ({"aspect": "CI", "score": 3}, {"aspect": "CO", "score": 3}):
        with pytest.raises(IntegrityError, match="in the aspects of their part"), transaction.atomic():
            Judgement.objects.create(prediction=row, **bad)
    with pytest.raises(IntegrityError, match="from_0_to_5"), transaction.atomic():
        Judgement.objects.create(prediction=row, aspect="TU", score=6)
    Judgement.objects.create(prediction=row, aspect="TU", score=5)
    with pytest.raises(IntegrityError, match="judged_once"), transaction.atomic():
        Judgement.objects.create(prediction=row, aspect="TU", score=4)


def test_what_does_not_go_together_is_refused(folder, server):
    for more, why in (
        ({"judge": ""}, "needs a language model as judge"),
        ({"judge": "nobody"}, "No model is called nobody"),
        ({"protocol": "circular"}, "asks open questions"),
        ({"protocol": "paper"}, "asks open questions"),
        ({"model": "baseline:chance"}, "rule of thumb"),
        ({"subtitles": True}, "Only Video-MME"),
        ({"frames": 1000}, "1 to 256"),
    ):
        with pytest.raises(opening.CannotEvaluate, match=why):
            opened(folder, **more)
    assert not Evaluation.objects.exists()


# ---- A checkpoint


def test_a_checkpoint_answers_and_is_judged_by_a_job(folder, server, tmp_path):
    squares = make_arrays(tmp_path / "squares", clips=6)
    runs.train(tmp_path / "runs/sft", data=(squares,), overrides=("max_steps=2",))
    evaluation = opened(folder, model=str(tmp_path / "runs/sft/model"))
    assert not commanding.work(evaluation, cache=tmp_path / "cache")
    assert runner.waits_for_judge(evaluation) and Prediction.objects.exclude(frame_numbers=None).count() == 4
    assert evaluation.frames["count"] == 8 and not server.bodies
    assert made(evaluation) == Job.State.DONE and evaluation.is_complete
    assert evaluation.figures["judged"] == 8
    before = list(Prediction.objects.values_list("question", "raw"))
    again = opened(folder, model=str(tmp_path / "runs/sft/model"), judge="answers")
    commanding.work(again)  # for another judge, nothing is answered anew: there is no cache of frames here
    assert list(again.predictions.order_by("pk").values_list("question", "raw")) == before and again.frames["count"] == 8
    assert runner.waits_for_judge(again)
    shuffled = opened(folder, model=str(tmp_path / "runs/sft/model"), protocol="shuffled-frames", frames=16)
    commanding.work(shuffled, cache=tmp_path / "cache")
    assert shuffled.frames["count"] == 16 and len(shuffled.predictions.first().frame_numbers) == 16


# ---- Command, pages, API


def test_the_command_says_what_is_missing(folder, server):
    def said(*more):
        with pytest.raises(CommandError) as refusal:
            call_command("evaluate_physvlm", "--benchmark", "vcg", "--data", str(folder), *more, stdout=io.StringIO())
        return str(refusal.value)

    assert "needs a language model as judge" in said("--model", "answers")
    (folder / "generic_qa.json").unlink()
    assert "lacks generic_qa.json. Get all three files from" in said("--model", "answers", "--judge", "judge")


def test_pages_leaderboard_and_api_show_the_five_scores(folder, server, client, lead):
    evaluation = opened(folder)
    made(evaluation)
    assert "AVG  3.00 (3.00 to 3.00, n=8)" in commanding.in_words(evaluation)
    client.force_login(lead)
    html = client.get(evaluation.get_absolute_url()).content.decode()
    for text in ("3.00 / 5", "Correctness of information", "Judged by judge", "Consistency", "5.00–5.00"):
        assert text in html, text
    board = client.get(reverse("leaderboard"), {"benchmark": "vcg"}).content.decode()
    assert board.count(">published</a>") == 14 and board.count(">measured</span>") == 1 and "judged by judge" in board
    [row] = [row for row in leaderboard.build("vcg") if not row.is_published]
    assert {key: cell.text for key, cell in row.cells.items()} == {
        "AVG": "3.00", "CI": "4.00", "DO": "3.00", "CU": "5.00", "TU": "2.00", "CO": "1.00",
    }  # fmt: skip
    answer = client.get(reverse("evaluation_answers", args=[evaluation.pk])).content.decode()
    assert "Where does it go?" in answer and "{&#x27;score&#x27;: 1}" in answer and "1 / 1" in answer  # the one scored low
    everything = client.get(reverse("evaluation_answers", args=[evaluation.pk]), {"only": "all"}).content.decode()
    assert "1 / 4" in everything and "A red square." in everything
    _token, secret = ApiToken.issue(user=lead, name="t")
    send = {"headers": {"Authorization": f"Bearer {secret}"}}
    page = client.get(f"/api/v1/evaluations/{evaluation.pk}/predictions/?order=id", **send).json()
    assert page["results"][0]["scores"] == {"CI": 4, "DO": 3, "CU": 5} and page["results"][3]["second_raw"]
    told = client.get("/api/v1/leaderboard/?benchmark=vcg", **send).json()
    assert len(told) == 15 and [one["judge"] for one in told if one["source"] == "measured"] == ["judge"]


def test_it_is_started_from_the_page_and_over_the_api(folder, server, client, lead):
    client.force_login(lead)
    with override_settings(TRAINING_DATA_DIRS=[str(folder.parent)]):
        html = client.get(reverse("evaluation_new")).content.decode()
        assert "vcg:VCG" in html and '<option value="judge">' in html
        form = {"model": "answers", "questions": "vcg:VCG", "protocols": ["standard"], "frames": "16"}
        bad = client.post(reverse("evaluation_new"), form)
        assert bad.status_code == 422 and "needs a language model as judge" in bad.content.decode()
        done = client.post(reverse("evaluation_new"), {**form, "judge": "judge"}, follow=True)
        one = Evaluation.objects.get()
        assert one.state == "queued" and one.protocol_settings["frames"] == 16 and one.job.total == 12
        assert "costs at most $" in done.content.decode()
        _token, secret = ApiToken.issue(user=lead, name="t")
        wanted = {"model": "answers", "questions": "vcg:VCG", "judge": "judge", "frames": 16}
        again = client.post(
            "/api/v1/evaluations/", json.dumps(wanted), content_type="application/json",
            headers={"Authorization": f"Bearer {secret}"},
        )  # fmt: skip
        assert again.status_code == 202 and again.json()["id"] == one.pk


def test_two_models_are_compared_by_the_same_judge_only(folder, server, client, lead):
    first = opened(folder)
    made(first)
    server.add("judge", judge({**SCORES, "TU": 4, "CO": 2}))
    second = opened(folder, protocol="single-frame")
    made(second)
    found = comparing.paired(first, second)
    assert found["changes"]["TU"]["score"] == 2 and found["changes"]["AVG"]["score"] == pytest.approx(3 / 5)
    assert set(found["flips"].values()) == {"better"} and found["verdict"] == "better"
    assert found["agree"] == 6 / 8
    client.force_login(lead)
    html = client.get(reverse("evaluation_compare", args=[first.pk, second.pk])).content.decode()
    assert "+0.60" in html and "1 / 2" in html and "What comes first?" in html
    server.add("other", judge(SCORES))
    third = opened(folder, judge="other")
    made(third)
    assert third.pk != first.pk and comparing.paired(first, third) is None
    assert client.get(reverse("evaluation_compare", args=[first.pk, third.pk])).status_code == 422
