"""Reviewing over the API: as blind as on the page."""

import json
import uuid

import pytest
from django.conf import settings
from django.urls import reverse

from annotator import letters
from annotator.models import Question
from qc.models import BlindAnswer, Review
from tests.factories import CONTENT, QuestionFactory, UserFactory
from tests.studio.test_api import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(reviewer):
    return client_of(reviewer)


@pytest.fixture
def revision():
    return QuestionFactory(submitted=True, note="The key is in this note.").revisions.get()


def post(client, name, revision=None, **body):
    return client.post(reverse(name, args=[revision.pk] if revision else []), body, format="json")


def order(revision, user):
    return letters.display_order(settings.LETTER_SEED, revision_id=revision.pk, reader_id=user.pk)


def position(revision, user, key="correct"):
    return str(order(revision, user).index(key) + 1)


def answer(client, revision, given, watched_s=10):
    return post(client, "api_review_answer", revision, answer=given, watched_s=watched_s, seconds=3.5)


def rule(client, revision, verdict="approve", key=None, **more):
    return post(client, "api_review_rule", revision, verdict=verdict, client_key=str(key or uuid.uuid4()), **more)


def test_a_revision_is_taken_answered_blind_and_approved(reviewer, reader, revision):
    work = post(reader, "api_review_next").json()["work"]
    assert (work["revision"], work["number"], work["answered"]) == (revision.pk, 1, False)
    assert work["watch_s"] == 8.5
    options = post(reader, "api_review_options", revision, watched_s=10).json()["options"]
    assert [option["text"] for option in options] == [CONTENT[key] for key in order(revision, reviewer)]
    shown = answer(reader, revision, position(revision, reviewer)).json()
    assert (shown["right"], shown["answer"], shown["category"]) == (True, position(revision, reviewer), "Gravity")
    assert [option["field"] for option in shown["options"] if option["is_key"]] == ["correct"]
    review = rule(reader, revision).json()
    assert (review["verdict"], review["blind_answer"], review["question_state"]) == ("approve", "correct", "approved")
    assert Question.objects.get().state == Question.State.APPROVED
    assert post(reader, "api_review_next").json() == {"work": None}


def test_before_the_blind_answer_nothing_tells_the_key(reader, revision):
    told = [post(reader, "api_review_next"), post(reader, "api_review_take", revision)]
    told.append(post(reader, "api_review_options", revision, watched_s=10))
    for response in told:
        text = json.dumps(response.json())
        for word in [
            "correct",
            "distractor",
            "Gravity",
            "floating",
            "is_key",
            "note",
            "spans",
            revision.question.clip.title,
        ]:
            assert word not in text, word
    assert set(told[2].json()["options"][0]) == {"position", "text"}
    for name in ("api_questions", "api_reviews"):
        response = reader.get(reverse(name))
        assert response.status_code == 403 or response.json()["results"] == []
    assert reader.get(reverse("api_question", args=[revision.question_id])).status_code == 403


def test_options_come_after_the_clip_was_watched(reader, revision):
    response = post(reader, "api_review_options", revision, watched_s=3)
    assert (response.status_code, list(response.json()["error"]["fields"])) == (422, ["answer"])
    assert answer(reader, revision, "1", watched_s=3).status_code == 422
    assert not BlindAnswer.objects.exists()


@pytest.mark.parametrize("given", ["correct", "distractor_1", "5", "0", "", 1.5, None, [], {}])
def test_an_answer_is_a_position_or_one_of_three_words(reader, revision, given):
    assert answer(reader, revision, given).status_code == 422
    assert not BlindAnswer.objects.exists()


def test_two_readers_see_different_orders_and_a_number_means_ones_own(revision):
    for _ in range(6):
        person = UserFactory(roles=["reviewer"])
        assert answer(client_of(person), revision, position(revision, person)).json()["right"] is True
        BlindAnswer.objects.all().delete()
        Question.objects.update(review_slots=1)
        person.leases.all().delete()


def test_the_first_answer_stands(reviewer, reader, revision):
    wrong = position(revision, reviewer, "distractor_1")
    answer(reader, revision, wrong)
    again = answer(reader, revision, position(revision, reviewer)).json()
    assert (again["answer"], again["right"]) == (wrong, False)


def test_ruling_needs_a_blind_answer_and_follows_the_services(reviewer, reader, revision):
    assert rule(reader, revision).status_code == 409
    answer(reader, revision, "none_fits")
    assert list(rule(reader, revision).json()["error"]["fields"]) == ["comment"]
    assert list(rule(reader, revision, "return").json()["error"]["fields"]) == ["reasons"]
    assert list(rule(reader, revision, "reject", reasons=[{"field": "", "code": "other"}]).json()["error"]["fields"]) == [
        "verdict"
    ]
    bad = rule(reader, revision, "return", reasons=[{"field": "stem", "code": "odd"}]).json()["error"]["fields"]
    assert list(bad) == ["reasons.0.code"]
    key = uuid.uuid4()
    reasons = [{"field": "correct", "code": "wrong", "comment": "It slides."}]
    one, two = (rule(reader, revision, "return", key, reasons=reasons) for _ in range(2))
    assert one.json()["id"] == two.json()["id"]
    assert Review.objects.count() == 1
    assert Question.objects.get().state == Question.State.RETURNED


def test_an_author_does_not_review_their_own_and_a_second_reader_is_told(reader, revision):
    author = revision.author
    author.roles = ["annotator", "reviewer"]
    author.save()
    assert post(client_of(author), "api_review_next").json() == {"work": None}
    assert post(client_of(author), "api_review_take", revision).status_code == 403
    post(reader, "api_review_next")
    late = post(client_of(UserFactory(roles=["reviewer"])), "api_review_take", revision)
    assert (late.status_code, late.json()["error"]["code"]) == (409, "conflict")


def test_a_verdict_is_undone_by_its_reviewer_only(reviewer, reader, revision, lead):
    answer(reader, revision, position(revision, reviewer))
    pk = rule(reader, revision).json()["id"]
    stranger = client_of(UserFactory(roles=["reviewer"]))
    assert stranger.post(reverse("api_review_undo", args=[pk])).status_code == 404
    assert reader.post(reverse("api_review_undo", args=[pk])).json()["undone_at"]
    assert reader.post(reverse("api_review_undo", args=[pk])).status_code == 409
    assert Question.objects.get().state == Question.State.SUBMITTED


def test_putting_back_gives_it_to_others(reader, revision):
    post(reader, "api_review_next")
    assert post(reader, "api_review_release", revision).status_code == 204
    assert post(client_of(UserFactory(roles=["reviewer"])), "api_review_next").json()["work"]["revision"] == revision.pk
    assert post(reader, "api_review_next", put_back=revision.pk).json() == {"work": None}


def test_reviewers_see_their_own_reviews_and_leads_all_for_the_same_price(reviewer, reader, lead, django_assert_num_queries):
    for _ in range(3):
        for person in (reviewer, UserFactory(roles=["reviewer"])):
            done = QuestionFactory(submitted=True).revisions.get()
            client = reader if person == reviewer else client_of(person)
            answer(client, done, position(done, person))
            assert rule(client, done).status_code == 200
    assert len(reader.get(reverse("api_reviews")).json()["results"]) == 3
    client = client_of(lead)
    client.get(reverse("api_me"))
    with django_assert_num_queries(2):  # token with person, reviews with everything
        rows = client.get(reverse("api_reviews")).json()["results"]
    assert len(rows) == 6
    found = client.get(reverse("api_reviews"), {"question": rows[0]["question"]}).json()["results"]
    assert [row["id"] for row in found] == [rows[0]["id"]]
    assert reader.get(reverse("api_review", args=[rows[0]["id"]])).status_code == 404
