"""Video-MME in its published files: a small set of our own."""

import io
import json

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.urls import reverse

from modelzoo.evaluation import jobs as evaluation_jobs
from modelzoo.evaluation import leaderboard, opening, subtitles, video_mme
from modelzoo.models import Evaluation
from modelzoo.physvlm.data.sources import BadData
from studio import jobs
from tests.llm_server import KEY, LLMServer, asked, pictures, says
from tests.modelzoo.evaluation.videos import ROWS, SRT, make_video_mme, write
from tests.modelzoo.physvlm import runs
from tests.modelzoo.physvlm.sets import make_arrays

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path):
    return make_video_mme(tmp_path / "Video-MME")


def test_it_is_frozen_and_measured_by_duration(folder):
    question_set = video_mme.freeze(folder)
    one = question_set.questions.first()
    assert (one.options, one.part, one.family) == (["One.", "Two.", "Three.", "Four."], "short", "clip:vid0")
    out = io.StringIO()
    arguments = ["--model", "baseline:first", "--benchmark", "video-mme", "--data", str(folder)]
    call_command("evaluate_physvlm", *arguments, stdout=out)
    found = Evaluation.objects.get()
    assert found.is_complete and found.question_set == question_set
    assert {part: figure["share"] for part, figure in found.figures["by_part"].items()} == {
        "short": 1,
        "medium": 0,
        "long": 0,
    }
    assert found.figures["micro"]["groups"] == 3  # three questions about one video are one draw
    [row] = [row for row in leaderboard.build("video-mme") if not row.is_published]
    assert row.cells["overall"].text == "33.3" and row.cells["short"].text == "100.0" and "overall_subs" not in row.cells
    with pytest.raises(CommandError, match="Only the open answers of VCG"):
        call_command("evaluate_physvlm", *arguments, "--judge", "gpt-4o", stdout=out)


def test_what_is_missing_is_named_with_where_to_get_it(folder, tmp_path):
    with pytest.raises(BadData, match=r"videomme/\*.parquet. Get .* from https://huggingface.co"):
        video_mme.read(tmp_path)
    (folder / "data/vid1.mp4").unlink()
    with pytest.raises(BadData, match=r"row 4: the video vid1.mp4 is not in .*data. Get it from https://huggingface.co"):
        video_mme.read(folder)
    write(folder, [{**ROWS[0], "answer": "E"}])
    with pytest.raises(BadData, match="row 1: answer 'E'"):
        video_mme.read(folder)
    write(folder, [{"question": "x"}])
    with pytest.raises(BadData, match="lacks the column videoID"):
        video_mme.read(folder)
    (folder / "videomme/test-00000-of-00001.parquet").write_bytes(b"no")
    with pytest.raises(BadData, match="is no parquet file"):
        video_mme.read(folder)


# ---- Subtitles and frames


def test_subtitles_are_read_whatever_stands_in_them():
    lines = subtitles.parse(SRT)
    assert [(one.start_s, one.end_s, one.text) for one in lines] == [
        (0, 1.5, "First &amp; loud"), (1.5, 4, "1999 was a year"), (3.9, 7, "At the top"), (9, 10, "never shown"),
    ]  # fmt: skip
    assert subtitles.at(lines, [0.2, 1.0, 3.95]) == ["First &amp; loud", "1999 was a year", "At the top"]
    assert subtitles.at(lines, [8.0]) == [] and subtitles.parse("no times\n") == []


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("TEST_LLM_KEY", KEY)
    monkeypatch.setattr(settings, "JOB_HEARTBEAT_S", 600)
    with LLMServer() as running:
        with override_settings(LLM_MODELS=json.dumps([running.entry("looks")]), LLM_PARALLEL=1):
            yield running


def test_a_hosted_model_reads_the_subtitles_of_its_frames(folder, server):
    with pytest.raises(opening.CannotEvaluate, match="has its own number of frames"):
        opened(folder, "looks", "paper", frames=8)
    seen = {}

    def looks(body, number):
        text = asked(body)[0]
        seen.setdefault((len(pictures(body)), "Subtitles" in text or "subtitles are listed" in text), []).append(text)
        return 200, {}, says("The best option is A")(body)

    server.add("looks", looks)
    with pytest.raises(BadData, match="holds no .srt files. Get subtitle.zip from https://"):
        subtitles.about(folder)
    (folder / "subtitle").mkdir()
    (folder / "subtitle/vid0.srt").write_text(SRT, encoding="utf-8")
    made(opened(folder, "looks", frames=2, subtitles=True))  # frames 20 and 60, at 2.05 and 6.05 s
    assert set(map(len, seen.values())) == {3, 6} and set(seen) == {(2, True), (2, False)}
    assert "Subtitles of these pictures: 1999 was a year\nAt the top" in seen[2, True][0]
    with_subtitles = Evaluation.objects.get()
    assert with_subtitles.frames["subtitles"]["videos"] == 1 and with_subtitles.frames["count"] == 2
    [row] = [row for row in leaderboard.build("video-mme") if not row.is_published]
    assert {"overall_subs", "short_subs", "medium_subs", "long_subs"} == set(row.cells)
    seen.clear()
    made(opened(folder, "looks", "paper", subtitles=True))
    assert set(seen) == {(32, True), (64, False)}  # short videos are shown 32 frames, longer ones 64
    text = seen[32, True][0]
    assert (
        text.startswith("This video's subtitles are listed below: First &amp; loud\n1999") and "The best answer is:" in text
    )
    paper = Evaluation.objects.get(protocol="paper")
    assert paper.frames["rule"].endswith("; 32 of short ones, 64 of long ones, 64 of medium ones")
    # "The best option is A": the published rule strips no such phrase and still finds the first capital of A to D.
    assert paper.figures["by_part"]["short"]["right"] == 3 and paper.figures["no_answer"] == 0
    plain = opened(folder, "looks", frames=2)
    assert plain.pk != with_subtitles.pk and made(plain) == "done"


def opened(folder, model, protocol="standard", **chosen):
    found = opening.find_model(model)
    return opening.open_evaluation(video_mme.freeze(folder), found, protocol, source={"folders": [str(folder)]}, **chosen)


def made(evaluation):
    state = jobs.run(evaluation_jobs.start(evaluation).pk)
    evaluation.refresh_from_db()
    assert evaluation.is_complete, evaluation.error
    return state


def test_a_checkpoint_sees_32_or_64_frames_and_hears_the_subtitles(folder, tmp_path):
    (folder / "subtitle").mkdir()
    (folder / "subtitle/vid0.srt").write_text(SRT, encoding="utf-8")
    squares = make_arrays(tmp_path / "squares", clips=6)
    runs.train(tmp_path / "runs/sft", data=(squares,), overrides=("max_steps=2",))
    arguments = ["--model", str(tmp_path / "runs/sft/model"), "--benchmark", "video-mme", "--data", str(folder)]
    arguments += ["--cache", str(tmp_path / "cache")]
    for more in (["--frames", "32"], ["--frames", "32", "--subtitles"], ["--protocol", "paper", "--subtitles"]):
        call_command("evaluate_physvlm", *arguments, *more, stdout=io.StringIO())
    plain, heard, paper = Evaluation.objects.order_by("pk")
    assert plain.frames["count"] == heard.frames["count"] == 32 and heard.frames["subtitles"]["videos"] == 1

    def said(evaluation, clip):
        rows = evaluation.predictions.filter(question__clip_name=clip).order_by("question__number")
        return [number for row in rows for number in row.probabilities]

    assert said(plain, "vid0") != said(heard, "vid0") and said(plain, "vid1") == pytest.approx(said(heard, "vid1"), abs=1e-4)
    shown = paper.predictions.values_list("question__part", "frame_numbers")
    assert {part: len(numbers) for part, numbers in shown} == {"short": 32, "medium": 64, "long": 64}
    assert paper.frames["count"] == 64


def test_the_page_offers_frames_and_subtitles(folder, client, lead):
    client.force_login(lead)
    with override_settings(TRAINING_DATA_DIRS=[str(folder.parent)]):
        form = {"model": "baseline:first", "questions": "video-mme:Video-MME", "protocols": ["standard"], "frames": "64"}
        html = client.get(reverse("evaluation_new")).content.decode()
        assert "video-mme:Video-MME" in html and "video-mme:Video-MME/videomme" not in html
        client.post(reverse("evaluation_new"), {**form, "subtitles": "on"})
        one = Evaluation.objects.get()
        assert (one.protocol_settings["frames"], one.protocol_settings["subtitles"]) == (64, True)
        client.post(reverse("evaluation_new"), form)
        assert Evaluation.objects.count() == 2
        bad = client.post(reverse("evaluation_new"), {**form, "protocols": ["paper"]})
        assert bad.status_code == 422 and "its own number of frames" in bad.content.decode()
