"""The demo: its stories told by the real services, its times in the past, and everything else left alone."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from annotator.models import Clip, Lease, PracticeAttempt, Question, Revision
from annotator.panels import ON_SUBMISSION
from annotator.taxonomy import CATEGORIES
from qc.agreement import report
from qc.baseline.models import BaselineRun
from qc.demo import TRAINING_CLIPS, checks, people, rule_server, texts
from qc.demo.clips import Counts, Part, _purpose
from qc.demo.stories import PLAIN, Teller, no_checks, told_of
from qc.demo.times import Clock
from qc.models import Adjudication, AgreementReport, BlindAnswer, GoldItem, LeakCheck, LeakWaiver, Review
from studio.models import Job, User
from tests.factories import ClipFactory, UserFactory, clip_truth, known_clip

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _quick_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # nobody signs in here


def parts_of_a_demo():
    """All parts of a demo of 24 clips, and those for training, with hand-made truths, ingested as far as anybody can see."""
    parts = []
    for number in range(14):
        truth = clip_truth(clip_id=f"gw1-meadow-{number}", first_frame=40 + number)
        parts.append(Part("plain", number, _clip(truth, "plain", number), True, truth))
    for number in range(4):
        one, two = f"gw1-city-{number}", f"gw1-city-{number}-twin"
        pair, twin = clip_truth(clip_id=one, twin=two), clip_truth(clip_id=two, twin=one, glitch=False)
        parts.append(Part("pair", number, _clip(pair, "pair", number), True, pair))
        parts.append(Part("twin", number, _clip(twin, "twin", number), True, twin))
    for number in range(TRAINING_CLIPS):
        truth = clip_truth(clip_id=f"gw1-harbour-{number}", glitch=number < TRAINING_CLIPS - 1)
        parts.append(Part("training", number, _clip(truth, "training", number), True, truth))
    parts.append(Part("not_gameplay", 0, ClipFactory(source="demo"), True))
    parts.append(Part("only_sound", 0, ClipFactory(source="demo", state="failed", proxy="", open_slots=0), True))
    return parts


def _clip(truth, sort, number):
    purpose = _purpose(sort, number)
    return known_clip(truth=truth, source="demo", purpose=purpose, open_slots=int(purpose == "benchmark"))


def tell(parts, *, seed=0):
    """Tell all stories as the command does; returns the clock they were told by."""
    with transaction.atomic():
        people.invite(people.missing())
        clock = Clock()
        teller = Teller(people=people.cast(), clock=clock, seed=seed)
        for part in parts:
            teller.tell(part)
        teller.promote(parts)
    return clock


def test_every_state_is_there():
    parts = parts_of_a_demo()
    tell(parts)
    assert len(parts) == 24 + TRAINING_CLIPS
    states = [question.state for question in Question.objects.all()]
    assert set(states) == set(Question.State.values)
    assert sorted(states) == sorted(
        ["approved"] * 4 + ["submitted"] * 2 + ["returned"] * 2 + ["draft"] * 2 + ["disputed", "rejected"]
    )
    assert set(Clip.objects.values_list("content", flat=True)) == set(Clip.Content.values) - {"gives_away"}
    assert set(Clip.objects.values_list("purpose", flat=True)) == set(Clip.Purpose.values)
    returned = Question.objects.filter(state="returned")
    assert all(q.revisions.get().remarks.exclude(comment="").exists() for q in returned)
    assert Question.objects.filter(state="approved", revision_number=2).count() == 1
    assert set(Adjudication.objects.values_list("decision", flat=True)) == {"approve", "reject"}
    assert Lease.objects.get().user.username == "annotator"  # one draft is in hand, the other was put back
    assert set(PracticeAttempt.objects.values_list("way", flat=True)) == {"write", "answer"}
    assert len(set(Question.objects.values_list("author", flat=True))) == 3


def test_the_roles_are_all_held():
    people.invite(people.missing())
    assert {role for person in User.objects.all() for role in person.roles} == {"annotator", "reviewer", "lead", "admin"}
    assert people.missing() == [] and not people.strangers().exists()


def stamps():
    """[(what, moment), ...] of all that was told about questions."""
    found = []
    for model, names in (
        (Question, ("created_at", "saved_at", "submitted_at", "settled_at")),
        (Revision, ("submitted_at",)),
        (BlindAnswer, ("answered_at",)),
        (Review, ("ruled_at",)),
        (GoldItem, ("promoted_at",)),
        (Adjudication, ("decided_at",)),
        (PracticeAttempt, ("at",)),
        (apps.get_model("annotator.ClipNote"), ("at",)),
        (apps.get_model("annotator.Remark"), ("at",)),
        (apps.get_model("annotator.QuestionEvent"), ("pgh_created_at",)),
        (apps.get_model("qc.ReviewEvent"), ("pgh_created_at",)),
        (apps.get_model("annotator.ClipEvent"), ("pgh_created_at",)),
    ):
        for row in model._base_manager.all():
            found += [(f"{model.__name__} {row.pk} {name}", getattr(row, name)) for name in names if getattr(row, name)]
    return found


def test_the_times_lie_within_the_last_two_weeks_and_follow_each_other():
    parts = parts_of_a_demo()
    clock = tell(parts)
    late = [what for what, at in stamps() if not clock.now - timedelta(days=15) < at <= clock.now - timedelta(minutes=7)]
    assert late == []
    days = {at.date() for _what, at in stamps()}
    assert len(days) >= 10
    for question in Question.objects.select_related("clip"):
        assert question.clip.created_at < question.created_at
        events = list(question.events.order_by("pgh_id").values_list("pgh_created_at", flat=True))
        assert events == sorted(events)
        if question.settled_at:
            assert events[-1] == question.settled_at
        for revision in question.revisions.all():
            ruled = [revision.submitted_at, *revision.reviews.order_by("pk").values_list("ruled_at", flat=True)]
            assert ruled == sorted(ruled)


def test_the_history_says_who_did_what():
    tell(parts_of_a_demo())
    for question in Question.objects.exclude(state="draft"):
        first = question.events.order_by("pgh_id").first()
        assert first.pgh_context["user"] == question.author_id
    for review in Review.with_gold.all():
        assert review.events.get().pgh_context["user"] == review.reviewer_id


def test_afterwards_history_and_reviews_are_as_unchangeable_as_ever():
    tell(parts_of_a_demo())
    for table, column in (
        ("annotator_questionevent", "pgh_created_at"),
        ("annotator_revision", "submitted_at"),
        ("qc_review", "ruled_at"),
    ):
        with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET {column} = now()")  # noqa: S608


def test_rows_of_others_keep_their_times():
    other = known_clip(truth=clip_truth(clip_id="other"))
    before = Clip.objects.get(pk=other.pk).created_at, other.events.get().pgh_created_at
    tell(parts_of_a_demo())
    assert (Clip.objects.get(pk=other.pk).created_at, other.events.get().pgh_created_at) == before


def _wordings():
    return list(
        Question.objects.order_by("clip__source_id").values_list("clip__source_id", "stem", "correct", "spans", "state")
    )


def test_the_same_seed_tells_the_same_and_another_does_not():
    parts, told = parts_of_a_demo(), {}
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        mark = transaction.savepoint()
        clock = tell(parts, seed=seed)
        told[name] = _wordings(), sorted(round((clock.now - at).total_seconds()) for _w, at in stamps() if "Review " in _w)
        transaction.savepoint_rollback(mark)
    assert told["one"] == told["again"]
    assert told["one"][0] != told["other"][0]


def test_someone_quicker_than_the_story_keeps_the_clip():
    """The command catches this refusal and leaves the clip as it is."""
    from annotator import queue
    from annotator.models import WrongState

    truth = clip_truth()
    part = Part("plain", 0, _clip(truth, "plain", 0), True, truth)
    queue.hold(UserFactory(), part.clip.pk)
    with pytest.raises(WrongState), transaction.atomic():
        tell([part])
    assert not Question.objects.exists()


@pytest.mark.parametrize(("clips", "counts"), [(0, (0, 0, 0)), (1, (1, 0, 0)), (12, (6, 2, 2)), (24, (14, 4, 2))])
def test_the_sorts_add_up(clips, counts):
    made = Counts.of(clips)
    assert (made.plain, made.pairs, made.odd) == counts and made.plain + 2 * made.pairs + made.odd == clips


def test_submissions_of_the_demo_start_no_checks():
    asked = []
    ON_SUBMISSION.append(asked.append)
    try:
        before = ON_SUBMISSION[:]
        with no_checks():
            tell(parts_of_a_demo()[:2])
        assert asked == [] and ON_SUBMISSION == before
    finally:
        ON_SUBMISSION.remove(asked.append)


def test_each_part_has_a_story():
    assert {told_of(Part("plain", n, None, True)).name for n in range(40)} == {story.name for story in PLAIN}


def test_without_clips_only_people_come(capsys):
    call_command("seed_demo", clips=0)
    assert User.objects.count() == len(people.FIGURES) and not Clip.objects.exists()
    assert all(person.date_joined < timezone.now() - timedelta(days=14) for person in User.objects.all())
    assert all(
        event.pgh_created_at < timezone.now() - timedelta(days=14) for p in User.objects.all() for event in p.events.all()
    )
    call_command("seed_demo", clips=0)
    assert User.objects.count() == len(people.FIGURES)


@pytest.mark.parametrize("what", ["somebody", "a clip", "a namesake"])
def test_other_data_is_left_alone(what):
    if what == "a clip":
        ClipFactory()
    else:
        UserFactory(username="lead" if what == "a namesake" else "maria", email="maria@example.com")
    before = list(User.objects.values())
    with pytest.raises(CommandError, match="not of the demo|somebody else called lead"):
        call_command("seed_demo", clips=0)
    assert list(User.objects.values()) == before
    if what == "a namesake":
        with pytest.raises(CommandError, match="somebody else called lead"):
            call_command("seed_demo", clips=0, into_existing=True)
    else:
        call_command("seed_demo", clips=0, into_existing=True)
        assert people.missing() == []


def test_numbers_that_make_no_sense():
    for wrong in ({"clips": -1}, {"seed": -1}):
        with pytest.raises(CommandError, match="0 or more"):
            call_command("seed_demo", **wrong)


def everything():
    """All rows of all tables of the Studio as text."""
    found = {}
    for label in ("studio", "annotator", "qc"):
        for model in apps.get_app_config(label).get_models(include_auto_created=True):
            found[model.__name__] = sorted(str(row) for row in model._default_manager.values())
    return found


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_whole_command_and_once_more(capsys, settings):
    call_command("seed_demo", clips=10, seed=3)
    clips = Clip.objects.filter(source="demo")
    assert clips.count() == 10 + TRAINING_CLIPS and clips.filter(truth__isnull=False).count() == 8 + TRAINING_CLIPS
    training = clips.filter(purpose="training", content="accepted").order_by("pk")
    assert [bool(clip.truth.category) for clip in training] == [True] * (TRAINING_CLIPS - 1) + [False]
    failed = clips.get(state="failed")
    assert "only sound" in failed.failure and Job.objects.get(key=f"ingest-{failed.pk}").state == "failed"
    ready = clips.filter(state="ready").exclude(truth=None)
    assert {(c.frame_count, c.fps, c.width, c.height) for c in ready} == {(150, 30, 640, 360)}
    assert set(ready.values_list("truth__row__frames", flat=True)) == {150}
    states = list(Question.objects.order_by("clip").values_list("state", flat=True))
    assert {"approved", "submitted", "returned", "disputed", "draft"} <= set(states)
    assert set(clips.values_list("expected_category", flat=True)) - {""} <= set(CATEGORIES)
    before = everything()
    UserFactory(username="own", email="own@example.com")  # what came later is no reason to refuse where nothing is to do
    call_command("seed_demo", clips=10, seed=3)
    User.objects.filter(username="own").delete()
    after = everything()
    after["UserEvent"] = [row for row in after["UserEvent"] if "'own'" not in row]
    assert after == before
    assert "The demo has 13 clips" in capsys.readouterr().out


def test_gold_items_are_answered_by_who_had_not_seen_them():
    tell(parts_of_a_demo())
    items = list(GoldItem.objects.order_by("pk"))
    assert len(items) == 3 and {item.promoted_by.username for item in items} == {"lead"}
    # The third came back once, so both reviewers have seen its key and nobody is left to meet it.
    assert sorted(BlindAnswer.objects.filter(gold=item).count() for item in items) == [0, 1, 1]
    for answer in BlindAnswer.objects.exclude(gold=None).select_related("gold"):
        item = answer.gold
        review = Review.with_gold.get(gold=item)
        assert review.reviewer == answer.reviewer and review.verdict == ("approve" if answer.is_right else "return")
        assert not BlindAnswer.objects.filter(revision=item.revision, reviewer=answer.reviewer, gold=None).exists()
        assert item.promoted_at < answer.answered_at < review.ruled_at
    assert {answer.is_right for answer in BlindAnswer.objects.exclude(gold=None)} == {True, False}


def counts():
    names = (
        "qc.LeakCheck",
        "qc.LeakWaiver",
        "qc.GoldItem",
        "qc.BaselineRun",
        "qc.AgreementReport",
        "studio.Job",
        "studio.LLMCall",
    )
    return {name: apps.get_model(name).objects.count() for name in names}


def test_checks_are_really_made_and_say_by_what_and_again_change_nothing(settings):
    """Four questions go to a rule that names the longest option; the padded key is the longest, so it is found leaky."""
    settings.JOB_HEARTBEAT_S = 3600  # its thread would not see the jobs of this test's transaction
    parts = parts_of_a_demo()
    tell(parts)
    assert checks.make(parts, people.cast(), seconds=60) == ""
    made = {check.revision.question.clip_id: check for check in LeakCheck.objects.select_related("revision__question")}
    assert len(made) == 4 and all(check.endpoints == [rule_server.NAME] and check.is_verdict for check in made.values())
    assert "no language model" in rule_server.NAME
    for part in parts:
        if check := made.get(part.clip.pk):
            lengths = [len(text) for text in check.revision.options.values()]
            assert (check.state == "leaky") == (lengths[0] == max(lengths)), lengths
            assert "longest option" in str(check.reason)
    padded = next(part for part in parts if part.sort == "pair")
    assert made[padded.clip.pk].state == "leaky" and Question.objects.get(clip=padded.clip).state == "approved"
    for waiver in LeakWaiver.objects.all():
        assert waiver.reason == texts.WAIVER and waiver.revision.question.state == "submitted"
    run = BaselineRun.objects.get()
    assert run.job.state == "done" and run.learned == 0  # too few clips to learn from, and it says so
    assert set(AgreementReport.objects.values_list("basis", "span")) == {(b, s) for b in report.BASES for s in report.SPANS}
    before = counts()
    assert checks.make(parts, people.cast(), seconds=60) == "" and counts() == before


def test_the_rule_names_the_longest_option():
    assert rule_server.longest("Question: A. no\nA. one\nB. longer\nC. two\nD. three\n\nAnswer with one letter only.") == "B"
