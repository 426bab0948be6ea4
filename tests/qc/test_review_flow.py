"""Both steps of a review as the desk sends them, and that nothing tells the key before the blind answer is stored."""

import re
import uuid

import pytest
from django.urls import reverse

from annotator.models import OPTION_KEYS, Lease, Question
from qc.models import BlindAnswer, Review
from tests.factories import CONTENT, QuestionFactory, RevisionFactory, UserFactory
from tests.qc.conftest import RETURN, position_of, review, revision_of, ruling

pytestmark = pytest.mark.django_db

NOTE = "The author's own remark names the crate."
WORDS_THAT_TELL = ["distractor", "correct", "is-key", "is_key", 'key"', NOTE, "Gravity", "floating", "30,90", "[[30"]


@pytest.fixture
def question():
    return QuestionFactory(submitted=True, clip__title="A crate hangs in the air lol", revision__note=NOTE)


@pytest.fixture
def pk(client, reviewer, question):
    client.force_login(reviewer)
    client.post(reverse("review_next"))
    return revision_of(question).pk


def blind(post, pk, answer, **more):
    return post(reverse("review_blind", args=[pk]), **{"answer": answer, "watched_s": 9.9, "seconds": 3.5} | more)


def verdict(post, pk, given="approve", **more):
    return post(
        reverse("review_verdict", args=[pk]),
        **{"verdict": given, "reasons": [], "comment": "", "client_key": str(uuid.uuid4())} | more,
    )


def told(text):
    """Words in a page's own markup that would give the key away; the navigation may name anything."""
    desk = text[text.index('id="desk"') :] if 'id="desk"' in text else text
    desk = re.sub(r'<script id="shortcut-data".*?</script>', "", desk, flags=re.S)
    return [word for word in WORDS_THAT_TELL if word.lower() in desk.lower()]


def test_before_the_play_through_there_are_no_options(client, post, pk):
    page = client.get(reverse("review_revision", args=[pk])).text
    assert not any(CONTENT[key] in page for key in OPTION_KEYS)
    assert told(page) == []
    assert "A crate hangs in the air" not in page  # titles of found clips often give the glitch away
    reply = post(reverse("review_options", args=[pk]), watched_s=3)
    assert reply.status_code == 422
    assert not any(CONTENT[key] in reply.text for key in OPTION_KEYS)


def test_the_options_come_as_numbers_in_this_readers_order(client, post, pk, reviewer, question):
    html = post(reverse("review_options", args=[pk]), watched_s=9).json()["html"]
    assert told(html) == []
    places = {key: html.index(CONTENT[key]) for key in OPTION_KEYS}
    order = sorted(OPTION_KEYS, key=places.get)
    assert [position_of(key, revision_of(question), reviewer) for key in order] == [1, 2, 3, 4]
    assert re.findall(r'name="answer" value="(\w+)"', html) == ["1", "2", "3", "4", "two_fit", "none_fits", "cannot_tell"]
    assert post(reverse("review_options", args=[pk]), watched_s=9).json()["html"] == html


def test_the_key_stands_at_every_place_for_some_reader():
    revision = revision_of(QuestionFactory(submitted=True))
    assert {position_of("correct", revision, person) for person in UserFactory.create_batch(40)} == {1, 2, 3, 4}


def test_a_number_is_stored_as_the_option_that_stood_there(post, pk, reviewer, question):
    number = position_of("distractor_3", revision_of(question), reviewer)
    reply = blind(post, pk, number)
    assert reply.status_code == 200
    stored = BlindAnswer.objects.get()
    assert (stored.answer, stored.watched_s, stored.seconds) == ("distractor_3", 9.9, 3.5)
    html = reply.json()["html"]
    assert f"You answered {number}, which is not the key." in html
    assert 'data-spans="[[30, 90]]"' in html
    assert NOTE.replace("'", "&#x27;") in html


@pytest.mark.parametrize("answer", ["correct", "distractor_1", "5", "", None, ["1"], {"a": 1}, True, "Correct"])
def test_only_numbers_and_the_three_other_answers_are_taken(post, pk, answer):
    reply = blind(post, pk, answer)
    assert reply.status_code == 422
    assert set(reply.json()["error"]["fields"]) == {"answer"}
    assert "key" not in reply.text
    assert not BlindAnswer.objects.exists()


@pytest.mark.parametrize("watched", [2, "9", None, -9, True, 1e300])
def test_the_server_checks_the_play_through_itself(post, pk, watched):
    assert blind(post, pk, 1, watched_s=watched).status_code == 422
    assert not BlindAnswer.objects.exists()


def test_the_first_answer_stands_and_a_reload_shows_step_two(client, post, pk, reviewer):
    blind(post, pk, "two_fit")
    assert blind(post, pk, 1).status_code == 200
    assert BlindAnswer.objects.get().answer == "two_fit"
    assert "You answered: two fit." in client.get(reverse("review_revision", args=[pk])).text


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"{", b"[" * 100_000, b'"x"'])
@pytest.mark.parametrize("name", ["review_options", "review_blind", "review_verdict"])
def test_what_is_no_json_object_is_refused_in_words(client, pk, name, body):
    response = client.post(reverse(name, args=[pk]), body, content_type="application/json")
    assert response.status_code == 422
    assert response.json()["error"]["message"]


def test_no_verdict_before_the_blind_answer(post, pk):
    reply = verdict(post, pk)
    assert reply.status_code == 409
    assert "Answer blind first" in reply.json()["error"]["message"]


def test_an_approval_leads_to_the_next_question(client, post, pk, reviewer, question):
    following = QuestionFactory(submitted=True)
    blind(post, pk, position_of("correct", revision_of(question), reviewer))
    reply = verdict(post, pk)
    assert reply.status_code == 200
    assert reply.json()["next"] == reverse("review_revision", args=[revision_of(following).pk])
    assert reverse("review_undo", args=[Review.objects.get().pk]) in reply.json()["recent"]
    question.refresh_from_db()
    assert question.state == Question.State.APPROVED
    assert Lease.objects.get().revision_id == revision_of(following).pk


def test_the_last_one_leads_nowhere(post, pk):
    blind(post, pk, "two_fit")
    assert verdict(post, pk, "return", reasons=RETURN).json()["next"] is None


def test_approval_after_a_wrong_answer_is_refused_at_the_comment(post, pk, reviewer, question):
    blind(post, pk, position_of("distractor_1", revision_of(question), reviewer))
    reply = verdict(post, pk)
    assert reply.status_code == 422
    assert set(reply.json()["error"]["fields"]) == {"comment"}
    assert verdict(post, pk, comment=" \x00 ").status_code == 422
    assert verdict(post, pk, comment="I took the lamp for the crate. \ud83d").status_code == 200
    assert Review.objects.get().comment == "I took the lamp for the crate."


def test_a_return_needs_a_reason_and_keeps_the_words_beside_each(post, pk, question):
    blind(post, pk, "none_fits")
    assert set(verdict(post, pk, "return").json()["error"]["fields"]) == {"reasons"}
    reasons = [{"field": "correct", "code": "wrong", "comment": "It is the shelf."}, {"field": "clip", "code": "unusable"}]
    assert verdict(post, pk, "return", reasons=reasons + reasons).status_code == 200
    assert Review.objects.get().reasons == reasons
    assert question.revisions.get().remarks.count() == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"verdict": "reject", "reasons": RETURN}, "verdict"),
        ({"verdict": "maybe", "reasons": RETURN}, "verdict"),
        ({"verdict": None, "reasons": RETURN}, "verdict"),
        ({"verdict": ["approve"], "reasons": RETURN}, "verdict"),
        ({"reasons": "all"}, "reasons"),
        ({"reasons": ["correct"]}, "reasons"),
        ({"reasons": RETURN * 41}, "reasons"),
        ({"reasons": [{"field": {}, "code": "wrong"}]}, "reasons"),
        ({"comment": "x" * 2001}, "comment"),
        ({"comment": 3}, "comment"),
        ({"client_key": "soon"}, "client_key"),
        ({"client_key": None}, "client_key"),
    ],
)
def test_a_bad_verdict_is_refused_at_its_field(post, pk, change, field):
    blind(post, pk, "two_fit")
    reply = (
        verdict(post, pk, **{"verdict": "return", "reasons": RETURN} | change)
        if "verdict" in change
        else verdict(post, pk, "return", **{"reasons": RETURN} | change)
    )
    assert reply.status_code == 422
    assert field in reply.json()["error"]["fields"]
    assert not Review.objects.exists()


def test_rejecting_for_good_is_offered_to_leads_only(client, post, pk, reviewer):
    assert 'data-rule="reject"' not in blind(post, pk, "two_fit").json()["html"]
    reviewer.roles = ["reviewer", "lead"]
    reviewer.save()
    assert 'data-rule="reject"' in blind(post, pk, "two_fit").json()["html"]
    assert verdict(post, pk, "reject", reasons=RETURN).status_code == 200
    assert Question.objects.get().state == Question.State.REJECTED


def test_the_same_verdict_sent_twice_counts_once(post, pk):
    blind(post, pk, "two_fit")
    key = str(uuid.uuid4())
    replies = [verdict(post, pk, "return", reasons=RETURN, client_key=key) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [200, 200]
    assert Review.objects.count() == 1


def test_who_rules_second_is_told_in_words(client, post, pk, question):
    blind(post, pk, "two_fit")
    Lease.objects.all().delete()  # mine ran out, and somebody else took the question
    Question.objects.update(review_slots=1)
    review(UserFactory(), question, ruling())
    reply = verdict(post, pk, "return", reasons=RETURN, comment="Mine.")
    assert reply.status_code == 409
    assert "Somebody else ruled first" in reply.json()["error"]["message"]
    assert Review.objects.count() == 1


def test_ones_own_question_is_refused_in_json_too(client, post, question):
    client.force_login(question.author)
    question.author.roles = ["reviewer"]
    question.author.save()
    reply = blind(post, revision_of(question).pk, 1)
    assert reply.status_code == 403
    assert "You wrote this question" in reply.json()["error"]["message"]


def test_undo_brings_the_second_step_back(client, post, pk):
    blind(post, pk, "two_fit")
    verdict(post, pk, "return", reasons=RETURN)
    reply = post(reverse("review_undo", args=[Review.objects.get().pk]))
    assert reply.json()["next"] == reverse("review_revision", args=[pk])
    assert "No verdicts yet." in reply.json()["recent"]
    assert 'data-step="verdict"' in client.get(reply.json()["next"]).text


def test_the_next_round_shows_what_changed_only_after_the_blind_answer(client, post, reviewer):
    question = QuestionFactory(submitted=True)
    review(
        UserFactory(),
        question,
        ruling("return", reasons=[{"field": "correct", "code": "incomplete"}], comment="Which crate?"),
    )
    new = CONTENT["correct"].replace("The crate", "The red crate")
    Question.objects.filter(pk=question.pk).update(
        state="submitted", revision_number=2, review_slots=1, reviews_given=0, correct=new
    )
    question.refresh_from_db()
    RevisionFactory(question=question, number=2)
    client.force_login(reviewer)
    pk = revision_of(question).pk
    page = client.get(reverse("review_revision", args=[pk])).text
    assert "round 2" in page
    assert "Which crate?" not in page
    html = blind(post, pk, "cannot_tell").json()["html"]
    assert "Since round 1" in html
    assert f"option {position_of('correct', revision_of(question), reviewer)}, the key" in html
    assert "Which crate?" in html
    assert re.findall(r"<ins>.*?</span>(.*?)</ins>", html) in (["red "], [" red"])
