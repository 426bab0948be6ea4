"""The statements behind qc/dashboard/counting.py: facts of questions and days of people, counted from the rows."""

from django.db.models import Case, CharField, Exists, F, OuterRef, Q, Value, When

from annotator.models import Clip, Question, Revision
from qc import leak_verdicts
from qc.dashboard.models import PersonDay, QuestionFacts

ACTIVE_CAP_S = 20 * 60
# Gold items are work like any other, so they count in throughput; they measure their reviewer, not the questions, so they
# do not count in blind accuracy and agreement.
FACTS = ", ".join(QuestionFacts.COLUMNS)
COUNTS = ", ".join(PersonDay.COUNTS)


def facts(ids=None):
    """(SQL, parameters) of one row (question_id, *FACTS) for each question, or for those of `ids`."""
    text = CharField()
    revisions = Revision.objects.filter(number=F("question__revision_number"))
    bare = Question.objects.exclude(
        Exists(Revision.objects.filter(question=OuterRef("pk"), number=OuterRef("revision_number")))
    )
    if ids is not None:
        revisions, bare = revisions.filter(question_id__in=ids), bare.filter(pk__in=ids)
    accepted = Q(
        question__clip__state=Clip.State.READY,
        question__clip__content=Clip.Content.ACCEPTED,
        question__clip__purpose__in=[Clip.Purpose.BENCHMARK, Clip.Purpose.TRAINING],
    )
    gate = Case(
        When(~Q(question__state=Question.State.APPROVED), then=Value("")),
        When(~accepted, then=Value(QuestionFacts.Gate.CLIP)),
        When(leak_standing__in=leak_verdicts.PASSED, then=Value(QuestionFacts.Gate.IN)),
        default=Value(QuestionFacts.Gate.LEAK),
        output_field=text,
    )
    revisions = leak_verdicts.with_standing(revisions).annotate(gate=gate).order_by()
    revisions = revisions.values_list(
        "question_id", "question__state", "question__category", "question__clip__purpose", "leak_standing", "gate"
    )
    bare = bare.order_by().values_list(
        "pk", "state", "category", "clip__purpose", Value("", output_field=text), Value("", output_field=text)
    )
    (one, first), (other, second) = (rows.query.sql_with_params() for rows in (revisions, bare))
    sql = f"SELECT * FROM (({one}) UNION ALL ({other})) AS counted (question_id, {FACTS})"
    return sql, (*first, *second)


# `fresh` holds the facts as they are, `kept` as they were; the tally moves by the difference. One statement, one moment.
UPDATE_FACTS = f"""
WITH fresh AS MATERIALIZED ({{fresh}}),
kept AS MATERIALIZED (SELECT question_id, {FACTS} FROM qc_questionfacts WHERE question_id = ANY(%s)),
gone AS (
    DELETE FROM qc_questionfacts f USING kept
    WHERE f.question_id = kept.question_id AND NOT EXISTS (SELECT 1 FROM fresh WHERE fresh.question_id = f.question_id)
), stored AS (
    INSERT INTO qc_questionfacts (question_id, {FACTS}) SELECT question_id, {FACTS} FROM fresh
    ON CONFLICT (question_id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in QuestionFacts.COLUMNS)}
    WHERE ({", ".join(f"qc_questionfacts.{name}" for name in QuestionFacts.COLUMNS)})
       IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in QuestionFacts.COLUMNS)})
)
INSERT INTO qc_questiontally ({FACTS}, n)
SELECT {FACTS}, sum(n) FROM (SELECT {FACTS}, 1 AS n FROM fresh UNION ALL SELECT {FACTS}, -1 FROM kept) moved
GROUP BY {FACTS} HAVING sum(n) <> 0
ON CONFLICT ({FACTS}) DO UPDATE SET n = qc_questiontally.n + excluded.n
"""

# The days that marks name. A piece of work begins where the one before ended, so the end of a day reaches into the next.
WANTED = """
SELECT DISTINCT m.person_id AS person, (moment AT TIME ZONE %(zone)s)::date AS day
FROM unnest(%(people)s::bigint[], %(moments)s::timestamptz[]) AS m (person_id, at)
CROSS JOIN LATERAL (VALUES (m.at), (m.at + %(cap)s * interval '1 second')) AS both_ends (moment)
"""
ALL_WANTED = """
SELECT DISTINCT person, (at AT TIME ZONE %(zone)s)::date AS day FROM (
    SELECT author_id AS person, submitted_at AS at FROM annotator_revision
    UNION ALL SELECT reviewer_id, answered_at FROM qc_blindanswer
    UNION ALL SELECT reviewer_id, ruled_at FROM qc_review
    UNION ALL SELECT r.author_id, k.finished_at FROM qc_leakcheck k JOIN annotator_revision r ON r.id = k.revision_id
        WHERE k.finished_at IS NOT NULL
) AS happened
"""
# Active time: each submission, blind answer and verdict counts the time since it was begun or since this person's previous
# one, whichever is later, and never more than the cap. When a blind answer was begun follows from what it took.
DAYS = f"""
WITH wanted AS MATERIALIZED ({{wanted}}),
reach AS (
    SELECT array_agg(DISTINCT person) AS people, min(day)::timestamp AT TIME ZONE %(zone)s AS since,
           (max(day) + 1)::timestamp AT TIME ZONE %(zone)s AS until
    FROM wanted
),
written AS (
    SELECT r.author_id AS person, r.submitted_at AS at, r.taken_at AS begun, r.id
    FROM annotator_revision r, reach
    WHERE r.author_id = ANY(reach.people) AND r.submitted_at < reach.until
      AND r.submitted_at >= reach.since - %(cap)s * interval '1 second'
),
answered AS (
    SELECT b.reviewer_id AS person, b.answered_at AS at, b.id, b.answer = 'correct' AS is_right,
           b.gold_id IS NULL AS is_real,
           b.answered_at - (b.watched_s + b.seconds) * interval '1 second' AS begun
    FROM qc_blindanswer b, reach
    WHERE b.reviewer_id = ANY(reach.people) AND b.answered_at < reach.until
      AND b.answered_at >= reach.since - %(cap)s * interval '1 second'
),
ruled AS (
    SELECT v.reviewer_id AS person, v.ruled_at AS at, v.id, v.revision_id, v.verdict, v.undone_at IS NULL AS stands,
           v.gold_id IS NULL AS is_real
    FROM qc_review v, reach
    WHERE v.reviewer_id = ANY(reach.people) AND v.ruled_at < reach.until
      AND v.ruled_at >= reach.since - %(cap)s * interval '1 second'
),
work AS (
    SELECT person, at, begun, id, 0 AS kind FROM written
    UNION ALL SELECT person, at, begun, id, 1 FROM answered
    UNION ALL SELECT person, at, NULL, id, 2 FROM ruled
),
timed AS (
    SELECT person, at, kind,
           least(%(cap)s, extract(epoch FROM at - greatest(begun, lag(at) OVER (PARTITION BY person ORDER BY at, kind, id))))
               AS seconds
    FROM work
),
counted AS (
    SELECT person, (at AT TIME ZONE %(zone)s)::date AS day,
           count(*) FILTER (WHERE kind = 0) AS submissions,
           coalesce(round(sum(greatest(0, coalesce(seconds, %(cap)s))) FILTER (WHERE kind = 0)), 0) AS write_s,
           coalesce(round(sum(greatest(0, coalesce(seconds, %(cap)s))) FILTER (WHERE kind > 0)), 0) AS review_s
    FROM timed GROUP BY 1, 2
),
blind AS (
    SELECT person, (at AT TIME ZONE %(zone)s)::date AS day,
           count(*) AS blind, count(*) FILTER (WHERE is_right) AS blind_right
    FROM answered WHERE is_real GROUP BY 1, 2
),
reviewed AS (
    SELECT person, (at AT TIME ZONE %(zone)s)::date AS day, count(*) AS reviews FROM ruled WHERE stands GROUP BY 1, 2
),
pairs AS (
    SELECT l.person, (l.at AT TIME ZONE %(zone)s)::date AS day,
           count(*) FILTER (WHERE l.verdict = 'approve' AND e.verdict = 'approve') AS both_approve,
           count(*) FILTER (WHERE l.verdict <> 'approve' AND e.verdict <> 'approve') AS both_doubt,
           count(*) FILTER (WHERE (l.verdict = 'approve') <> (e.verdict = 'approve')) AS differ
    FROM ruled l JOIN qc_review e ON e.revision_id = l.revision_id AND e.id < l.id AND e.undone_at IS NULL
        AND e.gold_id IS NULL
    WHERE l.stands AND l.is_real GROUP BY 1, 2
),
leaks AS (
    SELECT r.author_id AS person, (k.finished_at AT TIME ZONE %(zone)s)::date AS day,
           count(*) FILTER (WHERE k.state = 'clear') AS leak_clear,
           count(*) FILTER (WHERE k.state = 'unsure') AS leak_unsure,
           count(*) FILTER (WHERE k.state = 'leaky') AS leak_leaky
    FROM reach, qc_leakcheck k JOIN annotator_revision r ON r.id = k.revision_id
    WHERE k.finished_at >= reach.since AND k.finished_at < reach.until
    GROUP BY 1, 2
)
SELECT person, day, {", ".join(f"coalesce({name}, 0)::int AS {name}" for name in PersonDay.COUNTS)}
FROM wanted
LEFT JOIN counted USING (person, day) LEFT JOIN blind USING (person, day) LEFT JOIN reviewed USING (person, day)
LEFT JOIN pairs USING (person, day) LEFT JOIN leaks USING (person, day)
"""
ANYTHING = " OR ".join(f"{name} <> 0" for name in PersonDay.COUNTS)
_ANYTHING_OF_F = " OR ".join(f"f.{name} <> 0" for name in PersonDay.COUNTS)
UPDATE_DAYS = f"""
WITH fresh AS MATERIALIZED ({DAYS}),
gone AS (
    DELETE FROM qc_personday d USING fresh
    WHERE d.person_id = fresh.person AND d.day = fresh.day
      AND NOT EXISTS (SELECT 1 FROM fresh f WHERE f.person = d.person_id AND f.day = d.day AND ({_ANYTHING_OF_F}))
)
INSERT INTO qc_personday (person_id, day, {COUNTS}) SELECT person, day, {COUNTS} FROM fresh WHERE {ANYTHING}
ON CONFLICT (day, person_id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in PersonDay.COUNTS)}
"""
