"""Gold items: only what all approved, handed out now and then, told apart by nobody, and harmless to their question."""

import re
from functools import partial

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from annotator import queue
from annotator.models import Lease, Question
from qc import accuracy, gold, handing_out, services
from qc.items import item_of
from qc.models import BlindAnswer, GoldItem, ItemStats, Review
from tests.factories import QuestionFactory, RevisionFactory, UserFactory
from tests.qc.conftest import RETURN, position_of, review, revision_of, ruling
from tests.qc.test_review_races import at_once

pytestmark = pytest.mark.django_db


def reviewer(**fields):
    return UserFactory(roles=["reviewer"], **fields)


@pytest.fixture
def always(settings):
    settings.GOLD_RATE = 1.0


@pytest.fixture
def item(lead):
    """A gold item: one reviewer answered it right and approved it."""
    question = QuestionFactory(submitted=True)
    review(reviewer(), question, ruling())
    return gold.promote(user=lead, question=question)


def elements(html):
    """The elements of a page, whatever is written in them and in which order the options stand."""
    return sorted(re.findall(r"<[a-z]+ ?(?:class=.[a-z -]+.)?", html))


def waiting():
    return QuestionFactory(submitted=True)


def test_it_takes_the_place_of_waiting_work_and_of_nothing_else(item, always):
    person = reviewer()
    assert handing_out.next_review(person) is None  # nothing waits, so nobody is kept busy with gold
    question = waiting()
    assert handing_out.waiting_for(person, at_most=9) == 1
    assert handing_out.next_review(person) == item.revision_id
    assert handing_out.waiting_for(person, at_most=9) == 1
    assert handing_out.reserve_next_review(person, current=item.revision_id) == revision_of(question).pk


@pytest.mark.parametrize("rate", [0.0, 0.05])
def test_the_rate_is_that_of_the_settings(settings, rate, monkeypatch):
    settings.GOLD_RATE = rate
    person = reviewer()
    monkeypatch.setattr(gold.random, "random", iter([n / 1000 for n in range(1000)]).__next__)
    assert sum(gold.due(person) for _ in range(1000)) == round(1000 * rate)


def test_never_to_its_author_a_lead_or_somebody_who_knows_it(item, always):
    waiting()
    author, first = item.revision.author, item.revision.reviews.get().reviewer
    UserFactory._meta.model.objects.filter(pk=author.pk).update(roles=["annotator", "reviewer"])
    for person in (author, first, UserFactory(roles=["lead", "reviewer"])):
        assert handing_out.next_review(person) != item.revision_id


def test_nobody_meets_it_twice(item, always):
    person = reviewer()
    for _ in range(3):
        waiting()
    assert handing_out.next_review(person) == item.revision_id
    review(person, item.revision.question, ruling())
    assert handing_out.next_review(person) != item.revision_id
    with pytest.raises(IntegrityError), transaction.atomic():
        BlindAnswer.objects.create(revision=item.revision, reviewer=person, answer="correct", watched_s=9, gold=item)


def test_a_real_and_a_gold_review_are_alike_to_the_reviewer(client, item, always, post):
    """The same steps at the same addresses, the same kinds of answer, in the list of verdicts, and undone alike."""
    person, question = reviewer(), waiting()
    client.force_login(person)
    seen = {}
    for name, revision in (("gold", item.revision), ("real", revision_of(question))):
        if name == "gold":
            assert post("/review/next/").json() == {"next": f"/review/{revision.pk}/"}
        page = client.get(f"/review/{revision.pk}/")
        options = post(f"/review/{revision.pk}/options/", watched_s=10)
        position = position_of("correct", revision, person)
        blind = post(f"/review/{revision.pk}/blind/", answer=str(position), watched_s=10, seconds=3)
        key = "6f6ad57c-0000-4000-8000-00000000000" + str(len(name) + revision.pk % 2)
        verdict = post(f"/review/{revision.pk}/verdict/", verdict="approve", reasons=[], comment="", client_key=key)
        again = post(f"/review/{revision.pk}/verdict/", verdict="approve", reasons=[], comment="", client_key=key)
        listed = client.get("/api/v1/reviews/").json()["results"][0]
        undone = post(f"/review/undo/{listed['id']}/")
        back = client.get(f"/review/{revision.pk}/")
        assert "gold" not in (page.text + blind.text + verdict.text + back.text).lower()
        seen[name] = (
            [answer.status_code for answer in (page, options, blind, verdict, again, undone, back)],
            [sorted(answer.json()) for answer in (options, blind, verdict, undone)],
            sorted(listed), listed["question_state"], undone.json()["next"] == f"/review/{revision.pk}/",
            elements(page.text), elements(blind.json()["html"]),
        )  # fmt: skip
        queue.release(person, revision_id=revision.pk)
    assert seen["gold"] == seen["real"]
    assert seen["gold"][0] == [200] * 7


def test_whatever_is_said_about_it_changes_nothing(item, always):
    question, person = item.revision.question, reviewer()
    before = Question.objects.filter(pk=question.pk).values().get()
    waiting()
    handing_out.next_review(person)
    given = review(person, question, ruling("return", reasons=RETURN), answer="two_fit")
    assert given.gold == item and given.told_state == "returned"
    assert Question.objects.filter(pk=question.pk).values().get() == before
    assert not Review.objects.filter(pk=given.pk).exists() and item.revision.reviews.count() == 1
    assert item.revision.remarks.count() == 0
    assert item_of(question).answers == 2 and item_of(question, without_gold=True).answers == 1
    services.undo(user=person, review_id=given.pk)
    assert Question.objects.filter(pk=question.pk).values().get() == before
    assert Lease.objects.get().revision == item.revision


def test_a_lease_that_ran_out_is_taken_again_after_the_answer(item, always):
    person = reviewer()
    waiting()
    handing_out.next_review(person)
    services.answer_blind(user=person, revision=item.revision, answer="correct", watched_s=10, seconds=1)
    Lease.objects.all().delete()
    handing_out.hold(person, item.revision)
    assert services.rule(user=person, revision=item.revision, ruling=ruling()).gold == item


def test_only_what_everybody_answered_right_and_approved(lead):
    approved = QuestionFactory(submitted=True)
    review(reviewer(), approved, ruling(comment="All the same."), answer="two_fit")
    split = QuestionFactory(submitted=True, review_slots=2, revision__approvals_needed=2)
    review(reviewer(), split, ruling())
    review(reviewer(), split, ruling("return", reasons=RETURN))
    services.adjudicate(user=lead, question_id=split.pk, decision="approve", reasons=[], comment="Yes.")
    imported = QuestionFactory(approved=True)
    for question in (approved, split, imported, waiting()):
        with pytest.raises(gold.WrongState):
            gold.promote(user=lead, question=question)
        with pytest.raises(IntegrityError, match="everybody answered right"), transaction.atomic():
            GoldItem.objects.create(revision=revision_of(question), promoted_by=lead)


def test_retired_it_is_shown_to_nobody_and_its_review_cannot_be_undone(client, item, always, lead):
    client.force_login(lead)
    question = item.revision.question
    page = client.get(question.get_absolute_url()).text
    assert "Gold item" in page and "Retire the gold item" in page
    with pytest.raises(gold.WrongState, match="no longer be undone"):
        first = item.revision.reviews.get()
        services.undo(user=first.reviewer, review_id=first.pk)
    assert client.delete(f"/api/v1/questions/{question.pk}/gold/").status_code == 204
    assert client.delete(f"/api/v1/questions/{question.pk}/gold/").status_code == 409
    waiting()
    assert handing_out.next_review(reviewer()) != item.revision_id
    assert client.post(reverse("gold_promote", args=[question.pk])).status_code == 302
    assert GoldItem.objects.filter(retired_at=None).count() == 1
    assert client.get(reverse("gold_items")).text.count("<tr>") == 2
    assert "Retired" in client.get(reverse("gold_items") + "?show=retired").text


def test_a_question_that_left_approval_is_shown_to_nobody(item, always):
    waiting()
    Question.objects.filter(pk=item.revision.question_id).update(state="returned")
    assert handing_out.next_review(reviewer()) != item.revision_id


def test_accuracy_counts_gold_alone(client, item, always, lead):
    person = reviewer(username="gil")
    for _ in range(2):
        waiting()
    handing_out.next_review(person)
    review(person, item.revision.question, ruling("return", reasons=RETURN), answer="distractor_1")
    review(person, Question.objects.filter(state="submitted").first(), ruling())
    row = next(row for row in accuracy.by_person(30) if row["person"] == person)
    assert (row["answers"], row["right"], row["verdicts"], row["approved"]) == (1, 0, 1, 0)
    assert (row["low"], row["high"]) == pytest.approx((0.0, 0.793449), abs=1e-5)  # Wilson of 0 of 1, by hand: z²/(1+z²)
    assert [(week["answers"], week["right"]) for week in accuracy.by_week(person)] == [(1, 0)]
    client.force_login(lead)
    assert "0 / 1" in client.get(reverse("calibration")).text
    assert "distractor 1" in client.get(reverse("calibration_person", args=[person.pk])).text
    found = client.get("/api/v1/reviewers/accuracy/?days=30").json()
    assert next(row for row in found if row["person"]["username"] == "gil")["answers"] == 1


@pytest.mark.django_db(transaction=True)
def test_many_reviewers_at_once_share_one_gold_item(lead, always):
    question = QuestionFactory(submitted=True)
    review(reviewer(), question, ruling())
    item = gold.promote(user=lead, question=question)
    QuestionFactory.create_batch(12, submitted=True)
    people = UserFactory.create_batch(10, roles=["reviewer"])
    given = at_once(*[partial(handing_out.next_review, person) for person in people])
    assert not [one for one in given if not isinstance(one, int)], given
    real = [one for one in given if one != item.revision_id]
    assert len(real) == len(set(real)) and len(real) < 10
    slots = list(Lease.objects.filter(revision=item.revision).values_list("slot", flat=True))
    assert len(slots) == len(set(slots)) == given.count(item.revision_id)
    # One person in several tabs holds it once, whatever else each tab gets.
    tabs = UserFactory(roles=["reviewer"])
    at_once(*[partial(gold.take, tabs) for _ in range(5)])
    assert Lease.objects.filter(user=tabs, revision=item.revision).count() == 1
    connection.close()


# ---- What blind answers say about a question


def answered(question, answers):
    """Give a question these blind answers of as many people, as if all had met it."""
    revision = revision_of(question)
    for answer in answers:
        BlindAnswer.objects.create(revision=revision, reviewer=reviewer(), answer=answer, watched_s=9)


def test_alarms_by_hand(client, lead):
    from qc.items import recount

    question = QuestionFactory(submitted=True, review_slots=2)
    answered(question, ["correct"] * 15 + ["distractor_1"] * 2 + ["distractor_2"] * 2 + ["two_fit"])
    recount(question.pk)
    stats = ItemStats.objects.get()
    assert (stats.answers, stats.correct, stats.distractor_1, stats.two_fit) == (20, 15, 2, 1)
    assert stats.key_suspect and stats.dead_distractor and not stats.two_fit_alarm  # distractor 3: 0 of 20
    assert item_of(question).suspects == ["distractor_1", "distractor_2"] and item_of(question).dead == ["distractor_3"]
    other = QuestionFactory(submitted=True)
    answered(other, ["correct", "two_fit", "correct", "correct"])
    recount(other.pk)
    client.force_login(lead)
    flagged = {name: client.get("/questions/", {"flag": name}).text for name in ("key_suspect", "two_fit_alarm")}
    for name, shown, hidden in (("key_suspect", question, other), ("two_fit_alarm", other, question)):
        assert f"/questions/{shown.pk}/" in flagged[name] and f"/questions/{hidden.pk}/" not in flagged[name]
    page = client.get(question.get_absolute_url()).text
    assert "15 of 20 people chose the key" in page and "53 % and 89 %" in page and "Key suspect" in page
    found = client.get(f"/api/v1/questions/{question.pk}/answers/").json()
    assert found["suspects"] == ["distractor_1", "distractor_2"] and found["share"] == 0.75


def test_a_new_wording_starts_anew_and_old_hands_do_not_count():
    question, old = QuestionFactory(submitted=True), reviewer()
    review(old, question, ruling("return", reasons=RETURN), answer="two_fit")
    again = {"state": "submitted", "revision_number": 2, "review_slots": 1, "reviews_given": 0}
    Question.objects.filter(pk=question.pk).update(**again, distractor_2="The crate hums.")
    question.refresh_from_db()
    RevisionFactory(question=question, number=2, approvals_needed=2)
    assert item_of(question).answers == 0
    review(old, question, ruling())
    assert item_of(question).answers == 0
    review(reviewer(), question, ruling())
    assert item_of(question).counts["correct"] == ItemStats.objects.get().correct == 1


def test_the_author_learns_alarms_only_when_the_round_is_settled(client):
    question = QuestionFactory(submitted=True, review_slots=2, revision__approvals_needed=2)
    answered(question, ["distractor_1", "distractor_1"])
    client.force_login(question.author)
    assert "Key suspect" not in client.get(question.get_absolute_url()).text
    Question.objects.filter(pk=question.pk).update(state="returned")
    page = client.get(question.get_absolute_url()).text
    assert "Key suspect" in page and "gold item" not in page.lower()


def test_a_lead_who_reviews_sees_no_counts_before_answering(client):
    both, question = UserFactory(roles=["lead", "reviewer"]), QuestionFactory(submitted=True, review_slots=3)
    answered(question, ["distractor_1", "distractor_1"])
    client.force_login(both)
    assert "Key suspect" not in client.get(question.get_absolute_url()).text
    assert client.get(f"/api/v1/questions/{question.pk}/answers/").status_code == 404


def test_gold_items_are_work_but_say_nothing_about_questions(settings, lead):
    from qc import gold, handing_out
    from qc.dashboard import counting
    from qc.dashboard.models import PersonDay
    from tests.qc.conftest import RETURN, review, ruling

    settings.GOLD_RATE = 1.0
    question = QuestionFactory(submitted=True)
    review(UserFactory(roles=["reviewer"]), question, ruling())
    gold.promote(user=lead, question=question)
    QuestionFactory(submitted=True)
    person = UserFactory(roles=["reviewer"])
    handing_out.next_review(person)
    review(person, question, ruling("return", reasons=RETURN), answer="distractor_1")
    counting.recount()
    day = PersonDay.objects.get(person=person)
    assert (day.reviews, day.blind, day.both_approve, day.differ) == (1, 0, 0, 0)
