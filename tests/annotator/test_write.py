"""The desk's requests: taking, saving, submitting, putting back, reporting."""

import json
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotator import queue
from annotator.models import Clip, ClipNote, Lease, Question, Remark, Revision
from tests.factories import CONTENT, ClipFactory, QuestionFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def writer(client, annotator):
    client.force_login(annotator, backend="django.contrib.auth.backends.ModelBackend")
    return client


def post(client, url, data):
    return client.post(url, json.dumps(data), content_type="application/json", headers={"Accept": "application/json"})


def submission(**changes):
    return {"version": 0, "content": CONTENT, "client_key": str(uuid.uuid4()), **changes}


def test_the_door_names_returned_work_first_and_counts_today(writer, annotator):
    QuestionFactory(author=annotator, submitted=True)
    QuestionFactory(author=annotator, submitted=True, submitted_at=timezone.now() - timedelta(days=3))
    returned = QuestionFactory(author=annotator, returned=True, clip__title="Came back", submitted_at=None)
    Remark.objects.create(revision=returned.revisions.get(), field="correct", code="wrong", comment="Why?", by=UserFactory())
    response = writer.get("/write/")
    assert response.context["numbers"] == {"submitted": 1, "approved": 0, "drafts": 0, "returned": 1}
    assert b"Came back" in response.content and b"Why?" in response.content


def test_the_door_costs_the_same_however_much_came_back(writer, annotator, django_assert_max_num_queries):
    for _ in range(12):
        QuestionFactory(author=annotator, returned=True)
    with django_assert_max_num_queries(6):  # session, person, numbers, returned with clip, remarks, leases
        assert writer.get("/write/").status_code == 200


def test_next_sends_a_browser_to_the_clip_and_a_script_the_piece(writer, annotator):
    clip = ClipFactory(title="A horse on a roof")
    assert writer.post("/write/next/")["Location"] == f"/write/{clip.pk}/"
    piece = post(writer, "/write/next/", {}).json()["piece"]
    assert piece["clip"]["id"] == clip.pk
    assert piece["clip"]["name"] == "A horse on a roof"
    assert piece["version"] == 0 and piece["content"] is None
    assert piece["urls"]["save"] == f"/write/{clip.pk}/save"
    assert piece["lease_s"] == 1800


def test_next_says_when_nothing_waits(writer):
    assert post(writer, "/write/next/", {}).json() == {"piece": None}
    assert "Nothing waits" in writer.post("/write/next/", follow=True).content.decode()


def test_putting_a_clip_back_frees_it_and_gives_another(writer, annotator):
    first, second = ClipFactory(), ClipFactory()
    writer.post("/write/next/")
    piece = post(writer, "/write/next/", {"put_back": first.pk}).json()["piece"]
    assert piece["clip"]["id"] == second.pk
    assert queue.next_clip(UserFactory()) == first.pk


def test_only_annotators_write(client, reviewer):
    clip = ClipFactory()
    urls = [f"/write/{clip.pk}/{name}" for name in ("save", "submit", "aside", "prepare")]
    for url in urls:
        assert post(client, url, {}).status_code == 401
    client.force_login(reviewer, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/write/").status_code == client.get(f"/write/{clip.pk}/").status_code == 403
    assert all(post(client, url, {}).status_code == 403 for url in [*urls, "/write/next/"])
    assert not Lease.objects.exists()


def test_every_change_needs_a_post(writer):
    clip = ClipFactory()
    for url in ["/write/next/", *(f"/write/{clip.pk}/{name}" for name in ("save", "submit", "aside", "prepare"))]:
        assert writer.get(url).status_code == 405


def test_opening_a_clip_by_its_address_leases_it(writer, annotator):
    clip = ClipFactory()
    response = writer.get(f"/write/{clip.pk}/")
    assert response.status_code == 200
    assert response.context["piece"]["clip"]["id"] == clip.pk
    assert list(Lease.objects.values_list("user", "clip")) == [(annotator.pk, clip.pk)]


def test_a_clip_somebody_else_holds_is_refused_in_words_with_a_way_on(writer):
    clip = ClipFactory()
    queue.next_clip(UserFactory())
    response = writer.get(f"/write/{clip.pk}/")
    assert response.status_code == 409
    assert "Somebody else is writing about this clip until" in response.content.decode()
    assert "Take another clip" in response.content.decode()


def test_a_clip_that_does_not_exist_is_not_found(writer):
    assert writer.get("/write/987654321/").status_code == 404
    assert writer.get(f"/write/{10**25}/").status_code == 404


def test_returned_work_carries_the_remarks_of_its_last_revision(writer, annotator, reviewer):
    question = QuestionFactory(author=annotator, returned=True)
    revision = question.revisions.get()
    Remark.objects.create(revision=revision, field="distractor_2", code="also_true", comment="It vanishes too.", by=reviewer)
    piece = post(writer, "/write/next/", {}).json()["piece"]
    assert piece["returned"] and piece["lease_s"] is None
    assert piece["remarks"] == [{"field": "distractor_2", "code": "Distractor is also true", "comment": "It vanishes too."}]


def test_a_save_answers_version_and_time_and_renews_the_lease(writer):
    clip = ClipFactory()
    writer.post("/write/next/")
    Lease.objects.update(expires_at=timezone.now() + timedelta(minutes=1))
    reply = post(writer, f"/write/{clip.pk}/save", {"version": 0, "content": CONTENT}).json()
    assert reply["version"] == 1 and reply["lease_s"] == 1800 and reply["saved_at"]
    assert Lease.objects.get().expires_at > timezone.now() + timedelta(minutes=29)
    assert post(writer, f"/write/{clip.pk}/save", {"version": 1, "content": CONTENT}).json()["version"] == 2


def test_a_stale_save_answers_409_with_what_is_stored(writer):
    clip = ClipFactory()
    post(writer, f"/write/{clip.pk}/save", {"version": 0, "content": CONTENT})
    post(writer, f"/write/{clip.pk}/save", {"version": 1, "content": CONTENT | {"note": "first tab"}})
    response = post(writer, f"/write/{clip.pk}/save", {"version": 1, "content": CONTENT | {"note": "second tab"}})
    assert response.status_code == 409
    assert response.json()["error"]["code"] == "stale"
    assert response.json()["stored"]["note"] == "first tab" and response.json()["version"] == 2


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"stem": 7}, "stem"),
        ({"correct": "x" * 1001}, "correct"),
        ({"category": "Magic"}, "category"),
        ({"spans": [[5, 2]]}, "spans"),
        ({"spans": "all"}, "spans"),
    ],
)
def test_what_cannot_be_stored_is_refused_at_its_field(writer, content, field):
    clip = ClipFactory()
    response = post(writer, f"/write/{clip.pk}/save", {"version": 0, "content": CONTENT | content})
    assert response.status_code == 422
    assert set(response.json()["errors"]) == {field}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"null", b'{"content": 3, "version": []}', b'{"version": 1e400}']
)
@pytest.mark.parametrize("what", ["save", "submit", "aside", "prepare"])
def test_nonsense_is_answered_in_words(writer, body, what):
    clip = ClipFactory()
    response = writer.post(f"/write/{clip.pk}/{what}", body, content_type="application/json")
    assert response.status_code in (200, 409, 422)
    assert response["Content-Type"] == "application/json"


def test_submitting_twice_with_one_key_counts_once(writer):
    clip = ClipFactory()
    writer.post("/write/next/")
    data = submission()
    first, second = (post(writer, f"/write/{clip.pk}/submit", data) for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert Revision.objects.count() == 1


def test_a_second_submission_from_elsewhere_is_refused_in_words(writer):
    clip = ClipFactory()
    post(writer, f"/write/{clip.pk}/submit", submission())
    response = post(writer, f"/write/{clip.pk}/submit", submission(version=1))
    assert response.status_code == 409
    assert "is submitted already" in response.json()["error"]["message"]


def test_an_incomplete_question_names_the_fields(writer):
    clip = ClipFactory()
    response = post(writer, f"/write/{clip.pk}/submit", submission(content=CONTENT | {"correct": "", "spans": []}))
    assert response.status_code == 422
    assert set(response.json()["errors"]) == {"correct", "spans"}


def test_a_submission_needs_a_key(writer):
    response = post(writer, f"/write/{ClipFactory().pk}/submit", {"version": 0, "content": CONTENT})
    assert response.status_code == 422


def test_a_clip_is_reported_with_a_reason(writer, annotator):
    clip = ClipFactory()
    writer.post("/write/next/")
    url = f"/write/{clip.pk}/aside"
    assert "reason" in post(writer, url, {"content": "unusable"}).json()["errors"]
    assert "content" in post(writer, url, {"content": "boring", "reason": "x"}).json()["errors"]
    assert "reason" in post(writer, url, {"content": "not_gameplay", "reason": "x" * 501}).json()["errors"]
    assert post(writer, url, {"content": "unusable", "reason": "only a menu"}).status_code == 200
    clip.refresh_from_db()
    assert clip.content == Clip.Content.UNUSABLE
    assert ClipNote.objects.get().text == "Unusable: only a menu"
    assert not Lease.objects.exists()


def test_exactly_one_next_clip_is_prepared_and_it_is_what_comes_next(writer):
    clips = ClipFactory.create_batch(4)
    piece = post(writer, "/write/next/", {}).json()["piece"]
    assert piece["clip"]["id"] == clips[0].pk
    replies = [post(writer, f"/write/{clips[0].pk}/prepare", {}).json() for _ in range(2)]
    assert [reply["clip"] for reply in replies] == [clips[1].pk] * 2
    assert f"/media/{clips[1].pk}/proxy" in replies[0]["media"]["proxy"]
    assert Lease.objects.count() == 2
    post(writer, f"/write/{clips[0].pk}/submit", submission())
    assert post(writer, "/write/next/", {}).json()["piece"]["clip"]["id"] == clips[1].pk


def test_what_came_back_is_prepared_before_a_fresh_clip(writer, annotator):
    first = ClipFactory()
    writer.post("/write/next/")
    ClipFactory()
    returned = QuestionFactory(author=annotator, returned=True)
    assert post(writer, f"/write/{first.pk}/prepare", {}).json()["clip"] == returned.clip_id
    assert Lease.objects.count() == 1


# Statements are counted where BEGIN and COMMIT are real, and count as well.


def _fresh(annotator):
    ClipFactory.create_batch(3)


def _fresh_in_no_wanted_category(annotator):
    ClipFactory(open_slots=0)
    ClipFactory(expected_category="Rigidity")


def _held(annotator):
    ClipFactory()
    queue.next_clip(annotator)


def _draft_without_lease(annotator):
    clip = ClipFactory()
    QuestionFactory(author=annotator, clip=clip)


def _came_back(annotator):
    Remark.objects.create(
        revision=QuestionFactory(author=annotator, returned=True).revisions.get(),
        field="stem",
        code="language",
        by=UserFactory(),
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("prepare", [_fresh, _fresh_in_no_wanted_category, _held, _draft_without_lease, _came_back])
def test_taking_costs_at_most_eight_statements(writer, annotator, prepare):
    prepare(annotator)
    queue._order["at"] = float("-inf")  # the worst case: categories are counted anew
    with CaptureQueriesContext(
        connection,
    ) as statements:
        assert post(writer, "/write/next/", {}).json()["piece"]
    assert len(statements) <= 8, [one["sql"] for one in statements]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("double_checks", [0, 3])
def test_submitting_costs_at_most_eight_statements(writer, annotator, double_checks):
    type(annotator).objects.update(double_checks_left=double_checks)
    clip = ClipFactory()
    post(writer, "/write/next/", {})
    post(writer, f"/write/{clip.pk}/save", {"version": 0, "content": CONTENT})
    with CaptureQueriesContext(connection) as statements:
        assert post(writer, f"/write/{clip.pk}/submit", submission(version=1)).status_code == 200
    assert len(statements) <= 8, [one["sql"] for one in statements]
    assert Revision.objects.get().approvals_needed == (2 if double_checks else 1)


@pytest.mark.django_db(transaction=True)
def test_submitting_again_after_a_return_costs_at_most_eight_statements(writer, annotator):
    question = QuestionFactory(author=annotator, returned=True)
    with CaptureQueriesContext(connection) as statements:
        assert post(writer, f"/write/{question.clip_id}/submit", submission(version=1)).status_code == 200
    assert len(statements) <= 8, [one["sql"] for one in statements]
    assert Question.objects.get().revision_number == 2


@pytest.mark.django_db(transaction=True)
def test_an_autosave_costs_at_most_six_statements(writer):
    clip = ClipFactory()
    post(writer, "/write/next/", {})
    post(writer, f"/write/{clip.pk}/save", {"version": 0, "content": CONTENT})
    with CaptureQueriesContext(connection) as statements:
        post(writer, f"/write/{clip.pk}/save", {"version": 1, "content": CONTENT | {"note": "more"}})
    assert len(statements) <= 6, [one["sql"] for one in statements]
