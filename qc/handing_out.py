"""Handing out revisions to review: who gets which, and who holds it."""

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator import queue
from annotator.models import Lease, Question, Revision, WrongState
from qc import gold, settling
from qc.models import Review

# `(SELECT NOT EXISTS ...)` is asked for one question after the other; a plain NOT EXISTS becomes a join with all that this
# person ever reviewed.
_OPEN = """
    FROM annotator_question q JOIN annotator_revision r ON r.question_id = q.id AND r.number = q.revision_number
    WHERE q.state = 'submitted' AND q.review_slots > 0 AND q.author_id <> %(user)s
      AND (SELECT EXISTS (SELECT 1 FROM annotator_clip c WHERE c.id = q.clip_id AND c.state = 'ready'))
      AND (SELECT NOT EXISTS (SELECT 1 FROM qc_review v
                              WHERE v.revision_id = r.id AND v.reviewer_id = %(user)s AND v.undone_at IS NULL))
      AND (SELECT NOT EXISTS (SELECT 1 FROM annotator_lease l WHERE l.revision_id = r.id AND l.user_id = %(user)s))
      AND (SELECT NOT EXISTS (SELECT 1 FROM annotator_revision w WHERE w.question_id = q.id AND w.author_id = %(user)s))
"""
_TAKE = """
WITH picked AS (
    SELECT q.id, r.id AS revision_id {open} AND {which}
    ORDER BY q.reviews_given, q.submitted_at, q.id LIMIT 1 FOR UPDATE OF q SKIP LOCKED
), taken AS (
    UPDATE annotator_question q SET review_slots = q.review_slots - 1 FROM picked WHERE q.id = picked.id
    RETURNING picked.revision_id
)
INSERT INTO annotator_lease (user_id, revision_id, slot, reserved, taken_at, expires_at)
SELECT %(user)s, taken.revision_id,
       (SELECT s FROM generate_series(1, 1 + (SELECT count(*) FROM annotator_lease l
                                              WHERE l.revision_id = taken.revision_id)) s
        WHERE NOT EXISTS (SELECT 1 FROM annotator_lease l WHERE l.revision_id = taken.revision_id AND l.slot = s)
        ORDER BY s LIMIT 1),
       %(reserved)s, now(), now() + %(length)s
FROM taken RETURNING revision_id
"""
_ANY = "r.id <> %(skip)s"
_THIS = "r.id = %(revision)s"


def _take(user, which, *, reserved=False, **parameters):
    """Run the take statement; a slot that another took in the same moment is tried again, as in `annotator.queue`."""
    for _attempt in range(queue.TAKE_ATTEMPTS):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(
                    _TAKE.format(open=_OPEN, which=which),
                    {"user": user.pk, "reserved": reserved, "length": queue.lease_length(), **parameters},
                )
                row = cursor.fetchone()
        except IntegrityError:
            continue
        return row[0] if row else None
    return None


def waiting_for(user, *, at_most):
    """How many revisions wait for this person (those they hold included), counted no further than `at_most`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT revision_id FROM annotator_lease l WHERE user_id = %(user)s AND revision_id > 0"
            " AND NOT EXISTS (SELECT 1 FROM qc_golditem g WHERE g.revision_id = l.revision_id)"
            f" UNION ALL (SELECT r.id {_OPEN} LIMIT %(at_most)s) LIMIT %(at_most)s) AS open",
            {"user": user.pk, "at_most": at_most},
        )
        return cursor.fetchone()[0]


def next_review(user, *, skip=0):
    """The revision this person should review now, leased to them, or None.

    What they hold already comes first, then fewest reviews first, then oldest; never their own, never one they ruled on.
    """
    held = (
        Lease.objects.filter(user=user, revision__isnull=False)
        .exclude(revision_id=skip)
        .order_by("reserved", "id")
        .values_list("revision_id", "pk")
        .first()
    )
    if held:
        Lease.objects.filter(pk=held[1]).update(expires_at=timezone.now() + queue.lease_length(), reserved=False)
        return held[0]
    return _take_any(user, skip=skip)


def _take_any(user, *, skip, reserved=False):
    """The next revision from the queue; now and then a gold item in its place, but never where nothing waits."""
    if gold.due(user) and _something_waits(user, skip):
        found = gold.take(user, skip=skip, reserved=reserved)
        if found:
            return found
    return _take(user, _ANY, skip=skip, reserved=reserved)


def _something_waits(user, skip):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT 1 {_OPEN} AND {_ANY})", {"user": user.pk, "skip": skip})
        return cursor.fetchone()[0]


def reserve_next_review(user, *, current):
    """Reserve the one revision to preload behind `current`; its id or None."""
    mine = Lease.objects.filter(user=user, revision__isnull=False, reserved=True).exclude(revision_id=current)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('reserve-review'), %s)", [user.pk])
        return mine.values_list("revision_id", flat=True).first() or _take_any(user, skip=current, reserved=True)


def hold(user, revision):
    """Make sure this person may review this revision now; `WrongState` or `PermissionDenied` say why not."""
    question = revision.question
    own = question.author_id == user.pk
    if own or revision.number > 1 and Revision.objects.filter(question=question, author=user).exists():
        raise PermissionDenied(_("You wrote this question, so somebody else reviews it."))
    if Review.with_gold.filter(revision=revision, reviewer=user, undone_at=None).exists():
        raise WrongState(_("You have ruled on this revision already."))
    if question.state == Question.State.APPROVED and gold.hold(user, revision):
        return
    if question.state != Question.State.SUBMITTED or question.revision_number != revision.number:
        if settling.leaked(question, revision):
            raise WrongState(_("The leak check sent this question back to its author; there is nothing to review now."))
        raise WrongState(
            _("This question is %(state)s now; there is nothing to review.")
            % {"state": question.get_state_display().lower()}
        )
    if renew(user, revision) or _take(user, _THIS, revision=revision.pk):
        return
    with transaction.atomic():
        # Another tab of the same person may be taking it this very moment: wait for it, then look again.
        Question.objects.select_for_update().get(pk=question.pk)
        if not renew(user, revision) and not _take(user, _THIS, revision=revision.pk):
            raise WrongState(_("Somebody else is reviewing this question now. Take the next one."))


def renew(user, revision):
    """Prolong this person's lease on a revision; False when they hold none."""
    return bool(
        Lease.objects.filter(user=user, revision=revision).update(
            expires_at=timezone.now() + queue.lease_length(), reserved=False
        )
    )
