"""Keeping counts true: `catch_up` counts anew what marks name, `recount` everything, and says how far the counts were off.

left = catch_up()     # before a page reads; 0 when every change that is committed is counted
drift = recount()     # nightly, or manage.py recount_quality

Both hold one advisory lock, so counts have one writer; those who work never take it. A mark is taken away before what it
names is read, hence a change that commits in between leaves its own mark for the next time.
"""

import time

import psycopg
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from qc.dashboard import counting_sql as sql
from qc.dashboard.models import CountState, PersonDay, QuestionFacts
from studio.errors import Conflict

BATCH = 1000
_LOCK = "qc.kept_counts"
_TRIES, _PAUSE_S = 100, 0.2


def catch_up(limit=BATCH):
    """Count what at most `limit` marks name; returns how many marks are left, counted no further than `limit`.

    Somebody else may be counting at the same time: then nothing is done, and what is left is told.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM qc_countmark), EXISTS (SELECT 1 FROM qc_countstate WHERE zone = %s)",
            [settings.TIME_ZONE],
        )
        waiting, counted_before = cursor.fetchone()
    if not counted_before:
        recount()
        return 0
    if not waiting:
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext(%s))", [_LOCK])
        if cursor.fetchone()[0]:
            _count_marked(cursor, limit)
        cursor.execute("SELECT count(*) FROM (SELECT 1 FROM qc_countmark LIMIT %s) AS waiting", [limit])
        return cursor.fetchone()[0]


def _count_marked(cursor, limit):
    cursor.execute(
        "DELETE FROM qc_countmark WHERE id IN (SELECT id FROM qc_countmark ORDER BY id LIMIT %s)"
        " RETURNING question_id, person_id, at",
        [limit],
    )
    marks = cursor.fetchall()
    questions = sorted({question for question, _person, _at in marks if question})
    days = sorted({(person, at) for _question, person, at in marks if person and at})
    if questions:
        fresh, parameters = sql.facts(questions)
        cursor.execute(sql.UPDATE_FACTS.format(fresh=fresh), [*parameters, questions])
    if days:
        named = {"people": [person for person, _at in days], "moments": [at for _person, at in days]}
        cursor.execute(sql.UPDATE_DAYS.format(wanted=sql.WANTED), named | _zone())


def _zone():
    return {"zone": settings.TIME_ZONE, "cap": sql.ACTIVE_CAP_S}


def recount():
    """Count everything from the rows themselves, mend what is kept, and return how many kept counts were wrong.

    Compares at one moment, while others go on working. The first time, and the first in another time zone, there is nothing
    to compare with, and 0 comes back.
    """
    for _attempt in range(_TRIES):
        try:
            drift = _recount()
        except OperationalError as error:
            if not isinstance(error.__cause__, psycopg.errors.SerializationFailure):
                raise
            drift = None  # somebody else had counted between this snapshot and the lock
        if drift is not None:
            return drift
        time.sleep(_PAUSE_S)
    raise Conflict(_("Somebody else has been counting all this time. Try again in a minute."))


def _recount():
    """One try; None when somebody else is counting."""
    started, nested = time.monotonic(), connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if not nested:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext(%s))", [_LOCK])
        if not cursor.fetchone()[0]:
            return None
        first = not CountState.objects.filter(zone=settings.TIME_ZONE).exists()
        if first:
            cursor.execute("DELETE FROM qc_countmark")
        else:
            cursor.execute("SELECT count(*) FROM qc_countmark")
            _count_marked(cursor, cursor.fetchone()[0])
        drift = _mend_facts(cursor) + _mend_days(cursor)
        drift = 0 if first else drift
        found = {"recounted_at": timezone.now(), "drift": drift, "seconds": round(time.monotonic() - started, 3)}
        CountState.objects.update_or_create(pk=1, defaults=found | {"zone": settings.TIME_ZONE})
        return drift


def _mend_facts(cursor):
    """Replace wrong facts and tallies; returns how many there were of both."""
    columns = sql.FACTS
    fresh, parameters = sql.facts()
    cursor.execute(f"CREATE TEMPORARY TABLE fresh_facts ON COMMIT DROP AS {fresh}", parameters)
    cursor.execute("ANALYZE fresh_facts")
    wrong = _replace(cursor, "fresh_facts", "qc_questionfacts", ["question_id"], QuestionFacts.COLUMNS)
    cursor.execute(
        f"CREATE TEMPORARY TABLE fresh_tally ON COMMIT DROP AS SELECT {columns}, count(*) AS n FROM fresh_facts GROUP BY"
        f" {columns}"
    )
    cursor.execute("DELETE FROM qc_questiontally WHERE n = 0")
    wrong += _replace(cursor, "fresh_tally", "qc_questiontally", QuestionFacts.COLUMNS, ["n"])
    cursor.execute("DROP TABLE fresh_facts, fresh_tally")
    return wrong


def _mend_days(cursor):
    cursor.execute(
        f"CREATE TEMPORARY TABLE fresh_days ON COMMIT DROP AS SELECT person AS person_id, day, {sql.COUNTS}"
        f" FROM ({sql.DAYS.format(wanted=sql.ALL_WANTED)}) AS counted"
        f" WHERE {sql.ANYTHING}",
        _zone(),
    )
    cursor.execute("ANALYZE fresh_days")
    wrong = _replace(cursor, "fresh_days", "qc_personday", ["person_id", "day"], PersonDay.COUNTS)
    cursor.execute("DROP TABLE fresh_days")
    return wrong


def _replace(cursor, fresh, kept, keys, values):
    """Make table `kept` equal to table `fresh`; returns how many rows were wrong, missing or too many."""

    def listed(pattern, names, joint=", "):
        return joint.join(pattern.format(name) for name in names)

    same = listed("k.{0} = f.{0}", keys, " AND ")
    equal = f"({listed('k.{0}', values)}) IS NOT DISTINCT FROM ({listed('f.{0}', values)})"
    cursor.execute(f"DELETE FROM {kept} k WHERE NOT EXISTS (SELECT 1 FROM {fresh} f WHERE {same})")
    wrong = cursor.rowcount
    cursor.execute(f"UPDATE {kept} k SET {listed('{0} = f.{0}', values)} FROM {fresh} f WHERE {same} AND NOT ({equal})")
    wrong += cursor.rowcount
    names = ", ".join([*keys, *values])
    # Not a NOT EXISTS: into an empty table that would read again and again what it has just written.
    cursor.execute(f"INSERT INTO {kept} ({names}) SELECT {names} FROM {fresh} ON CONFLICT ({', '.join(keys)}) DO NOTHING")
    return wrong + cursor.rowcount
