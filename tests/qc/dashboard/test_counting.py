"""Kept counts equal what is really there after every kind of move, also while several people work at once."""

import random
import threading
import time
import uuid
from datetime import timedelta
from types import SimpleNamespace

import pgtrigger
import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from annotator import curating, queue
from annotator.models import Clip, Lease, Question, Revision, WrongState
from annotator.services import Invalid, hand_over, save_draft, submit
from qc import handing_out, leak_verdicts, services, tasks
from qc.dashboard import counting
from qc.dashboard.models import CountMark, CountState, PersonDay, QuestionFacts, QuestionTally
from qc.models import LeakCheck, Review
from studio import jobs
from studio.errors import Conflict
from studio.models import Job
from tests.factories import CONTENT, ClipFactory, QuestionFactory, UserFactory
from tests.qc.conftest import RETURN, review, revision_of, ruling
from tests.qc.dashboard.real import assert_kept_counts_are_true


def all_true(*, limit=counting.BATCH):
    while counting.catch_up(limit):
        pass
    assert not CountMark.objects.exists()
    assert_kept_counts_are_true()


def write(user, clip=None, *, content=None, version=0):
    clip = clip or ClipFactory()
    queue.hold(user, clip.pk)
    return submit(
        user=user, clip=clip, base_version=version, content=CONTENT | (content or {}), client_key=uuid.uuid4()
    ).question


def verdict(revision, state):
    check = LeakCheck.objects.create(revision=revision, rule="rotations", endpoints=["m"])
    leak_verdicts.conclude(check, SimpleNamespace(state=state, reason=""))


@pytest.fixture
def crowd(db):
    names = {"annotator": ["ann", "amy"], "reviewer": ["rea", "roy"], "lead": ["lea"]}
    people = {name: UserFactory(username=name, roles=[role]) for role, all_names in names.items() for name in all_names}
    assert counting.catch_up() == 0  # the first time everything is counted
    return people


def test_every_kind_of_move_is_counted(crowd, settings):
    settings.REVIEWS_NEEDED = 2
    ann, rea, roy, lea = (crowd[name] for name in ("ann", "rea", "roy", "lea"))
    clip = ClipFactory()
    queue.hold(ann, clip.pk)
    question = save_draft(user=ann, clip_id=clip.pk, base_version=0, content=CONTENT | {"category": ""})
    all_true()
    save_draft(user=ann, clip_id=clip.pk, base_version=1, content=CONTENT | {"category": "Friction"})
    all_true()
    question = write(ann, clip, content={"category": "Friction"}, version=2)
    all_true()
    assert QuestionTally.objects.get(n__gt=0).category == "Friction"
    # Returned, written anew under another category, two verdicts that differ, adjudication
    review(rea, question, ruling("return", reasons=RETURN))
    all_true()
    question.refresh_from_db()
    question = write(ann, clip, content={"category": "Gravity"}, version=question.version)
    all_true()
    first = review(rea, question, ruling())
    all_true()
    review(roy, question, ruling("return", reasons=RETURN), answer="distractor_1")
    all_true()
    assert PersonDay.objects.get(person=roy).differ == 1
    services.adjudicate(user=lea, question_id=question.pk, decision="approve", reasons=[], comment="Fine.")
    all_true()
    # The gate: nothing is checked, then leaky, then waived, then clear; the clip set aside and accepted again
    gate = QuestionFacts.objects.filter(pk=question.pk).values_list("leak", "gate").get
    assert gate() == ("unchecked", "leak")
    verdict(revision_of(question), "leaky")
    all_true()
    assert gate() == ("leaky", "leak")
    leak_verdicts.waive(user=lea, revision=revision_of(question), reason="One word only.")
    all_true()
    assert gate() == ("waived", "in")
    verdict(revision_of(question), "clear")
    curating.judge([clip.pk], Clip.Content.UNUSABLE)
    all_true()
    assert gate() == ("clear", "clip")
    curating.judge([clip.pk], Clip.Content.ACCEPTED)
    all_true()
    # Reject, undo; undo an approval; the leak check sends back; hand over; the row itself goes
    other = write(crowd["amy"])
    all_true()
    lead_review = UserFactory(username="lou", roles=["lead", "reviewer"])
    rejected = review(lead_review, other, ruling("reject", reasons=RETURN))
    all_true()
    services.undo(user=lead_review, review_id=rejected.pk)
    all_true()
    Lease.objects.all().delete()
    mine = review(rea, other, ruling())
    review(roy, other, ruling())
    all_true()
    assert PersonDay.objects.get(person=roy).both_approve == 1
    with transaction.atomic():
        services.undo(user=roy, review_id=Review.objects.filter(reviewer=roy).latest("pk").pk)
        services.undo(user=rea, review_id=mine.pk)
    all_true()
    assert PersonDay.objects.get(person=roy).both_approve == 0
    third = write(crowd["amy"])
    LeakCheck.objects.create(revision=revision_of(third), rule="rotations", endpoints=["m"])
    all_true()
    leak_verdicts.fail(LeakCheck.objects.latest("pk"), "No answer.")
    all_true()
    verdict(revision_of(third), "leaky")
    all_true()
    assert Question.objects.get(pk=third.pk).state == "returned"
    hand_over(question=third, to=ann)
    Clip.objects.filter(pk=third.clip_id).update(purpose="training")
    all_true()
    QuestionFactory().delete()
    all_true(limit=1)
    assert first.verdict == "approve" and counting.recount() == 0
    assert_kept_counts_are_true()


def test_active_time_is_what_the_tooltip_says(crowd, django_assert_num_queries):
    """09:00 taken, 09:06 sent: 6 min. 09:10 sent, taken 09:02: 4 min since the one before. A break counts 20 min at most.

    A blind answer after 25 s of clip and 5 s of thinking: 30 s; its verdict a minute later: 60 s.
    """
    ann, rea = crowd["ann"], crowd["rea"]
    nine = timezone.now().replace(hour=9, minute=0, second=0, microsecond=0) - timedelta(days=3)

    def sent(minutes, taken=None):
        question = QuestionFactory(author=ann, submitted=True)
        revision = question.revisions.get()
        stamp(revision, submitted_at=nine + timedelta(minutes=minutes), taken_at=taken and nine + timedelta(minutes=taken))
        return question

    sent(6, 0.001)
    question = sent(10, 2)
    sent(100)  # came back, so nobody took it; the one before was 90 minutes ago
    verdict_ = review(rea, question, ruling())
    stamp(verdict_.blind_answer, answered_at=nine, watched_s=25, seconds=5)
    stamp(verdict_, ruled_at=nine + timedelta(minutes=1))
    all_true()
    assert PersonDay.objects.get(person=ann).write_s == 360 + 240 + 1200
    assert PersonDay.objects.get(person=rea).review_s == 30 + 60


def test_days_are_days_of_the_studios_time_zone_also_once_it_changes(crowd, settings):
    late = timezone.now().replace(hour=23, minute=55, second=0, microsecond=0) - timedelta(days=2)  # 07:55 there
    revision = QuestionFactory(author=crowd["ann"], submitted=True).revisions.get()
    stamp(revision, submitted_at=late)
    all_true()
    assert PersonDay.objects.get().day == late.date()
    settings.TIME_ZONE = "Asia/Shanghai"
    all_true()
    assert PersonDay.objects.get().day == late.date() + timedelta(days=1) and CountState.objects.get().drift == 0


def stamp(row, **values):
    """Change what nobody can change, as a demo does that tells of the past."""
    with pgtrigger.ignore():
        type(row).objects.filter(pk=row.pk).update(**values)


def test_a_recount_finds_and_mends_what_somebody_did_past_the_triggers(crowd):
    question = write(crowd["ann"])
    all_true()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE annotator_question SET state = 'rejected' WHERE id = %s", [question.pk])
        cursor.execute("DELETE FROM annotator_revision")
        cursor.execute("SET session_replication_role = origin")
    assert counting.catch_up() == 0
    # The facts of one question, two rows of the tally, the day of its author
    assert counting.recount() == 4
    assert CountState.objects.get().drift == 4
    assert_kept_counts_are_true()
    assert counting.recount() == 0


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_people_at_work_do_not_wait_for_each_other(self):
        """One has submitted and not committed; somebody else's whole submission and a count go through meanwhile."""
        one, other = UserFactory(), UserFactory()
        clips = ClipFactory.create_batch(2)
        counting.recount()
        with transaction.atomic():
            write(one, clips[0])
            assert in_threads([lambda: hurried(lambda: write(other, clips[1]))]) == []
            assert in_threads([lambda: hurried(counting.catch_up)]) == []
            assert QuestionTally.objects.get().n == 1  # what is not committed is not counted
        all_true()
        assert QuestionTally.objects.get().n == 2

    def test_two_counters_and_four_workers_end_with_true_counts(self):
        writers = [UserFactory() for _ in range(2)]
        reviewers = [UserFactory(roles=["reviewer", "lead"]) for _ in range(2)]
        ClipFactory.create_batch(16)
        counting.recount()
        done, drifts, left = threading.Event(), [], [2]

        def writing(user, seed):
            rng = random.Random(seed)
            for _ in range(8):
                clip, _question = queue.next_work(user)
                if clip:
                    write(user, clip, content={"category": rng.choice(["Gravity", "Friction", "Color"])})
            left[0] -= 1

        def reviewing(user, seed):
            rng = random.Random(seed)
            while True:
                last = not left[0]
                pk = handing_out.next_review(user)
                if pk is None and last:
                    return
                if pk is None:
                    time.sleep(0.02)
                    continue
                with quietly():
                    question = Revision.objects.get(pk=pk).question
                    given = review(user, question, ruling(rng.choice(["approve", "reject"]), reasons=RETURN))
                    if rng.random() < 0.3:
                        services.undo(user=user, review_id=given.pk)

        def counter():
            while not done.is_set():
                counting.catch_up(5)

        def recounter():
            while not done.wait(0.1):
                drifts.append(counting.recount())

        def work():
            failures = in_threads(
                [lambda user=user, n=n: writing(user, n) for n, user in enumerate(writers)]
                + [lambda user=user, n=n: reviewing(user, n) for n, user in enumerate(reviewers)]
            )
            done.set()
            assert failures == []

        failures = in_threads([work, counter, counter, recounter])
        assert failures == []
        assert set(drifts) == {0}
        all_true()
        # A clip whose question was rejected went to another writer, so there may be more questions than clips.
        assert Question.objects.count() >= 14 and not Question.objects.filter(state__in=["draft", "submitted"]).exists()

    def test_a_recount_gives_up_in_words_while_somebody_else_counts(self, monkeypatch):
        monkeypatch.setattr(counting, "_TRIES", 2)
        monkeypatch.setattr(counting, "_PAUSE_S", 0.01)
        counting.recount()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [counting._LOCK])
            (failure,) = in_threads([counting.recount])
            assert isinstance(failure, Conflict) and "Try again" in str(failure)
            QuestionFactory()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [counting._LOCK])
            left = []
            assert in_threads([lambda: left.append(counting.catch_up())]) == []
            assert left == [1]


class quietly:
    """Somebody else was first: that is what this test is about."""

    def __enter__(self):
        return self

    def __exit__(self, kind, _error, _traceback):
        return kind is not None and issubclass(kind, WrongState | Invalid)


def hurried(work):
    """Fails when it has to wait for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '3s'")
    work()


def in_threads(works):
    """Do all at once; returns the exceptions."""
    failures = []

    def run(work):
        try:
            work()
        except BaseException as failure:
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return failures


@pytest.mark.django_db(transaction=True)
def test_a_worker_counts_by_itself_and_the_command_tells(capsys):
    counting.recount()
    QuestionFactory(submitted=True)
    tasks.count_marks()
    assert QuestionTally.objects.get().n == 1 and not CountMark.objects.exists()
    tasks.recount_by_night()
    assert jobs.run(Job.objects.get(kind=tasks.RECOUNT).pk) == "done"
    assert Job.objects.get(kind=tasks.RECOUNT).result == {"drift": 0}
    call_command("recount_quality")
    assert "1 questions" in capsys.readouterr().out
