"""Gold items: approved questions shown to reviewers once more among their work, to see how well they answer.

To a reviewer one looks like any other: the same page and addresses, the same lease, the same list of last verdicts, the
same undo. Whatever they say about it is stored as gold and reaches neither the question nor its counts of reviews. Leads
see which questions are gold, so they get none.
"""

import random

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator import queue
from annotator.models import Lease, Question, Revision, WrongState
from qc import settling
from qc.models import BlindAnswer, GoldItem, Review

_TAKE = """
WITH picked AS (
    SELECT g.revision_id FROM qc_golditem g
    JOIN annotator_revision r ON r.id = g.revision_id JOIN annotator_question q ON q.id = r.question_id
    WHERE g.retired_at IS NULL AND q.state = 'approved' AND q.revision_number = r.number AND r.id <> %(skip)s
      AND q.author_id <> %(user)s
      AND EXISTS (SELECT 1 FROM annotator_clip c WHERE c.id = q.clip_id AND c.state = 'ready')
      AND NOT EXISTS (SELECT 1 FROM annotator_lease l WHERE l.revision_id = r.id AND l.user_id = %(user)s)
      AND NOT EXISTS (SELECT 1 FROM annotator_revision w JOIN qc_blindanswer b ON b.revision_id = w.id
                      WHERE w.question_id = q.id AND b.reviewer_id = %(user)s)
      AND NOT EXISTS (SELECT 1 FROM annotator_revision w WHERE w.question_id = q.id AND w.author_id = %(user)s)
    ORDER BY random() LIMIT 1 FOR UPDATE OF g SKIP LOCKED FOR SHARE OF q SKIP LOCKED
)
INSERT INTO annotator_lease (user_id, revision_id, slot, reserved, taken_at, expires_at)
SELECT %(user)s, picked.revision_id,
       (SELECT coalesce(max(l.slot), 0) + 1 FROM annotator_lease l WHERE l.revision_id = picked.revision_id),
       %(reserved)s, now(), now() + %(length)s
FROM picked RETURNING revision_id
"""


def due(user):
    """Whether the next piece of review work of this person should be a gold item."""
    return not user.is_lead and random.random() < settings.GOLD_RATE


def take(user, *, skip=0, reserved=False):
    """Lease a gold item to this person, never one they wrote or answered before; its revision's id or None."""
    for _attempt in range(queue.TAKE_ATTEMPTS):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(_TAKE, {"user": user.pk, "skip": skip, "reserved": reserved, "length": queue.lease_length()})
                row = cursor.fetchone()
        except IntegrityError:  # another lease took this slot in the same moment
            continue
        return row[0] if row else None
    return None


def hold(user, revision):
    """Whether this person has this revision as a gold item: by a lease, renewed here, or with a verdict still to give."""
    leases = Lease.objects.filter(user=user, revision=revision)
    if leases.update(expires_at=timezone.now() + queue.lease_length(), reserved=False):
        return True
    begun = BlindAnswer.objects.filter(revision=revision, reviewer=user, gold__isnull=False)
    if not begun.exists() or Review.with_gold.filter(revision=revision, reviewer=user, undone_at=None).exists():
        return False
    settling.lease_again(user, revision)
    return True


def item_of(revision):
    """The gold item a blind answer to this revision is about: of an approved question, else None."""
    if revision.question.state != Question.State.APPROVED:
        return None
    return GoldItem.objects.filter(revision=revision).order_by("-id").first()


def rule(*, user, revision, ruling, answer):
    """Store a verdict on a gold item, inside the caller's transaction. The question learns nothing of it."""
    question = Question.objects.select_for_update().get(pk=revision.question_id)
    if question.state != Question.State.APPROVED or question.revision_number != revision.number:
        raise settling.ruled_first(question)
    review = Review.with_gold.create(
        revision=revision,
        reviewer=user,
        blind_answer=answer,
        verdict=ruling.verdict,
        reasons=ruling.reasons,
        comment=ruling.comment,
        client_key=ruling.client_key,
        gold_id=answer.gold_id,
    )
    Lease.objects.filter(user=user, revision=revision).delete()
    return review


def undo(review):
    """Take a verdict on a gold item back, inside the caller's transaction; its revision is held again."""
    Review.with_gold.filter(pk=review.pk).update(undone_at=timezone.now())
    settling.lease_again(review.reviewer, review.revision)
    return review.revision


# ---- What leads do


def why_not(user, question):
    """Why this lead cannot make a question a gold item, as a sentence; "" when they can."""
    revision = Revision.objects.filter(question=question, number=question.revision_number).first()
    if question.state != Question.State.APPROVED or revision is None:
        return _("Only an approved question can become a gold item.")
    if user.pk in (question.author_id, revision.author_id):
        return _("You wrote this question, so another lead decides whether it becomes a gold item.")
    verdicts = set(Review.objects.filter(revision=revision, undone_at=None).values_list("verdict", flat=True))
    wrong = BlindAnswer.objects.filter(revision=revision, gold=None).exclude(answer=BlindAnswer.Answer.CORRECT)
    if verdicts != {Review.Verdict.APPROVE} or hasattr(revision, "adjudication") or wrong.exists():
        return _("Only a question that everybody answered right and approved can become a gold item.")
    if GoldItem.objects.filter(revision=revision, retired_at=None).exists():
        return _("This question is a gold item already.")
    return ""


@transaction.atomic
def promote(*, user, question):
    """Make an approved question a gold item; WrongState or PermissionDenied say why it cannot be one."""
    question = Question.objects.select_for_update().get(pk=question.pk)
    reason = why_not(user, question)
    if reason:
        raise PermissionDenied(reason) if question.author_id == user.pk else WrongState(reason)
    revision = Revision.objects.get(question=question, number=question.revision_number)
    return GoldItem.objects.create(revision=revision, promoted_by=user)


def retire(*, user, question):
    """Show a gold item to nobody any more; what was said about it stays counted. WrongState where there is none."""
    active = GoldItem.objects.filter(revision__question=question, retired_at=None)
    if not active.update(retired_at=timezone.now(), retired_by=user):
        raise WrongState(_("This question is no gold item, or somebody has retired it already."))
