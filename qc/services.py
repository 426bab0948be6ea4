"""Cross-checking: the blind answer, the verdict, undoing it, and a lead's adjudication. `handing_out` says who gets what."""

import math
from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator import queue
from annotator.models import Lease, Question, Remark, Revision, WrongState
from annotator.services import Invalid
from qc import gold, handing_out, items, settling
from qc.models import Adjudication, BlindAnswer, GoldItem, Review
from studio.roles import Role

UNDO_DEPTH = 10
COMMENT_MAX_CHARS = 2000
REASON_COMMENT_MAX_CHARS = 500

_Code = Remark.Code
_OF_A_DISTRACTOR = (_Code.ALSO_TRUE, _Code.IMPLAUSIBLE, _Code.LANGUAGE, _Code.OTHER)
# What may be said about which field of a revision.
REASONS = {
    "correct": (_Code.WRONG, _Code.INCOMPLETE, _Code.LANGUAGE, _Code.OTHER),
    "distractor_1": _OF_A_DISTRACTOR,
    "distractor_2": _OF_A_DISTRACTOR,
    "distractor_3": _OF_A_DISTRACTOR,
    "stem": (_Code.LANGUAGE, _Code.OTHER),
    "category": (_Code.CATEGORY,),
    "spans": (_Code.SPAN,),
    "clip": (_Code.UNUSABLE,),
    "": (_Code.OTHER,),
}


def watch_needed_s(clip):
    """Seconds of a clip that count as one play-through; players report a little less than the exact length."""
    return max(0.0, clip.duration_s * 0.9 - 0.5)


def check_watched(clip, watched_s):
    if not math.isfinite(watched_s) or watched_s < watch_needed_s(clip):
        raise Invalid({"answer": _("Watch the clip once to its end before answering.")})


def answer_blind(*, user, revision, answer, watched_s, seconds):
    """Store the blind answer; the first one stands, whatever is sent later. Returns the BlindAnswer."""
    if answer not in BlindAnswer.Answer.values:
        raise Invalid({"answer": _("Choose one of the options, or “two fit”, “none fits”, “cannot tell”.")})
    handing_out.hold(user, revision)
    check_watched(revision.question.clip, watched_s)
    given = BlindAnswer(
        revision=revision,
        reviewer=user,
        answer=answer,
        watched_s=watched_s,
        seconds=seconds,
        gold=gold.item_of(revision),
    )
    with transaction.atomic():
        BlindAnswer.objects.bulk_create([given], ignore_conflicts=True)
        items.recount(revision.question_id)
    return BlindAnswer.objects.get(revision=revision, reviewer=user)


@dataclass(frozen=True)
class Ruling:
    verdict: str
    reasons: list  # [{"field": ..., "code": ..., "comment": ... or absent}, ...]
    comment: str
    client_key: object


def _wrong_reasons(reasons):
    """A sentence about the first reason that cannot be stored, or None."""
    for reason in reasons:
        if not isinstance(reason, dict) or reason.get("code") not in REASONS.get(_text(reason.get("field"), None), ()):
            return _("One of the reasons is unknown. Reload the page.")
        comment = reason.get("comment", "")
        if not isinstance(comment, str) or len(comment) > REASON_COMMENT_MAX_CHARS:
            return _("The comment on one reason is longer than %(limit)s characters.") % {"limit": REASON_COMMENT_MAX_CHARS}
    return None


def _text(value, default):
    return value if isinstance(value, str) else default


def _wrong_comment(comment):
    if len(comment) > COMMENT_MAX_CHARS:
        return _("%(count)s characters; at most %(limit)s can be kept.") % {
            "count": len(comment),
            "limit": COMMENT_MAX_CHARS,
        }
    return None


def _check_ruling(user, ruling, answer):
    errors = {"comment": _wrong_comment(ruling.comment), "reasons": _wrong_reasons(ruling.reasons)}
    if ruling.verdict not in Review.Verdict.values:
        errors["verdict"] = _("Approve or return.")
    if ruling.verdict == Review.Verdict.APPROVE and not answer.is_right and not ruling.comment:
        errors["comment"] = _("Your blind answer differed from the key. Write why you approve all the same.")
    if ruling.verdict != Review.Verdict.APPROVE and not ruling.reasons:
        errors["reasons"] = _("Give at least one reason, so that the author knows what to change.")
    if ruling.verdict == Review.Verdict.REJECT and not user.has_role(Role.LEAD):
        errors["verdict"] = _("Only a lead can reject a question for good. Return it, or ask a lead.")
    _raise_if_any(errors)


def _raise_if_any(errors):
    errors = {field: error for field, error in errors.items() if error}
    if errors:
        raise Invalid(errors)


def rule(*, user, revision, ruling):
    """Store one review and move its question on; returns the Review.

    The same `client_key` again returns the same review. WrongState, and nothing stored, if another came first.
    """
    answer = BlindAnswer.objects.filter(revision=revision, reviewer=user).first()
    if answer is None:
        raise WrongState(_("Answer blind first, then rule."))
    _check_ruling(user, ruling, answer)
    try:
        with transaction.atomic():
            if answer.gold_id:
                return gold.rule(user=user, revision=revision, ruling=ruling, answer=answer)
            return _rule(user, revision, ruling, answer)
    except (WrongState, IntegrityError) as refusal:
        repeated = Review.with_gold.filter(client_key=ruling.client_key, reviewer=user, revision=revision).first()
        if repeated:
            return repeated
        if isinstance(refusal, IntegrityError):
            raise WrongState(_("You have ruled on this revision already.")) from refusal
        raise


def _rule(user, revision, ruling, answer):
    # Leases before the question, as whoever frees them (annotator/queue.py), or the two would wait for each other.
    list(Lease.objects.select_for_update().filter(revision=revision).order_by("pk").values_list("pk"))
    question = Question.objects.select_for_update().get(pk=revision.question_id)
    if question.state != Question.State.SUBMITTED or question.revision_number != revision.number:
        if settling.leaked(question, revision):
            raise WrongState(
                _("The leak check sent this question back to its author meanwhile. Your verdict was not stored.")
            )
        raise settling.ruled_first(question)
    review = Review.objects.create(
        revision=revision,
        reviewer=user,
        blind_answer=answer,
        verdict=ruling.verdict,
        reasons=ruling.reasons,
        comment=ruling.comment,
        client_key=ruling.client_key,
    )
    Lease.objects.filter(user=user, revision=revision).delete()
    question.reviews_given += 1
    now = timezone.now()
    if ruling.verdict == Review.Verdict.APPROVE:
        if question.reviews_given >= revision.approvals_needed:
            settling.approve(question, now)
        else:
            question.save(update_fields=["reviews_given"])
            settling.count_slots(question, revision)
    elif ruling.verdict == Review.Verdict.REJECT:
        settling.reject(question, revision, user, ruling, now)
    elif question.reviews_given > 1:
        settling.settle(question, Question.State.DISPUTED, now)
    else:
        settling.send_back(question, revision, user, ruling, now)
    return review


def recent_reviews(user):
    """The last ten verdicts of a reviewer that stand, newest first."""
    return (
        Review.with_gold.filter(reviewer=user, undone_at=None)
        .select_related("reviewer", "revision__question__clip")
        .order_by("-id")[:UNDO_DEPTH]
    )


@transaction.atomic
def undo(*, user, review_id):
    """Take back one of one's own last ten verdicts and hold the revision again; WrongState once others built on it."""
    # The question first: whoever changes a verdict or what follows from it holds this row.
    question = Question.objects.select_for_update(of=("self",)).filter(revisions__reviews=review_id).first()
    review = next((review for review in recent_reviews(user) if review.pk == review_id), None)
    if review is None:
        raise WrongState(_("Only your last ten verdicts can be undone, each of them once."))
    revision = review.revision
    if review.gold_id:
        if question.state != Question.State.APPROVED or question.revision_number != revision.number:
            raise WrongState(_("This verdict can no longer be undone: the question has gone on since."))
        return gold.undo(review)
    later = Review.objects.filter(revision=revision, undone_at=None, pk__gt=review.pk).exists()
    built_on = GoldItem.objects.filter(revision=revision).exists()
    decided = Adjudication.objects.filter(revision=revision).exists()
    edited = question.settled_at and question.saved_at > question.settled_at or question.author_id != revision.author_id
    leaked = review.verdict == Review.Verdict.APPROVE and question.state == Question.State.RETURNED
    if question.revision_number != revision.number or later or built_on or decided or edited or leaked:
        raise WrongState(_("This verdict can no longer be undone: the question has gone on since."))
    if question.state == Question.State.REJECTED:
        other = Question.objects.filter(clip_id=question.clip_id, author_id=question.author_id)
        if other.exclude(pk=question.pk).exclude(state=Question.State.REJECTED).exists() or not queue.take_place(
            question.clip_id
        ):
            raise WrongState(_("This verdict can no longer be undone: the clip has gone to another writer."))
    Review.objects.filter(pk=review.pk).update(undone_at=timezone.now())
    Remark.objects.filter(revision=revision, by=user).delete()
    Question.objects.filter(pk=question.pk).update(
        state=Question.State.SUBMITTED, settled_at=None, reviews_given=F("reviews_given") - 1
    )
    settling.lease_again(user, revision)
    question.refresh_from_db()
    settling.count_slots(question, revision)
    return revision


@transaction.atomic
def adjudicate(*, user, question_id, decision, reasons, comment):
    """A lead settles a disputed question; WrongState if another lead came first. Returns the Adjudication."""
    question = Question.objects.select_for_update().get(pk=question_id)
    if question.author_id == user.pk:
        raise PermissionDenied(_("You wrote this question, so another lead decides."))
    verdicts = Review.objects.filter(revision__question=question, reviewer=user, undone_at=None)
    if verdicts.filter(revision__number=question.revision_number).exists():
        raise PermissionDenied(_("You reviewed this question, so another lead decides."))
    if question.state != Question.State.DISPUTED:
        raise WrongState(
            _("This question is %(state)s now; it needs no decision.") % {"state": question.get_state_display().lower()}
        )
    errors = {"comment": _wrong_comment(comment), "reasons": _wrong_reasons(reasons)}
    if decision not in Review.Verdict.values:
        errors["decision"] = _("Approve, return or reject.")
    if not comment:
        errors["comment"] = _("Write the reason of your decision; author and reviewers read it.")
    _raise_if_any(errors)
    revision = question.revisions.get(number=question.revision_number)
    adjudication = Adjudication.objects.create(revision=revision, lead=user, decision=decision, comment=comment)
    ruling = Ruling(decision, reasons, comment, None)
    now = timezone.now()
    if decision == Review.Verdict.APPROVE:
        settling.approve(question, now)
    elif decision == Review.Verdict.RETURN:
        settling.send_back(question, revision, user, ruling, now)
    else:
        settling.reject(question, revision, user, ruling, now)
    return adjudication


def revision_before(revision):
    """The revision a reader of this one may want to compare with, or None."""
    return Revision.objects.filter(question_id=revision.question_id, number=revision.number - 1).first()
