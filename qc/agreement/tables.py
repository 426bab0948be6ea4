"""What was said about the same revision by several people, counted by the database into patterns.

However many revisions there are, few patterns come back: the bootstrap needs no more (qc/agreement/statistics.py).
"""

from django.db import connection

from qc.agreement.statistics import Looks, Table
from qc.models import BlindAnswer

APPROVED, NOT_APPROVED = 0, 1  # the columns of a table of verdicts
ANSWERS = [answer.value for answer in BlindAnswer.Answer]  # the columns of a table of blind answers; the first is right

_VERDICTS = """
    SELECT v.revision_id AS item, v.reviewer_id AS person, CASE WHEN v.verdict = 'approve' THEN 0 ELSE 1 END AS category
    FROM qc_review v WHERE v.undone_at IS NULL AND v.gold_id IS {gold} NULL
      AND v.ruled_at >= %(since)s AND v.ruled_at < %(until)s
"""
# Only first answers: whoever answered an earlier revision has seen its key.
_BLIND = """
    SELECT b.revision_id AS item, b.reviewer_id AS person,
        array_position(%(answers)s::text[], b.answer::text) - 1 AS category
    FROM qc_blindanswer b JOIN annotator_revision r ON r.id = b.revision_id
    WHERE b.gold_id IS NULL AND b.answered_at >= %(since)s AND b.answered_at < %(until)s
      AND (r.number = 1 OR NOT EXISTS (
          SELECT 1 FROM annotator_revision w JOIN qc_blindanswer e ON e.revision_id = w.id
          WHERE w.question_id = r.question_id AND w.number < r.number AND e.reviewer_id = b.reviewer_id))
"""
_SAID = {"verdicts": _VERDICTS.format(gold=""), "gold": _VERDICTS.format(gold="NOT"), "blind": _BLIND}

# Of revisions that need two approvals, what the first and the second said, whoever they were.
_LOOKS = """
    WITH ruled AS (
        SELECT v.verdict <> 'approve' AS negative, row_number() OVER said AS place,
               first_value(v.ruled_at) OVER said AS began, first_value(v.verdict) OVER said AS opened
        FROM qc_review v JOIN annotator_revision r ON r.id = v.revision_id
        WHERE v.undone_at IS NULL AND v.gold_id IS NULL AND r.approvals_needed > 1 AND v.ruled_at < %(until)s
        WINDOW said AS (PARTITION BY v.revision_id ORDER BY v.ruled_at, v.id)
    )
    SELECT count(*) FILTER (WHERE place = 1), count(*) FILTER (WHERE place = 1 AND negative),
           count(*) FILTER (WHERE place = 2 AND opened = 'approve'),
           count(*) FILTER (WHERE place = 2 AND opened = 'approve' AND negative)
    FROM ruled WHERE began >= %(since)s
"""


def looks(since, until):
    """The `Looks` of revisions whose first verdict lies between two moments."""
    with connection.cursor() as cursor:
        cursor.execute(_LOOKS, {"since": since, "until": until})
        return Looks(*cursor.fetchone())


def width(basis):
    """How many categories a table of this basis has."""
    return len(ANSWERS) if basis == "blind" else 2


_OF_QUESTIONS = " WHERE item IN (SELECT id FROM annotator_revision WHERE question_id = ANY(%(questions)s))"


def _rows(basis, since, until, rest, questions=None):
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH said AS MATERIALIZED ({_SAID[basis]}) {rest}",
            {"since": since, "until": until, "answers": ANSWERS, "questions": questions},
        )
        return cursor.fetchall()


def whole(basis, since, until, questions=None):
    """The Table of everything several people judged between two moments; of `questions`, ids, where they are given."""
    columns = [f"count(*) FILTER (WHERE category = {k}) AS c{k}" for k in range(width(basis))]
    names = ", ".join(f"c{k}" for k in range(width(basis)))
    chosen = "" if questions is None else _OF_QUESTIONS
    rows = _rows(
        basis,
        since,
        until,
        f"SELECT {names}, count(*) FROM (SELECT {', '.join(columns)} FROM said{chosen}"
        f" GROUP BY item HAVING count(*) > 1) AS items GROUP BY {names} ORDER BY {names}",
        questions,
    )
    return Table(tuple(row[:-1] for row in rows), tuple(row[-1] for row in rows))


def by_pair(basis, since, until):
    """{(one person's id, another's): Table} of what each two of them both judged."""
    rows = _rows(
        basis,
        since,
        until,
        "SELECT a.person, b.person, a.category, b.category, count(*) FROM said a JOIN said b"
        " ON a.item = b.item AND a.person < b.person GROUP BY 1, 2, 3, 4",
    )
    found = {}
    for one, other, first, second, count in rows:
        pattern = [0] * width(basis)
        pattern[first] += 1
        pattern[second] += 1
        patterns = found.setdefault((one, other), {})
        patterns[tuple(pattern)] = patterns.get(tuple(pattern), 0) + count
    return {
        pair: Table(tuple(sorted(patterns)), tuple(patterns[one] for one in sorted(patterns)))
        for pair, patterns in found.items()
    }


def right_or_not(table):
    """A table of blind answers with two columns: chose the key, chose anything else."""
    merged = {}
    for pattern, weight in zip(table.counts, table.weights, strict=True):
        two = (pattern[0], sum(pattern[1:]))
        merged[two] = merged.get(two, 0) + weight
    return Table(tuple(sorted(merged)), tuple(merged[pattern] for pattern in sorted(merged)))
