"""Cross-checking: who gets what, the blind answer, the verdict, undo and adjudication."""

import uuid

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction

from annotator import letters
from annotator.models import Clip, Lease, Question, Remark, WrongState
from annotator.services import Invalid, hand_over
from qc import handing_out, services
from qc.models import BlindAnswer, Review
from tests.factories import QuestionFactory, RevisionFactory, UserFactory
from tests.qc.conftest import RETURN, review, revision_of, ruling

pytestmark = pytest.mark.django_db


def test_nobody_is_offered_their_own_question(reviewer):
    QuestionFactory(submitted=True, author=reviewer)
    assert handing_out.next_review(reviewer) is None


def test_an_approval_settles_the_question_and_accepts_the_clip(reviewer):
    question = QuestionFactory(submitted=True)
    assert handing_out.next_review(reviewer) == revision_of(question).pk
    review(reviewer, question, ruling())
    question.refresh_from_db()
    assert question.state == Question.State.APPROVED
    assert question.clip.content == Clip.Content.ACCEPTED
    assert not Lease.objects.exists()
    assert handing_out.next_review(reviewer) is None


def test_two_approvals_by_different_people_where_two_are_needed():
    question = QuestionFactory(submitted=True, review_slots=2, revision__approvals_needed=2)
    first, second = UserFactory.create_batch(2, roles=["reviewer"])
    handing_out.next_review(first)
    review(first, question, ruling())
    question.refresh_from_db()
    assert (question.state, question.review_slots) == (Question.State.SUBMITTED, 1)
    assert handing_out.next_review(first) is None
    assert handing_out.next_review(second) == revision_of(question).pk
    review(second, question, ruling())
    question.refresh_from_db()
    assert question.state == Question.State.APPROVED


def test_a_return_goes_back_with_remarks_at_the_fields(reviewer):
    question = QuestionFactory(submitted=True)
    review(reviewer, question, ruling("return", reasons=RETURN, comment="The lamp flickers too."))
    question.refresh_from_db()
    assert question.state == Question.State.RETURNED
    remark = Remark.objects.get()
    assert (remark.field, remark.code, remark.comment) == ("distractor_2", "also_true", "The lamp flickers too.")


def test_disagreement_goes_to_the_lead_who_decides_once(lead):
    question = QuestionFactory(submitted=True, review_slots=2, revision__approvals_needed=2)
    first, second = UserFactory.create_batch(2, roles=["reviewer"])
    review(first, question, ruling())
    review(second, question, ruling("return", reasons=RETURN))
    question.refresh_from_db()
    assert question.state == Question.State.DISPUTED
    services.adjudicate(
        user=lead, question_id=question.pk, decision="approve", reasons=[], comment="The second is mistaken."
    )
    with pytest.raises(WrongState):
        services.adjudicate(user=lead, question_id=question.pk, decision="reject", reasons=[], comment="No.")
    question.refresh_from_db()
    assert question.state == Question.State.APPROVED


def test_approving_after_a_wrong_blind_answer_needs_a_reason(reviewer):
    question = QuestionFactory(submitted=True)
    with pytest.raises(Invalid, match="Write why"):
        review(reviewer, question, ruling(), answer="distractor_1")
    review(reviewer, question, ruling(comment="I misread the option."), answer="distractor_1")


def test_only_a_lead_rejects_for_good(reviewer):
    question = QuestionFactory(submitted=True)
    with pytest.raises(Invalid, match="Only a lead"):
        review(reviewer, question, ruling("reject", reasons=RETURN))
    chief = UserFactory(roles=["reviewer", "lead"])
    Lease.objects.all().delete()
    Question.objects.update(review_slots=1)
    review(chief, question, ruling("reject", reasons=RETURN))
    question.refresh_from_db()
    assert question.state == Question.State.REJECTED
    assert question.clip.open_slots == 1


def test_the_options_are_answered_only_after_the_clip_was_watched(reviewer):
    question = QuestionFactory(submitted=True)
    with pytest.raises(Invalid, match="Watch the clip"):
        services.answer_blind(user=reviewer, revision=revision_of(question), answer="correct", watched_s=2, seconds=1)


def test_the_first_blind_answer_stands(reviewer):
    question = QuestionFactory(submitted=True)
    for answer in ("two_fit", "correct"):
        services.answer_blind(user=reviewer, revision=revision_of(question), answer=answer, watched_s=10, seconds=1)
    assert BlindAnswer.objects.get().answer == "two_fit"


def test_the_second_reviewer_to_rule_is_told_and_nothing_is_stored():
    question = QuestionFactory(submitted=True, review_slots=2)
    first, second = UserFactory.create_batch(2, roles=["reviewer"])
    revision = revision_of(question)
    for person in (first, second):
        services.answer_blind(user=person, revision=revision, answer="correct", watched_s=10, seconds=1)
    services.rule(user=first, revision=revision, ruling=ruling())
    with pytest.raises(WrongState, match="Somebody else ruled first"):
        services.rule(user=second, revision=revision, ruling=ruling("return", reasons=RETURN))
    assert Review.objects.count() == 1


def test_a_repeated_verdict_counts_once(reviewer):
    question = QuestionFactory(submitted=True)
    given = ruling()
    first = review(reviewer, question, given)
    assert services.rule(user=reviewer, revision=revision_of(question), ruling=given) == first


def test_the_database_refuses_the_author_as_reviewer():
    question = QuestionFactory(submitted=True)
    revision = revision_of(question)
    with pytest.raises(IntegrityError, match="author of a question"), transaction.atomic():
        BlindAnswer.objects.create(revision=revision, reviewer=question.author, answer="correct", watched_s=10)
    answer = BlindAnswer.objects.create(revision=revision, reviewer=UserFactory(), answer="correct", watched_s=10)
    with pytest.raises(IntegrityError, match="author of a question"), transaction.atomic():
        Review.objects.create(
            revision=revision, reviewer=question.author, blind_answer=answer, verdict="approve", client_key=uuid.uuid4()
        )
    with pytest.raises(PermissionDenied):
        handing_out.hold(question.author, revision)


@pytest.mark.parametrize("verdict", ["approve", "return", "reject"])
def test_a_verdict_can_be_undone_while_nothing_followed(verdict):
    chief = UserFactory(roles=["reviewer", "lead"])
    question = QuestionFactory(submitted=True)
    handing_out.next_review(chief)
    given = review(chief, question, ruling(verdict, reasons=[] if verdict == "approve" else RETURN))
    revision = services.undo(user=chief, review_id=given.pk)
    question.refresh_from_db()
    assert (question.state, question.reviews_given, question.review_slots) == (Question.State.SUBMITTED, 0, 0)
    assert Lease.objects.get().revision_id == revision.pk
    assert not Remark.objects.exists()
    assert services.rule(user=chief, revision=revision, ruling=ruling()).pk != given.pk


def test_an_undo_after_the_author_went_on_is_refused(reviewer):
    question = QuestionFactory(submitted=True)
    given = review(reviewer, question, ruling("return", reasons=RETURN))
    question.refresh_from_db()
    from annotator.services import save_draft

    save_draft(
        user=question.author,
        clip_id=question.clip_id,
        base_version=question.version,
        content=question.content_dict() | {"note": "on it"},
    )
    with pytest.raises(WrongState, match="no longer"):
        services.undo(user=reviewer, review_id=given.pk)


def test_an_undo_counts_once(reviewer):
    question = QuestionFactory(submitted=True, review_slots=2, revision__approvals_needed=2)
    given = review(reviewer, question, ruling())
    services.undo(user=reviewer, review_id=given.pk)
    with pytest.raises(WrongState, match="each of them once"):
        services.undo(user=reviewer, review_id=given.pk)
    question.refresh_from_db()
    assert (question.reviews_given, question.review_slots) == (0, 1)


def test_each_reason_is_a_remark_and_the_general_comment_stands_for_itself(reviewer):
    question = QuestionFactory(submitted=True)
    reasons = [
        {"field": "correct", "code": "incomplete", "comment": "Say which crate."},
        {"field": "spans", "code": "span"},
    ]
    review(reviewer, question, ruling("return", reasons=reasons, comment="Nearly there."))
    assert list(Remark.objects.values_list("field", "code", "comment")) == [
        ("correct", "incomplete", "Say which crate."),
        ("spans", "span", ""),
        ("", "other", "Nearly there."),
    ]


@pytest.mark.parametrize(
    "reason",
    [
        {"field": "spans", "code": "also_true"},
        {"field": "nothing", "code": "other"},
        {"field": ["correct"], "code": "wrong"},
        {"field": "correct", "code": None},
        {"field": "correct", "code": ["wrong"]},
        {"field": "correct", "code": "wrong", "comment": 7},
        {"field": "correct", "code": "wrong", "comment": "x" * 501},
    ],
)
def test_a_reason_that_fits_no_field_is_refused_from_reviewer_and_lead(reviewer, lead, reason):
    question = QuestionFactory(submitted=True)
    with pytest.raises(Invalid) as invalid:
        review(reviewer, question, ruling("return", reasons=[reason]))
    assert set(invalid.value.errors) == {"reasons"}
    Question.objects.update(state="disputed")
    with pytest.raises(Invalid) as invalid:
        services.adjudicate(user=lead, question_id=question.pk, decision="return", reasons=[reason], comment="Why.")
    assert set(invalid.value.errors) == {"reasons"}


@pytest.mark.parametrize("watched", [float("nan"), float("inf"), -1, 8.4])
def test_only_a_whole_play_through_counts(reviewer, watched):
    question = QuestionFactory(submitted=True)
    with pytest.raises(Invalid, match="Watch the clip"):
        services.answer_blind(user=reviewer, revision=revision_of(question), answer="correct", watched_s=watched, seconds=1)


def test_what_waits_is_counted_up_to_a_limit_and_without_ones_own(reviewer):
    QuestionFactory(submitted=True, author=reviewer)
    questions = QuestionFactory.create_batch(3, submitted=True)
    review(UserFactory(), questions[0], ruling())
    assert handing_out.waiting_for(reviewer, at_most=100) == 2
    handing_out.next_review(reviewer)
    assert handing_out.waiting_for(reviewer, at_most=100) == 2
    assert handing_out.waiting_for(reviewer, at_most=1) == 1


def test_who_wrote_an_earlier_revision_does_not_review_the_question(reviewer):
    question = QuestionFactory(submitted=True, author=reviewer)
    heir = UserFactory()
    Question.objects.filter(pk=question.pk).update(author=heir, revision_number=2)
    second = RevisionFactory(question=question, author=heir, number=2)
    assert handing_out.next_review(reviewer) is None
    with pytest.raises(PermissionDenied, match="You wrote this"):
        handing_out.hold(reviewer, second)
    assert handing_out.next_review(UserFactory()) == second.pk


def test_a_return_stands_once_the_question_went_to_another_author(reviewer):
    question = QuestionFactory(submitted=True)
    given = review(reviewer, question, ruling("return", reasons=RETURN))
    question.refresh_from_db()
    hand_over(question=question, to=UserFactory(roles=["annotator"]))
    with pytest.raises(WrongState, match="gone on"):
        services.undo(user=reviewer, review_id=given.pk)


def test_what_an_export_publishes_does_not_tell_where_the_key_stands(settings):
    def orders():
        return [letters.display_order(settings.LETTER_SEED, revision_id=n, reader_id=1) for n in range(20)]

    here = orders()
    assert here == orders()
    settings.SECRET_KEY = "another studio's"  # noqa: S105
    assert here != orders()


def test_a_key_that_another_verdict_used_is_not_taken_for_this_one(reviewer):
    first, second = QuestionFactory.create_batch(2, submitted=True)
    given = ruling()
    review(reviewer, first, given)
    with pytest.raises(WrongState):
        review(reviewer, second, given)
    assert Question.objects.get(pk=second.pk).state == Question.State.SUBMITTED
