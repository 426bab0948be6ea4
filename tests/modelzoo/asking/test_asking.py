"""Asking a real checkpoint through a real server: answers, letters, the map, stops, a dead worker, pages and API."""

import io
import json
from datetime import timedelta

import numpy as np
import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from modelzoo.asking import heat, services, serving, shown
from modelzoo.asking import jobs as asking
from modelzoo.asking.models import Ask
from studio import jobs
from studio.models import ApiToken, Job
from tests.factories import ClipFactory, QuestionFactory, UserFactory
from tests.modelzoo.physvlm import runs
from tests.modelzoo.physvlm.serving import TOKEN, Serving
from tests.modelzoo.physvlm.sets import make_arrays, make_videos

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A root of training data with one model, `tiny`."""
    root = tmp_path_factory.mktemp("root")
    data = make_arrays(tmp_path_factory.mktemp("data") / "squares", clips=4)
    out = tmp_path_factory.mktemp("runs") / "sft"
    runs.train(out, data=(data,), overrides=("max_steps=2",))
    (out / "model").rename(root / "tiny")
    return root


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    folder = make_videos(tmp_path_factory.mktemp("videos") / "set", clips=1)
    return next(folder.rglob("*.mp4")).read_bytes()


@pytest.fixture
def clip(video):
    found = ClipFactory(title="A square")
    if default_storage.exists(found.proxy):
        default_storage.delete(found.proxy)
    default_storage.save(found.proxy, ContentFile(video))
    return found


@pytest.fixture
def models(weights, monkeypatch):
    # A heartbeat has a connection of its own, which does not see a job of this test's transaction.
    monkeypatch.setattr(settings, "JOB_HEARTBEAT_S", 600)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with override_settings(TRAINING_DATA_DIRS=[str(weights)], LLM_MODELS="[]"):
        yield "model:tiny"


@pytest.fixture(scope="module", autouse=True)
def no_server_is_left():
    yield
    serving.end()


def done(ask):
    """The state of the job after it ran here."""
    state = jobs.run(ask.job_id)
    ask.refresh_from_db()
    return state


def test_an_answer_in_words_with_its_map_and_one_with_options(models, clip, lead):
    ask = services.begin(by=lead, model=models, text="What happens?", clip=clip)
    assert ask.state == "queued" and services.ahead(ask) == 0
    assert done(ask) == Job.State.DONE, ask.job.error
    assert ask.state == "done" and ask.answer and ask.finish_reason in ("stop", "length") and len(ask.weights) == 64
    assert ask.frames["seconds"] == pytest.approx([number / 10 for number in ask.frames["numbers"]])
    frames = Image.open(default_storage.open(ask.frames_image))
    assert frames.size == (8 * heat.SIDE, heat.SIDE)
    assert len(shown.of(ask)["frames"]) == 8 and ask.heat["grid"] == 12
    first = serving._kept.process.pid
    options = ["It rises.", "It falls.", "It is blue."]
    second = services.begin(by=lead, model=models, text="What happens?", options=options, clip=clip)
    assert done(second) == Job.State.DONE, second.job.error
    assert sum(second.probabilities) == pytest.approx(1) and len(second.probabilities) == 3 and 0 < second.mass <= 1
    assert second.answer == "ABC"[second.probabilities.index(max(second.probabilities))]
    assert [chosen for *_rest, chosen in second.chances].count(True) == 1
    assert serving._kept.process.pid == first  # the model was loaded once
    with pytest.raises(IntegrityError, match="An answer does not change"), transaction.atomic():
        Ask.objects.filter(pk=ask.pk).update(answer="Another.")
    assert jobs.run(ask.job_id) is None  # a second message does nothing


def test_a_served_checkpoint_is_asked_in_the_same_way(models, weights, clip, lead, monkeypatch):
    monkeypatch.setenv("TEST_SERVE_TOKEN", TOKEN)
    with Serving(weights / "tiny") as server:
        entry = {
            "name": "served",
            "model": server.model,
            "base_url": server.base_url,
            "key_env": "TEST_SERVE_TOKEN",
            "physvlm": True,
        }
        other = {"name": "gpt", "base_url": "http://127.0.0.1:1/v1", "key_env": ""}
        with override_settings(LLM_MODELS=json.dumps([entry, other])):
            assert [choice for choice, _label in serving.models()[0]] == ["endpoint:served"]
            ask = services.begin(by=lead, model="endpoint:served", text="What happens?", clip=clip)
            own = services.begin(by=lead, model=models, text="What happens?", clip=clip)
            assert ask.job.queue == "llm" and own.job.queue == "gpu"
            assert done(ask) == done(own) == Job.State.DONE, (ask.job.error, own.job.error)
            assert (ask.answer, ask.weights, ask.heat) == (own.answer, own.weights, own.heat)
            monkeypatch.setenv("TEST_SERVE_TOKEN", "not-the-token")
            refused = services.begin(by=lead, model="endpoint:served", text="What happens?", clip=clip)
            assert done(refused) == Job.State.FAILED
            assert refused.state == "failed" and "token is missing or wrong" in refused.why


def test_a_dead_worker_is_seen_and_another_begins_anew(models, clip, lead):
    ask = services.begin(by=lead, model=models, text="What happens?", clip=clip)
    dead = jobs.Run(jobs.claim(ask.job_id))
    asking._write(dead, ask, phase="answering", answer="Half an ans")
    Job.objects.filter(pk=ask.job_id).update(heartbeat_at=timezone.now() - timedelta(hours=1))
    ask.refresh_from_db()
    assert ask.state == "lost" and ask.is_live
    jobs.sweep()
    with pytest.raises(jobs.LostClaim):
        asking._write(dead, ask, answer="Half an answer")
    assert done(ask) == Job.State.DONE and ask.state == "done" and not ask.answer.startswith("Half")


def test_a_stop_a_failure_and_again(models, clip, lead):
    ask = services.begin(by=lead, model=models, text="What happens?", clip=clip)
    assert services.stop(ask) and not services.stop(Ask.objects.get(pk=ask.pk))
    ask = Ask.objects.get(pk=ask.pk)
    assert ask.state == "stopped"
    running = services.again(ask, by=lead)
    Job.objects.filter(pk=running.job_id).update(cancel_requested=True)  # somebody stops it as it begins
    assert done(running) == Job.State.CANCELLED and running.state == "stopped"
    default_storage.delete(clip.proxy)
    gone = services.again(ask, by=lead)
    assert done(gone) == Job.State.FAILED and "file is gone" in gone.why
    with override_settings(TRAINING_DATA_DIRS=[]):
        with pytest.raises(services.WrongAsk, match="not offered"):
            services.again(ask, by=lead)


def test_one_person_has_few_open_asks(models, clip, lead):
    with override_settings(ASK_MOST_OPEN=2):
        for _number in range(2):
            services.begin(by=lead, model=models, text="What happens?", clip=clip)
        with pytest.raises(services.TooMany):
            services.begin(by=lead, model=models, text="What happens?", clip=clip)
        services.begin(by=UserFactory(roles=["lead"]), model=models, text="What happens?", clip=clip)


# ---- Pages


@pytest.fixture
def browser(client, lead):
    client.force_login(lead)
    return client


def form(clip, **more):
    return {"clip": clip.pk if clip else "", "model": "model:tiny", "text": "What happens?", "options": "", **more}


def test_the_page_begins_an_ask_and_says_what_is_wrong(browser, models, clip):
    page = browser.get(reverse("asks"), {"clip": clip.pk}).content.decode()
    assert "A square" in page and "tiny" in page
    answer = browser.post(reverse("asks"), form(clip, options="It rises.\nIt falls."))
    ask = Ask.objects.get()
    assert answer.status_code == 302 and answer.url == ask.get_absolute_url() and ask.options == ["It rises.", "It falls."]
    html = browser.get(answer.url).content.decode()
    assert "every 500ms" in html and "next in the queue" in html and "It falls." in html and 'id="ask-stop"' in html
    part = browser.get(answer.url, {"part": "state"}, headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<div id="ask-state"') and "<html" not in part
    assert browser.post(reverse("ask_stop", args=[ask.pk])).status_code == 302
    assert "Ask again" in browser.get(answer.url).content.decode()
    for wrong, sentence in [
        (form(None), "Choose a clip"),
        (form(clip, text=""), "required"),
        (form(clip, options="one"), "two to six"),
        (form(clip, model="run:1:model"), "valid choice"),
    ]:
        refused = browser.post(reverse("asks"), wrong)
        assert refused.status_code == 422 and sentence in refused.content.decode(), sentence
    assert Ask.objects.count() == 1


def test_an_uploaded_file_is_no_clip_and_goes_after_a_while(browser, models, video):
    file = SimpleUploadedFile("my square.mp4", video, content_type="video/mp4")
    answer = browser.post(reverse("asks"), form(None, file=file))
    ask = Ask.objects.get()
    assert (
        answer.status_code == 302 and ask.clip is None and ask.video_name == "my square.mp4" and ask.about == "my square.mp4"
    )
    assert done(ask) == Job.State.DONE, ask.job.error
    page = browser.get(answer.url).content.decode()
    assert "Where the question made the model look" in page and "The same as a table" in page
    for kind in ("frames", "heat"):
        there = getattr(ask, f"{kind}_image")
        assert browser.get(reverse("ask_image", args=[ask.pk, kind])).status_code == (200 if there else 404)
    playlist = SimpleUploadedFile("x.mp4", b"#EXTM3U\nhttp://127.0.0.1:1/a.ts\n")
    refused = browser.post(reverse("asks"), form(None, file=playlist))
    assert refused.status_code == 422 and "playlist" in refused.content.decode().lower()
    with override_settings(ASK_UPLOAD_MAX_BYTES=100):
        large = browser.post(reverse("asks"), form(None, file=SimpleUploadedFile("x.mp4", video)))
        assert large.status_code == 422
    Ask.objects.filter(pk=ask.pk).update(created_at=timezone.now() - timedelta(days=settings.ASK_KEEP_DAYS + 1))
    services.tidy()
    assert not default_storage.exists(ask.video) and Ask.objects.get().video == ""


def test_others_do_not_see_it(client, models, clip, lead):
    ask = services.begin(by=lead, model=models, text="What happens?", clip=clip)
    client.force_login(UserFactory(roles=["lead", "admin"]))
    for name, arguments in (("ask", []), ("ask_image", ["frames"])):
        assert client.get(reverse(name, args=[ask.pk, *arguments])).status_code == 404
    for name in ("ask_stop", "ask_again"):
        assert client.post(reverse(name, args=[ask.pk])).status_code == 404
    assert "What happens?" not in client.get(reverse("asks")).content.decode()


def test_an_approved_question_fills_the_form_and_no_other(browser, models):
    approved, open_one = QuestionFactory(approved=True), QuestionFactory(submitted=True)
    page = browser.get(reverse("asks"), {"clip": approved.clip_id, "question": approved.pk}).content.decode()
    assert approved.stem in page and all(text in page for text in approved.options.values())
    page = browser.get(reverse("asks"), {"clip": open_one.clip_id, "question": open_one.pk}).content.decode()
    assert not any(text in page for text in open_one.options.values())
    assert sorted(services.options_of(approved)) == sorted(approved.options.values())
    browser.post(reverse("asks"), form(approved.clip, question=approved.pk))
    assert Ask.objects.get().question == approved


def test_the_pages_cost_the_same_for_many(browser, models, clip, lead, django_assert_num_queries):
    for _number in range(3):
        Ask.objects.create(owner=lead, clip=clip, model=models, model_name="tiny", text="What?")
    ClipFactory.create_batch(3)
    browser.get(reverse("asks"))
    # session, person, checkpoints and runs with weights (2), asks with clip and job, found clips
    with django_assert_num_queries(6):
        browser.get(reverse("asks"))
    Ask.objects.bulk_create(Ask(owner=lead, clip=clip, model=models, model_name="t", text="W") for _number in range(30))
    ClipFactory.create_batch(20)
    with django_assert_num_queries(6):
        page = browser.get(reverse("asks")).content.decode()
    assert "?before=" in page
    address = Ask.objects.first().get_absolute_url()
    with django_assert_num_queries(3):  # session, person, the ask with clip and job
        browser.get(address)


def test_without_a_model_the_page_says_what_to_do(browser):
    with override_settings(TRAINING_DATA_DIRS=[], LLM_MODELS="[]"):
        page = browser.get(reverse("asks")).content.decode()
    assert "There is no model to ask yet" in page and reverse("run_new") in page


def test_pictures_go_when_the_clip_is_taken_down(clip, lead):
    name = default_storage.save("asks/x.jpg", ContentFile(b"x"))
    ask = Ask.objects.create(owner=lead, clip=clip, model="m", model_name="m", text="W", frames_image=name)
    assert services.remove_of(clip, None) == ()
    ask.refresh_from_db()
    assert ask.frames_image == "" and not default_storage.exists(name)


def test_it_works_over_the_api(client, models, clip, lead):
    _token, secret = ApiToken.issue(user=lead, name="test")
    headers = {"Authorization": f"Bearer {secret}"}

    def call(method, name, *arguments, **body):
        send = getattr(client, method)
        how = {"data": json.dumps(body), "content_type": "application/json"} if method == "post" else {}
        answer = send(reverse(name, args=arguments), headers=headers, **how)
        return answer.status_code, answer.json()

    assert call("get", "api_ask_models") == (200, [{"id": "model:tiny", "name": "tiny", "kind": "checkpoint"}])
    status, body = call("post", "api_asks", clip=clip.pk, model=models, text="What?", options=["a", "b"])
    assert status == 202 and body["state"] == "queued" and body["options"] == ["a", "b"] and body["why"] == ""
    assert call("post", "api_asks", clip=clip.pk, model="run:9:model", text="What?")[0] == 422
    assert call("post", "api_asks", clip=2**62, model=models, text="What?")[0] == 422
    assert call("post", "api_ask_stop", body["id"])[1]["state"] == "stopped"
    assert call("post", "api_ask_stop", body["id"])[0] == 409
    assert call("get", "api_asks")[1]["results"][0]["id"] == body["id"]
    other = ApiToken.issue(user=UserFactory(roles=["lead"]), name="x")[1]
    headers["Authorization"] = f"Bearer {other}"
    assert call("get", "api_ask", body["id"])[0] == 404


# ---- The map


def test_figures_of_a_map_by_hand():
    weights = [[[0.5, 1.5], [1.0, 1.0]], [[None, None], [None, None]], [[1.0, 1.0], [0.25, 1.75]]]
    found = heat.figures(weights)
    assert found == {
        "grid": 2, "low": 0.25, "high": 1.75, "flat": False, "scales": 2,
        "frames": [{"most": 1.5, "row": 0, "column": 1}, None, {"most": 1.75, "row": 1, "column": 1}],
    }  # fmt: skip
    assert heat.figures([[[1.0, 1.001], [1.0, 1.0]]])["flat"]
    assert [str(shown.where(row, column, 12)) for row, column in ((0, 0), (5, 6), (11, 11))] == [
        "top left", "centre", "bottom right",
    ]  # fmt: skip


def test_the_map_is_clear_where_little_counted_and_bright_where_much_did():
    weights = [[[0.4, 1.0], [0.6, 2.0]], [[1.0, 0.9], [1.0, 1.0]], [[1.1, 1.0], [1.0, 1.0]]]
    picture = Image.open(io.BytesIO(heat.heat_image(weights, high=2.0))).convert("RGBA")
    side = heat.SIDE // 2
    assert picture.size == (3 * side, 2 * side)
    shared, own = np.split(np.asarray(picture).astype(int), 2)
    pixels = shared[:, : 2 * side]
    assert pixels[-1, side - 1, 3] > 200 and pixels[-1, side - 1, :3].min() > 80  # bottom right of the first frame
    assert pixels[0, 0, 3] < 12 and pixels[:, side:, 3].max() < 12
    assert 40 < shared[0, 2 * side, 3] < 120 and own[0, 2 * side, 3] > 200, "a tenth above: faint beside 2, bright by itself"
    assert own[:, side : 2 * side, 3].max() < 12, "where there is no preference none is made up"
