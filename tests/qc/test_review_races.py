"""Two people, or two tabs, at one question in the same moment: one wins, the other is told, nothing is lost."""

import threading
import time
import uuid
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotator import queue
from annotator.models import Lease, Question
from qc import handing_out, services
from qc.models import Review
from tests.factories import QuestionFactory, UserFactory
from tests.qc.conftest import RETURN, review, revision_of, ruling

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls):
    """Run the calls in threads that start together, each on its own connection; returns what each returned or raised."""
    barrier, results = threading.Barrier(len(calls)), [None] * len(calls)

    def run(index, call):
        try:
            barrier.wait(10)
            results[index] = call()
        except Exception as error:
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def signed_in(person):
    client = Client(headers={"Accept": "application/json"})
    client.force_login(person)
    return client


@pytest.mark.parametrize("attempt", range(5))
def test_of_two_reviewers_ruling_at_once_one_wins_and_the_other_is_told(attempt):
    question = QuestionFactory(submitted=True)
    revision = revision_of(question)
    path = reverse("review_verdict", args=[revision.pk])
    calls = []
    for person in UserFactory.create_batch(2, roles=["reviewer"]):
        # The first one's lease ran out, so both have the page open.
        Lease.objects.all().delete()
        Question.objects.update(review_slots=1)
        services.answer_blind(user=person, revision=revision, answer="two_fit", watched_s=10, seconds=1)
        body = {"verdict": "return", "reasons": RETURN, "comment": "Mine.", "client_key": str(uuid.uuid4())}
        calls.append(partial(signed_in(person).post, path, body, content_type="application/json"))
    replies = at_once(*calls)
    assert sorted(reply.status_code for reply in replies) == [200, 409]
    loser = next(reply for reply in replies if reply.status_code == 409)
    assert "Somebody else ruled first" in loser.json()["error"]["message"]
    assert Review.objects.count() == 1
    assert revision.remarks.count() == 1
    assert not Lease.objects.exists()


def test_a_double_click_counts_once():
    question = QuestionFactory(submitted=True)
    reviewer = UserFactory(roles=["reviewer"])
    revision = revision_of(question)
    services.answer_blind(user=reviewer, revision=revision, answer="correct", watched_s=10, seconds=1)
    body = {"verdict": "approve", "client_key": str(uuid.uuid4())}
    path = reverse("review_verdict", args=[revision.pk])
    calls = [partial(signed_in(reviewer).post, path, body, content_type="application/json") for _ in range(4)]
    assert [reply.status_code for reply in at_once(*calls)] == [200] * 4
    assert Review.objects.count() == 1


def test_two_tabs_of_one_person_opening_the_same_question_both_get_it():
    question = QuestionFactory(submitted=True)
    reviewer = UserFactory(roles=["reviewer"])
    path = reverse("review_revision", args=[revision_of(question).pk])
    calls = [partial(signed_in(reviewer).get, path) for _ in range(4)]
    assert [reply.status_code for reply in at_once(*calls)] == [200] * 4
    assert Lease.objects.count() == 1


def test_an_undo_pressed_twice_counts_once():
    question = QuestionFactory(submitted=True)
    reviewer = UserFactory(roles=["reviewer"])
    given = review(reviewer, question, ruling())
    path = reverse("review_undo", args=[given.pk])
    replies = at_once(*[partial(signed_in(reviewer).post, path) for _ in range(2)])
    assert sorted(reply.status_code for reply in replies) == [200, 409]
    question.refresh_from_db()
    assert (question.state, question.reviews_given, question.review_slots) == ("submitted", 0, 0)
    assert Lease.objects.count() == 1


def test_sixteen_reviewers_asking_at_once_get_sixteen_questions():
    QuestionFactory.create_batch(20, submitted=True)
    people = UserFactory.create_batch(16, roles=["reviewer"])
    given = at_once(*[partial(handing_out.next_review, person) for person in people])
    assert len(set(given)) == 16
    assert None not in given
    assert set(Lease.objects.values_list("slot", flat=True)) == {1}


def test_two_leads_deciding_at_once_decide_once():
    question = QuestionFactory(submitted=True, review_slots=2, revision__approvals_needed=2)
    first, second = UserFactory.create_batch(2, roles=["reviewer"])
    review(first, question, ruling())
    review(second, question, ruling("return", reasons=RETURN))
    path = reverse("adjudicate", args=[question.pk])
    calls = [
        partial(signed_in(person).post, path, {"decision": decision, "comment": "So."})
        for person, decision in zip(UserFactory.create_batch(2, roles=["lead"]), ("approve", "return"), strict=True)
    ]
    assert sorted(reply.status_code for reply in at_once(*calls)) == [302, 409]


def test_a_verdict_and_the_end_of_an_old_lease_do_not_wait_for_each_other():
    question = QuestionFactory(submitted=True)
    reviewer = UserFactory(roles=["reviewer"])
    services.answer_blind(user=reviewer, revision=revision_of(question), answer="correct", watched_s=10, seconds=1)
    Lease.objects.update(expires_at=timezone.now() - timedelta(minutes=1))

    def free():
        with transaction.atomic():
            list(Lease.objects.select_for_update())  # as queue.free_expired_leases begins
            held.set()
            time.sleep(0.5)
            return queue.free_expired_leases()

    def rule():
        held.wait(10)
        return services.rule(user=reviewer, revision=revision_of(question), ruling=ruling())

    held = threading.Event()
    freed, given = at_once(free, rule)
    assert (freed, given.verdict) == (1, "approve")
    question.refresh_from_db()
    assert (question.state, question.review_slots, Lease.objects.count()) == ("approved", 0, 0)


def test_two_leases_put_back_at_once_free_two_places():
    question = QuestionFactory(submitted=True, review_slots=2, revision__approvals_needed=2)
    people = UserFactory.create_batch(2, roles=["reviewer"])
    for _ in range(5):
        assert {handing_out.next_review(person) for person in people} == {revision_of(question).pk}
        assert (
            at_once(*[partial(queue.release, person, revision_id=revision_of(question).pk) for person in people])
            == [True] * 2
        )
        question.refresh_from_db()
        assert question.review_slots == 2
