"""What blind answers say about a question: counts, and the three flags that lists can be narrowed by.

Counted are first answers only: whoever answered an earlier revision has seen its key. And only answers to the present
wording, options compared by what they say and not by a letter. Answers to a question shown as a gold item count as well.
"""

from collections import Counter
from dataclasses import dataclass

from django.db import connection
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from annotator.models import OPTION_KEYS, Revision
from annotator.panels import QuestionFilter
from qc.intervals import wilson
from qc.models import BlindAnswer, ItemStats

DEAD_SHARE, DEAD_AFTER = 0.05, 20  # classical item analysis: fewer choosers than this, after so many answers
SUSPECT_AFTER = 2  # so many people on one wrong option
ALARMING_SHARE = 0.25  # so many of the answers say that two options fit
FLAGS = {
    "key_suspect": _("Key suspect"),
    "two_fit_alarm": _("Two options may fit"),
    "dead_distractor": _("Dead distractor"),
}
_FIELDS = [answer.value for answer in BlindAnswer.Answer]


@dataclass(frozen=True)
class Item:
    """The counts of one question: {answer: how many gave it}."""

    counts: dict

    @property
    def answers(self):
        return sum(self.counts.values())

    @property
    def right(self):
        return self.counts[OPTION_KEYS[0]]

    @property
    def share(self):
        return self.right / self.answers if self.answers else None

    @property
    def interval(self):
        return wilson(self.right, self.answers)

    @property
    def suspects(self):
        """Wrong options that several people took for right."""
        return [key for key in OPTION_KEYS[1:] if self.counts[key] >= SUSPECT_AFTER]

    @property
    def two_fit_alarm(self):
        return self.counts["two_fit"] > 0 and self.counts["two_fit"] >= ALARMING_SHARE * self.answers

    @property
    def dead(self):
        """Distractors that nearly nobody takes; [] while there are too few answers to tell."""
        if self.answers < DEAD_AFTER:
            return []
        return [key for key in OPTION_KEYS[1:] if self.counts[key] < DEAD_SHARE * self.answers]


def item_of(question, *, without_gold=False):
    """Count the blind answers to the present wording of a question. Two queries."""
    current = Revision.objects.filter(question=question, number=question.revision_number).first()
    counts, seen = Counter(dict.fromkeys(_FIELDS, 0)), set()
    if current:
        answers = BlindAnswer.objects.filter(revision__question=question).select_related("revision").order_by("id")
        for answer in answers.filter(gold=None) if without_gold else answers:
            if answer.reviewer_id in seen:
                continue
            seen.add(answer.reviewer_id)
            if _wording(answer.revision) == _wording(current):
                counts[answer.answer] += 1
    return Item(dict(counts))


def _wording(revision):
    return revision.stem, revision.options


# Two statements, so that the second sees what others stored before they let go of the row that the first locks.
_LOCK = """
INSERT INTO qc_itemstats AS s (question_id, revision_id, answers, {zeroes}, key_suspect, two_fit_alarm, dead_distractor)
SELECT q.id, r.id, 0, {noughts}, false, false, false
FROM annotator_question q JOIN annotator_revision r ON r.question_id = q.id AND r.number = q.revision_number
WHERE q.id = %(question)s ON CONFLICT (question_id) DO UPDATE SET revision_id = excluded.revision_id
""".format(zeroes=", ".join(_FIELDS), noughts=", ".join("0" for _field in _FIELDS))
_COUNT = """
UPDATE qc_itemstats s SET answers = c.answers, {sets},
    key_suspect = greatest(c.distractor_1, c.distractor_2, c.distractor_3) >= {suspect},
    two_fit_alarm = c.two_fit > 0 AND c.two_fit >= {alarming} * c.answers,
    dead_distractor = c.answers >= {dead_after}
        AND least(c.distractor_1, c.distractor_2, c.distractor_3) < {dead_share} * c.answers
FROM (
    SELECT count(*) AS answers, {counts} FROM (
        SELECT DISTINCT ON (b.reviewer_id) b.answer, {same} AS same
        FROM qc_blindanswer b JOIN annotator_revision w ON w.id = b.revision_id
        JOIN annotator_question q ON q.id = w.question_id
        JOIN annotator_revision r ON r.question_id = q.id AND r.number = q.revision_number
        WHERE w.question_id = %(question)s ORDER BY b.reviewer_id, b.id
    ) AS firsts WHERE same
) AS c WHERE s.question_id = %(question)s
""".format(
    sets=", ".join(f"{field} = c.{field}" for field in _FIELDS),
    counts=", ".join(f"count(*) FILTER (WHERE answer = '{field}') AS {field}" for field in _FIELDS),
    same=" AND ".join(f"w.{field} = r.{field}" for field in ("stem", *OPTION_KEYS)),
    suspect=SUSPECT_AFTER,
    alarming=ALARMING_SHARE,
    dead_after=DEAD_AFTER,
    dead_share=DEAD_SHARE,
)


def recount(question_id):
    """Store the counts of a question anew, inside the caller's transaction; of two at once the second counts both."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, {"question": question_id})
        cursor.execute(_COUNT, {"question": question_id})


def _flagged(rows, flag, query):
    """The rows with a flag; counts of an earlier wording say nothing about the present one."""
    same = {field: OuterRef(f"revision__{field}") for field in ("stem", *OPTION_KEYS)}
    current = Revision.objects.filter(question=OuterRef("pk"), number=OuterRef("question__revision_number"), **same)
    return rows.filter(pk__in=ItemStats.objects.filter(Exists(current), **{flag: True}).order_by().values("pk"))


FILTER = QuestionFilter("flag", _("Flag"), lambda: list(FLAGS.items()), _flagged)
