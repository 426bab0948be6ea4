"""Clips, questions and the writer's queue over the API."""

import uuid

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from annotator.ingest import store
from annotator.models import Clip, Question, Remark, Revision
from studio.models import Job
from tests.factories import CONTENT, ClipFactory, QuestionFactory, UserFactory
from tests.modelzoo.films import film
from tests.studio.test_api import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def writer(annotator):
    return client_of(annotator)


def results(response):
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["results"]]


# ---- Clips


def test_clips_are_filtered(writer):
    odd = ClipFactory(
        state="failed",
        content="unusable",
        purpose="training",
        source="csv",
        source_id="1abc",
        expected_category="Color",
        title="The horse flies",
    )
    ClipFactory.create_batch(3)
    for name, value in [
        ("state", "failed"),
        ("content", "unusable"),
        ("purpose", "training"),
        ("source", "csv"),
        ("expected_category", "Color"),
        ("sha256", odd.sha256),
        ("text", "fli horse"),
    ]:
        assert results(writer.get(reverse("api_clips"), {name: value})) == [odd.pk], name
    assert results(writer.get(reverse("api_clips"), {"state": "failed", "source": "demo"})) == []


def test_the_list_of_clips_costs_the_same_however_long(writer, django_assert_num_queries):
    ClipFactory.create_batch(30)
    writer.get(reverse("api_me"))
    with django_assert_num_queries(2):  # token with person, clips
        assert len(results(writer.get(reverse("api_clips")))) == 30


def test_one_clip_tells_its_story_and_where_its_files_are(writer):
    clip = ClipFactory(text="Long story", poster="")
    told = writer.get(reverse("api_clip", args=[clip.pk])).json()
    assert (told["text"], told["duration_s"], told["frame_count"]) == ("Long story", 10.0, 300)
    assert told["media"] == {
        "proxy": f"/api/v1/clips/{clip.pk}/media/proxy/",
        "poster": None,
        "filmstrip": f"/api/v1/clips/{clip.pk}/media/filmstrip/",
    }
    assert "proxies/" not in str(told), "names in the storage are nobody's business"


def test_files_of_a_clip_come_with_ranges_and_originals_only_for_leads_and_admins(writer, lead):
    default_storage.save("proxies/x.mp4", SimpleUploadedFile("x.mp4", b"0123456789"))
    clip = ClipFactory(proxy="proxies/x.mp4", original="proxies/x.mp4")
    url = reverse("api_clip_media", args=[clip.pk, "proxy"])
    response = writer.get(url, HTTP_RANGE="bytes=2-4")
    assert (response.status_code, b"".join(response.streaming_content)) == (206, b"234")
    original = reverse("api_clip_media", args=[clip.pk, "original"])
    assert writer.get(original).status_code == 403
    assert client_of(lead).get(original).status_code == 200
    assert writer.get(reverse("api_clip_media", args=[clip.pk, "nonsense"])).status_code == 404
    default_storage.delete("proxies/x.mp4")
    assert writer.get(url).status_code == 404


def upload(client, data=None, name="clip.mp4", **story):
    file = SimpleUploadedFile(name, film(3) if data is None else data)
    return client.post(reverse("api_clips"), {"file": file, **story}, format="multipart")


def test_a_lead_brings_a_clip_in_and_the_same_file_again_is_the_same_clip(lead):
    client = client_of(lead)
    response = upload(client, title="The horse flies", licence="CC0", purpose="training", expected_category="Gravity")
    assert response.status_code == 201
    clip = Clip.objects.get()
    assert response.json()["id"] == clip.pk
    assert (clip.title, clip.licence, clip.purpose, clip.expected_category) == (
        "The horse flies",
        "CC0",
        "training",
        "Gravity",
    )
    assert (clip.source, clip.brought_by, clip.size_bytes) == ("upload", lead, len(film(3)))
    assert Job.objects.get().owner == lead
    again = upload(client, name="again.mp4")
    assert (again.status_code, again.json()["id"]) == (200, clip.pk)


@pytest.mark.parametrize(
    ("data", "story", "status", "code", "field"),
    [
        (b"", {}, 422, "empty", "file"),
        (b"#EXTM3U\nfile:///etc/passwd", {}, 422, "playlist", "file"),
        (b"\x89PNG\r\n\x1a\n", {}, 422, "still_image", "file"),
        (None, {"purpose": "fun"}, 422, "invalid", "purpose"),
        (None, {"title": "x" * 501}, 422, "invalid", "title"),
        (None, {"permalink": "javascript:alert(1)"}, 422, "invalid", "permalink"),
    ],
)
def test_what_cannot_become_a_clip_is_refused_and_nothing_stays(lead, data, story, status, code, field):
    response = upload(client_of(lead), data, **story)
    assert response.status_code == status
    assert response.json()["error"]["code"] == code
    assert field in response.json()["error"]["fields"]
    assert not Clip.objects.exists()
    assert not list(store.work_dir().glob("incoming-*"))


def test_an_upload_without_a_file_or_too_large_is_refused(lead, settings):
    client = client_of(lead)
    response = client.post(reverse("api_clips"), {"title": "x"}, format="multipart")
    assert (response.status_code, list(response.json()["error"]["fields"])) == (422, ["file"])
    settings.UPLOAD_MAX_BYTES = 1000
    response = upload(client)
    assert (response.status_code, response.json()["error"]["code"]) == (413, "too_large")
    response = client.generic("POST", reverse("api_clips"), b"x", "multipart/form-data; boundary=x", CONTENT_LENGTH="9" * 20)
    assert response.status_code == 413
    assert not Clip.objects.exists()
    assert not list(store.work_dir().glob("incoming-*"))


def test_a_lead_judges_a_clip_and_changes_what_it_is_for(lead):
    client = client_of(lead)
    clip = ClipFactory(open_slots=1)
    url = reverse("api_clip", args=[clip.pk])
    changed = client.patch(url, {"content": "unusable", "title": "Renamed", "purpose": "training"}, format="json").json()
    assert (changed["content"], changed["title"], changed["purpose"]) == ("unusable", "Renamed", "training")
    clip.refresh_from_db()
    assert (clip.content, clip.title, clip.purpose, clip.open_slots) == ("unusable", "Renamed", "training", 0)
    assert client.patch(url, {"content": "nice"}, format="json").status_code == 422
    failed = ClipFactory(state="failed")
    assert client.patch(reverse("api_clip", args=[failed.pk]), {"content": "accepted"}, format="json").status_code == 409


# ---- Questions


def test_an_annotator_sees_only_their_own_questions_and_a_lead_all(annotator, writer, lead):
    mine, other = QuestionFactory(author=annotator, submitted=True), QuestionFactory(submitted=True)
    assert results(writer.get(reverse("api_questions"))) == [mine.pk]
    assert writer.get(reverse("api_question", args=[other.pk])).status_code == 404
    assert results(client_of(lead).get(reverse("api_questions"))) == [other.pk, mine.pk]


def test_questions_are_filtered(lead):
    client = client_of(lead)
    odd = QuestionFactory(approved=True, category="Color")
    QuestionFactory.create_batch(2, submitted=True)
    for name, value in [("state", "approved"), ("category", "Color"), ("clip", odd.clip_id), ("author", odd.author_id)]:
        assert results(client.get(reverse("api_questions"), {name: value})) == [odd.pk]


def test_a_question_shows_its_revisions_and_what_was_said(annotator, writer, lead):
    question = QuestionFactory(author=annotator, returned=True)
    Remark.objects.create(revision=question.revisions.get(), field="correct", code="wrong", comment="No.", by=lead)
    told = writer.get(reverse("api_question", args=[question.pk])).json()
    assert (told["state"], told["domain"], told["correct"]) == ("returned", "Mechanics", CONTENT["correct"])
    assert told["revisions"][0]["number"] == 1
    remark = told["revisions"][0]["remarks"][0]
    assert (remark["field"], remark["code"], remark["comment"]) == ("correct", "wrong", "No.")
    assert "lea" not in str(told), "who returned it is not told to the author"


def test_the_list_of_questions_costs_the_same_however_long(lead, django_assert_num_queries):
    client = client_of(lead)
    QuestionFactory.create_batch(20, submitted=True)
    client.get(reverse("api_me"))
    with django_assert_num_queries(2):  # token with person, questions with authors
        assert len(results(client.get(reverse("api_questions")))) == 20


# ---- Writing


def save(client, clip, version, **changes):
    url = reverse("api_write_save", args=[clip.pk])
    return client.put(url, {"version": version, "content": CONTENT | changes}, format="json")


def submit(client, clip, version, key=None, **changes):
    url = reverse("api_write_submit", args=[clip.pk])
    body = {"version": version, "content": CONTENT | changes, "client_key": str(key or uuid.uuid4())}
    return client.post(url, body, format="json")


def test_a_question_is_written_from_taking_the_clip_to_submitting_once(annotator, writer):
    clip = ClipFactory()
    work = writer.post(reverse("api_write_next"), {}, format="json").json()["work"]
    assert (work["clip"]["id"], work["question"], work["version"], work["lease_s"]) == (clip.pk, None, 0, 1800)
    assert save(writer, clip, 0, stem="Half a stem").json()["version"] == 1
    work = writer.post(reverse("api_write_take", args=[clip.pk])).json()
    assert (work["version"], work["question"]["stem"]) == (1, "Half a stem")
    key = uuid.uuid4()
    one, two = submit(writer, clip, 1, key), submit(writer, clip, 1, key)
    assert one.status_code == two.status_code == 200
    assert one.json() == two.json()
    revision = Revision.objects.get()
    assert one.json()["revision"] == revision.pk
    assert revision.author == annotator
    assert submit(writer, clip, 2).status_code == 409
    assert writer.post(reverse("api_write_next"), {}, format="json").json() == {"work": None}


def test_a_stale_save_gets_409_with_what_is_stored(writer):
    clip = ClipFactory()
    save(writer, clip, 0, note="first")
    save(writer, clip, 1, note="second")
    response = save(writer, clip, 1, note="third")
    assert response.status_code == 409
    error = response.json()["error"]
    assert error["code"] == "stale_save"
    assert (error["stored"]["note"], error["stored"]["version"]) == ("second", 2)
    assert Question.objects.get().note == "second"


def test_an_incomplete_submission_gets_422_with_its_fields(writer):
    response = submit(writer, ClipFactory(), 0, distractor_2="", spans=[[5, 999]])
    assert response.status_code == 422
    assert set(response.json()["error"]["fields"]) == {"distractor_2", "spans"}
    assert not Question.objects.exists()


def test_work_in_other_hands_is_refused_in_words(writer):
    clip = ClipFactory()
    other = client_of(UserFactory())
    other.post(reverse("api_write_next"), {}, format="json")
    for response in (writer.post(reverse("api_write_take", args=[clip.pk])), save(writer, clip, 0), submit(writer, clip, 0)):
        assert response.status_code == 409
        assert "Somebody else" in response.json()["error"]["message"]


def test_a_clip_is_put_back_and_another_one_taken(writer):
    one, two = ClipFactory.create_batch(2)
    assert writer.post(reverse("api_write_next"), {}, format="json").json()["work"]["clip"]["id"] == one.pk
    work = writer.post(reverse("api_write_next"), {"put_back": one.pk}, format="json").json()["work"]
    assert work["clip"]["id"] == two.pk
    assert writer.post(reverse("api_write_release", args=[two.pk])).status_code == 204
    assert set(Clip.objects.values_list("open_slots", flat=True)) == {1}


def test_a_clip_is_set_aside_with_a_reason(writer):
    clip = ClipFactory()
    url = reverse("api_write_set_aside", args=[clip.pk])
    assert writer.post(url, {"content": "unusable"}, format="json").status_code == 422
    assert writer.post(url, {"content": "accepted"}, format="json").status_code == 422
    assert writer.post(url, {"content": "unusable", "reason": "Black picture"}, format="json").status_code == 204
    clip.refresh_from_db()
    assert clip.content == "unusable"


def test_returned_work_comes_with_its_remarks(annotator, writer, lead):
    question = QuestionFactory(author=annotator, returned=True)
    Remark.objects.create(revision=question.revisions.get(), field="stem", code="language", comment="Typo.", by=lead)
    work = writer.post(reverse("api_write_next"), {}, format="json").json()["work"]
    assert (work["question"]["id"], work["lease_s"]) == (question.pk, None)
    assert [remark["comment"] for remark in work["remarks"]] == ["Typo."]
