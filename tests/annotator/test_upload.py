"""The upload page and its answers."""

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from annotator import importing
from annotator.ingest import store
from annotator.models import Clip, ClipNote
from studio import jobs
from studio.celery import worker_key
from studio.models import Job
from tests import videos
from tests.factories import ClipFactory, UserFactory

pytestmark = pytest.mark.django_db
JSON = {"Accept": "application/json"}


@pytest.fixture
def as_lead(client, lead):
    client.force_login(lead, backend="django.contrib.auth.backends.ModelBackend")
    return client


def video(name="a.mp4", path=None):
    return SimpleUploadedFile(name, (path or videos.plain()).read_bytes(), "video/mp4")


def post(client, *files, headers=JSON, **fields):
    return client.post(reverse("clips_upload"), {"file": list(files), **fields}, headers=headers)


def test_an_upload_makes_a_clip_with_its_story_and_its_job(as_lead, lead):
    fields = {"title": "T", "licence": "CC0", "permalink": "https://example.org/a", "purpose": "training"}
    response = post(as_lead, video(), expected_category="Gravity", **fields)
    assert response.status_code == 201
    clip = Clip.objects.get()
    assert response.json()["clips"] == [
        {"id": clip.pk, "name": "T", "created": True, "url": clip.get_absolute_url(), "message": ""}
    ]
    assert {name: getattr(clip, name) for name in fields} == fields
    assert (clip.source, clip.brought_by, clip.original_name) == ("upload", lead, "a.mp4")
    assert Job.objects.get().owner == lead
    assert list(store.work_dir().iterdir()) == []


def test_the_same_file_twice_is_one_clip_with_a_note_and_says_so(as_lead):
    first = post(as_lead, video())
    again = post(as_lead, video("b.mp4"))
    assert (again.status_code, again.json()["clips"][0]["id"]) == (201, first.json()["clips"][0]["id"])
    assert "here already" in again.json()["clips"][0]["message"]
    assert "b.mp4" in ClipNote.objects.get().text


def test_without_scripts_the_form_takes_many_files_and_says_what_became_of_each(as_lead):
    text = SimpleUploadedFile("no.mp4", b"text")
    response = as_lead.post(
        reverse("clips_upload"), {"file": [video(), video("b.mp4", videos.counter(10)), text]}, follow=True
    )
    assert response.redirect_chain == [(reverse("clips"), 302)]
    assert "no.mp4: This is a text file, not a video." in response.text
    assert Clip.objects.count() == 2


def test_a_length_over_the_limit_is_413_before_anything_is_read(as_lead, settings):
    settings.UPLOAD_MAX_BYTES = 5_000_000

    class Untouchable:
        def read(self, *args):
            raise AssertionError("the body was read")

        readline = read

    response = as_lead.generic(
        "POST",
        reverse("clips_upload"),
        headers=JSON,
        content_type="multipart/form-data; boundary=x",
        **{"CONTENT_LENGTH": "7000000", "wsgi.input": Untouchable()},
    )
    assert response.status_code == 413
    assert "larger than 4 MB" in response.json()["error"]["message"]


@pytest.mark.parametrize("headers", [JSON, {}])
def test_a_file_over_the_limit_is_413_while_it_streams_and_nothing_is_left(as_lead, settings, headers):
    settings.UPLOAD_MAX_BYTES = 1000
    response = post(as_lead, video(), headers=headers)
    assert response.status_code == 413
    assert "larger than" in response.text
    assert not Clip.objects.exists()
    assert list(store.work_dir().iterdir()) == []


def test_without_a_csrf_token_nothing_is_stored(lead):
    client = Client(enforce_csrf_checks=True)
    client.force_login(lead, backend="django.contrib.auth.backends.ModelBackend")
    assert post(client, video()).status_code == 403
    assert not Clip.objects.exists()
    assert list(store.work_dir().iterdir()) == []


def test_with_the_token_in_its_header_it_is(lead):
    client = Client(enforce_csrf_checks=True)
    client.force_login(lead, backend="django.contrib.auth.backends.ModelBackend")
    client.get(reverse("clips_upload"))
    token = client.cookies["csrftoken"].value
    assert post(client, video(), headers={**JSON, "X-CSRFToken": token}).status_code == 201


@pytest.mark.parametrize("role", ["annotator", "reviewer"])
def test_only_leads_and_admins_upload_and_others_are_refused_before_the_body_is_read(client, role):
    client.force_login(UserFactory(roles=[role]), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(reverse("clips_upload")).status_code == 403
    assert post(client, video()).status_code == 403
    assert client.get(reverse("clips_upload_state")).status_code == 403
    assert not Clip.objects.exists()


def test_nobody_is_asked_to_sign_in(client):
    assert post(client, video()).status_code == 401
    assert client.get(reverse("clips_upload")).status_code == 302


def test_the_page_says_in_red_when_no_worker_would_ingest(as_lead):
    cache.delete(worker_key("cpu"))
    assert 'id="no-worker" role="alert">' in as_lead.get(reverse("clips_upload")).text
    cache.set(worker_key("cpu"), "here", 10)
    assert 'id="no-worker" role="alert" hidden>' in as_lead.get(reverse("clips_upload")).text
    cache.delete(worker_key("cpu"))


def state_of(client, *clips):
    response = client.get(reverse("clips_upload_state"), {"ids": ",".join(str(clip.pk) for clip in clips)})
    assert response.status_code == 200
    return response.json()


def test_the_state_follows_the_ingest_to_its_end(as_lead, settings):
    settings.JOB_HEARTBEAT_S = 3600
    post(as_lead, video())
    clip = Clip.objects.get()
    assert state_of(as_lead, clip)["clips"][str(clip.pk)] == {
        "state": "ingesting", "label": "Ingesting", "failure": "", "waiting": True, "done": 0, "total": None,
    }  # fmt: skip
    jobs.run(Job.objects.get().pk)
    state = state_of(as_lead, clip)["clips"][str(clip.pk)]
    assert (state["state"], state["done"], state["total"]) == ("ready", 30, 30)


def test_a_refusal_by_the_ingest_is_told(as_lead, settings):
    settings.JOB_HEARTBEAT_S = 3600
    settings.CLIP_MAX_S = 1.0
    post(as_lead, video())
    jobs.run(Job.objects.get().pk)
    clip = Clip.objects.get()
    state = state_of(as_lead, clip)["clips"][str(clip.pk)]
    assert (state["state"], state["failure"]) == (
        "failed",
        "The video is longer than 1 s. Cut out the part with the glitch.",
    )
    assert Job.objects.get().error == state["failure"]


def test_a_clip_whose_job_ended_or_vanished_counts_as_failed(as_lead):
    vanished, cancelled = ClipFactory.create_batch(2, state="ingesting")
    jobs.cancel(importing.enqueue(cancelled))
    states = state_of(as_lead, vanished, cancelled)["clips"]
    assert states[str(vanished.pk)]["failure"] == "Its ingest was never started. Start it again."
    assert states[str(cancelled.pk)]["failure"] == "The ingest was cancelled."


def test_asking_for_five_hundred_costs_four_queries(as_lead, django_assert_num_queries):
    clips = ClipFactory.create_batch(30)
    with django_assert_num_queries(4):  # session, person, jobs, clips
        assert len(state_of(as_lead, *clips)["clips"]) == 30


@pytest.mark.parametrize("ids", ["", "x", "1,,2", "9" * 30, "-1", "²"])
def test_asking_for_nonsense_is_no_error(as_lead, ids):
    assert as_lead.get(reverse("clips_upload_state"), {"ids": ids}).status_code == 200
