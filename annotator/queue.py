"""Handing out clips to write about: one transaction, no two people on one place, nothing lost when a lease expires.

A clip has `open_slots` places for writers. A lease takes one; submitting keeps it taken; an expired or released lease
and a question rejected for good give it back. The same statement picks the clip, takes the place and stores the lease,
so nobody else can come between, and the unique constraints on `Lease` would refuse a mistake.
"""

import contextlib
import time
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Case, Count, IntegerField, OuterRef, Subquery, Value, When
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from annotator.models import Clip, Lease, Question, WrongState
from annotator.taxonomy import CATEGORIES, PUBLIC_TOTAL
from studio import rows

# How the conditions are written decides what is read. `(SELECT NOT EXISTS ...)` is asked for one clip after the other; a
# plain NOT EXISTS becomes a join with all that this person ever wrote.
_TAKE = """
picked AS (
    SELECT c.id FROM annotator_clip c
    WHERE c.open_slots > 0 AND c.state = 'ready' AND c.content IN ('unchecked', 'accepted') AND {which}
      AND (SELECT NOT EXISTS (SELECT 1 FROM annotator_lease l WHERE l.clip_id = c.id AND l.user_id = %(user)s))
      AND (SELECT NOT EXISTS (SELECT 1 FROM annotator_question q
                              WHERE q.clip_id = c.id AND q.author_id = %(user)s AND q.state NOT IN ('draft', 'rejected')))
    ORDER BY {order} LIMIT 1 FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE annotator_clip c SET open_slots = c.open_slots - 1 FROM picked WHERE c.id = picked.id RETURNING c.id
), work AS (
    INSERT INTO annotator_lease (user_id, clip_id, slot, reserved, taken_at, expires_at)
    SELECT %(user)s, taken.id,
           (SELECT s FROM generate_series(1, 1 + (SELECT count(*) FROM annotator_lease l WHERE l.clip_id = taken.id)) s
            WHERE NOT EXISTS (SELECT 1 FROM annotator_lease l WHERE l.clip_id = taken.id AND l.slot = s)
            ORDER BY s LIMIT 1),
           %(reserved)s, now(), now() + %(length)s
    FROM taken RETURNING clip_id
)
"""
_THIS_CLIP = "WITH" + _TAKE.format(which="c.id = %(clip)s", order="c.id")
_ANY_CLIP = "WITH" + _TAKE.format(which="c.id <> ALL(%(skip)s::bigint[])", order="c.id")
# Two inequalities and not `=`: only so does the planner read the clips of that one category in order. With `=` it walks
# all open clips from the oldest on, and a wanted category is mostly one that has few.
_WANTED_CLIP = """
WITH wanted AS (
    SELECT o.category FROM unnest(%(categories)s::text[]) WITH ORDINALITY AS o(category, rank)
    WHERE EXISTS (SELECT 1 FROM annotator_clip w WHERE w.expected_category = o.category AND w.open_slots > 0
                  AND w.state = 'ready' AND w.content IN ('unchecked', 'accepted') AND w.id <> ALL(%(skip)s::bigint[]))
    ORDER BY o.rank LIMIT 1
),""" + _TAKE.format(
    which="(c.expected_category, c.id) >= ((SELECT category FROM wanted), 0)"
    " AND c.expected_category <= (SELECT category FROM wanted) AND c.id <> ALL(%(skip)s::bigint[])",
    order="c.expected_category, c.id",
)

_FREE = """
WITH gone AS (
    DELETE FROM annotator_lease WHERE id IN (SELECT id FROM annotator_lease WHERE {which} FOR UPDATE SKIP LOCKED)
    RETURNING id, clip_id, revision_id
), clips AS (
    UPDATE annotator_clip c SET open_slots = c.open_slots + g.places
    FROM (SELECT clip_id, count(*) AS places FROM gone WHERE clip_id IS NOT NULL GROUP BY clip_id) g
    WHERE c.id = g.clip_id AND c.purpose = ANY(%(purposes)s)
), reviews AS (
    UPDATE annotator_question q SET review_slots = greatest(0, least(r.approvals_needed - q.reviews_given,
        q.review_slots + (SELECT count(*) FROM gone g WHERE g.revision_id = r.id)))
    FROM annotator_revision r
    WHERE r.id IN (SELECT revision_id FROM gone WHERE revision_id IS NOT NULL)
      AND q.id = r.question_id AND q.revision_number = r.number AND q.state = 'submitted'
)
SELECT count(*) FROM gone
"""


# What this person has in hand: the returned question settled longest ago (no lease), and their lease, open work first.
_IN_HAND = """
SELECT * FROM (
    (SELECT q.clip_id, NULL::bigint AS lease FROM annotator_question q JOIN annotator_clip c ON c.id = q.clip_id
     WHERE q.author_id = %(user)s AND q.state = 'returned' AND q.clip_id <> ALL(%(skip)s::bigint[])
       AND c.content IN ('unchecked', 'accepted')
     ORDER BY q.settled_at, q.id LIMIT 1)
    UNION ALL
    (SELECT l.clip_id, l.id FROM annotator_lease l JOIN annotator_clip c ON c.id = l.clip_id
     WHERE l.user_id = %(user)s AND l.clip_id <> ALL(%(skip)s::bigint[]) AND c.content IN ('unchecked', 'accepted')
     ORDER BY l.reserved, l.id LIMIT 1)
) AS hand ORDER BY lease IS NOT NULL LIMIT 1
"""
_GO_ON = f"""
WITH work AS ({_IN_HAND}), renewed AS (
    UPDATE annotator_lease SET expires_at = now() + %(length)s, reserved = false WHERE id = (SELECT lease FROM work)
)
"""

# The clip of a piece of work, and this person's question about it: the one they can still change first.
_WORK_COLUMNS, _read_work = rows.reader(c=Clip, q=Question)
_WORK = f"""
SELECT {_WORK_COLUMNS} FROM work JOIN annotator_clip c ON c.id = work.clip_id LEFT JOIN LATERAL (
    SELECT * FROM annotator_question WHERE clip_id = c.id AND author_id = %(user)s AND state <> 'rejected'
    ORDER BY state NOT IN ('draft', 'returned'), id LIMIT 1
) q ON true
"""
_THIS_WORK = "WITH work AS (SELECT %(clip)s::bigint AS clip_id)" + _WORK


TAKE_ATTEMPTS = 10
MOST_HELD = 5  # clips in one person's hands at a time, however they were opened


def lease_length():
    return timedelta(minutes=settings.LEASE_MINUTES)


_order = {"at": float("-inf"), "names": []}


def wanted_categories():
    """Category names, the one furthest below its public share first; "" (unknown) counts as exactly on target.

    Counted at most every 30 s in each process: the order of the queue may lag, and the count grows with the questions.
    """
    if time.monotonic() - _order["at"] > 30:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT category, count(*) FROM annotator_question"
                " WHERE state IN ('submitted', 'disputed', 'returned', 'approved') GROUP BY category"
            )
            counts = dict(cursor.fetchall())
        total = sum(counts.values()) or 1
        missing = {name: c.public_count / PUBLIC_TOTAL - counts.get(name, 0) / total for name, c in CATEGORIES.items()}
        missing[""] = 0.0
        _order["names"] = sorted(missing, key=missing.get, reverse=True)
        _order["at"] = time.monotonic()
    return _order["names"]


def _work(sql, parameters):
    """Run a statement that ends in _WORK; (clip, question or None), or (None, None) when there is no such work."""
    row = rows.first(sql, parameters)
    clip, question = _read_work(row) if row else (None, None)
    if question:
        question.clip = clip
    return clip, question


def _take(user, sql, *, reserved=False, **parameters):
    """Run a take statement; returns the work taken, (None, None) for none.

    Where a clip has several places, somebody who takes one in the same moment may be seen too late and get the same
    slot; the database refuses the second, who tries again and sees the first.
    """
    for _attempt in range(TAKE_ATTEMPTS):
        # The statement is a transaction of its own; only inside another one must a lost race not spoil that.
        guard = transaction.atomic() if connection.in_atomic_block else contextlib.nullcontext()
        try:
            with guard:
                return _work(
                    sql + _WORK,
                    {"user": user.pk, "reserved": reserved, "length": lease_length(), **parameters},
                )
        except IntegrityError:
            continue
    return None, None


def _take_any(user, *, skip, reserved=False):
    wanted = _take(user, _WANTED_CLIP, categories=wanted_categories(), skip=skip, reserved=reserved)
    # Nothing free in the wanted category may only mean that others are taking its last clips this very moment.
    return wanted if wanted[0] else _take(user, _ANY_CLIP, skip=skip, reserved=reserved)


def next_work(user, *, skip=()):
    """(clip, question or None) this person should work on now, leased to them; (None, None) when there is nothing to write.

    Returned work first (oldest first), then what they hold already, then what was reserved for them, then a fresh clip
    from the category furthest below its target. `skip` are clips they put back, not to be offered now.
    """
    skip = list(skip)
    work = _work(_GO_ON + _WORK, {"user": user.pk, "skip": skip, "length": lease_length()})
    return work if work[0] else _take_any(user, skip=skip)


def next_clip(user, *, skip=()):
    """The id of the clip of `next_work`, or None."""
    clip, _question = next_work(user, skip=skip)
    return clip and clip.pk


def _in_hand(user, skip):
    """The clip id of what this person should go on with, or None."""
    row = rows.first(_IN_HAND, {"user": user.pk, "skip": skip})
    return row and row[0]


def reserve_next(user, *, current, skip=()):
    """The one piece of work to preload behind `current`, as `next_work` will give it; its clip id or None.

    What is in hand already needs no reservation; else one clip is reserved.
    """
    skip = [current, *skip]
    clip_id = _in_hand(user, skip)
    if clip_id:
        return clip_id
    with transaction.atomic():
        # One reservation at a time for a person, however many tabs ask at once.
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('reserve'), %s)", [user.pk])
        clip_id = _in_hand(user, skip)
        if clip_id:
            return clip_id
        clip, _question = _take_any(user, skip=skip, reserved=True)
        return clip and clip.pk


def renew(user, clip_id):
    """Prolong this person's lease on a clip; False when they hold none."""
    return bool(
        Lease.objects.filter(user=user, clip_id=clip_id).update(expires_at=timezone.now() + lease_length(), reserved=False)
    )


def work_of(user, clip_id):
    """(clip, this person's question about it): the one they can still change first, None before the first save.

    (None, None) when there is no such clip. One statement, because everything at the desk begins with it.
    """
    return _work(_THIS_WORK, {"user": user.pk, "clip": clip_id})


def question_of(user, clip_id):
    return work_of(user, clip_id)[1]


def hold(user, clip_id):
    """Make sure this person may write about this clip now; `WrongState` says in words why not.

    Everything that shows or changes a piece of work comes through here, however it was reached.
    """
    question = question_of(user, clip_id)
    if question and question.state == Question.State.RETURNED:
        return question
    if question and question.state != Question.State.DRAFT:
        raise WrongState(_("You have submitted a question about this clip already. You find it under “My work”."))
    if renew(user, clip_id):
        return question
    if Lease.objects.filter(user=user, clip__isnull=False).count() >= MOST_HELD:
        raise WrongState(_("You hold %(count)s clips already. Submit or put back one of them first.") % {"count": MOST_HELD})
    if _take(user, _THIS_CLIP, clip=clip_id)[0]:
        return question
    with transaction.atomic():
        # Somebody, perhaps another tab of the same person, may be taking it this very moment: wait, then look again.
        list(Clip.objects.select_for_update().filter(pk=clip_id).values_list("pk"))
        if renew(user, clip_id) or _take(user, _THIS_CLIP, clip=clip_id)[0]:
            return question
    raise WrongState(why_not(clip_id))


def why_not(clip_id):
    """A sentence for somebody who cannot have this clip: who has it, or what became of it."""
    clip = Clip.objects.filter(pk=clip_id).first()
    if clip is None:
        return _("There is no clip %(id)s.") % {"id": clip_id}
    if clip.state != Clip.State.READY:
        return _("This clip is not ready: %(state)s.") % {"state": clip.get_state_display().lower()}
    if clip.content not in Clip.WRITABLE:
        return _("This clip was set aside: %(why)s.") % {"why": clip.get_content_display().lower()}
    if clip.purpose == Clip.Purpose.PRACTICE:
        return _("This clip is for practice; questions about it are written in the practice room.")
    lease = Lease.objects.filter(clip=clip).order_by("expires_at").first()
    if lease:
        until = date_format(timezone.localtime(lease.expires_at), "H:i")
        return _("Somebody else is writing about this clip until %(time)s. Your text is kept; take another clip.") % {
            "time": until
        }
    return _("Others have written enough questions about this clip. Your text is kept; take another clip.")


def take_place(clip_id):
    """Take a writer's place without a lease (a submission whose lease is gone); False when none is free."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE annotator_clip SET open_slots = open_slots - 1 WHERE id = %s AND open_slots > 0"
            " AND state = 'ready' AND content IN ('unchecked', 'accepted')",
            [clip_id],
        )
        return cursor.rowcount == 1


def free_places():
    """SQL for the places a clip offers to writers: only clips for `settings.WRITE_PURPOSES` have any.

    Work in hand keeps its place, and so do questions that came with the clip in an imported set.
    """
    leases = Lease.objects.filter(clip=OuterRef("pk"))
    written = Question.objects.exclude(state__in=[Question.State.DRAFT, Question.State.REJECTED]).filter(clip=OuterRef("pk"))
    free = Greatest(Value(settings.WRITERS_PER_CLIP) - _counted(leases) - _counted(written), 0)
    return Case(When(purpose__in=settings.WRITE_PURPOSES, then=free), default=Value(0), output_field=IntegerField())


def _counted(rows):
    counts = rows.order_by().values("clip").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counts, output_field=IntegerField()), 0)


def give_place_back(clip_id):
    """After a question was rejected for good, in the same transaction: count the clip's places anew."""
    Clip.objects.select_for_update().filter(pk=clip_id).values_list("pk").first()  # the count below sees who was before us
    Clip.objects.filter(pk=clip_id).update(open_slots=free_places())


def _free(which, **parameters):
    with connection.cursor() as cursor:
        cursor.execute(_FREE.format(which=which), {"purposes": settings.WRITE_PURPOSES, **parameters})
        return cursor.fetchone()[0]


def release(user, *, clip_id=None, revision_id=None):
    """Put a piece of work back; the draft stays with its author. Returns whether there was a lease."""
    column, value = ("clip_id", clip_id) if clip_id else ("revision_id", revision_id)
    return bool(_free(f"user_id = %(user)s AND {column} = %(value)s", user=user.pk, value=value))


def free_expired_leases():
    """Give back what nobody renewed; returns how many leases ended."""
    return _free("expires_at < now()")
