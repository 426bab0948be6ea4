"""What comes back again and again to one author: reasons that recur among their last ruled revisions, as hints.

A hint stands beside the field it concerns until its author hides it; it comes back when the reason does.
"""

from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotator.models import HiddenHabit, Remark

_Code = Remark.Code
ADVICE = {
    _Code.WRONG: gettext_lazy("Play the marked span once more before submitting and read the key against it."),
    _Code.INCOMPLETE: gettext_lazy("Say in the key which object does what; two things in the picture may look alike."),
    _Code.ALSO_TRUE: gettext_lazy("Hold each distractor against the clip: not one frame may make it true."),
    _Code.IMPLAUSIBLE: gettext_lazy("Write distractors about things really in the picture that could happen in a game."),
    _Code.CATEGORY: gettext_lazy("Read the definition under the category before choosing it."),
    _Code.SPAN: gettext_lazy("Step frame by frame to where the glitch can first and last be seen."),
    _Code.LANGUAGE: gettext_lazy("Read each sentence aloud once; short and plain is best."),
    _Code.UNUSABLE: gettext_lazy("Report a clip that shows no clear glitch; do not write about it."),
    _Code.LEAKY: gettext_lazy("Cover the video and answer from the text alone: if you can, others can."),
    _Code.OTHER: gettext_lazy("Read what was written to you under “My work”."),
}
# Distractors are numbered by chance, so what is said about one of them concerns all.
_SQL = """
WITH ruled AS (
    SELECT r.id FROM annotator_revision r JOIN annotator_question q ON q.id = r.question_id
    WHERE r.author_id = %(author)s
      AND (r.number < q.revision_number OR q.state IN ('approved', 'returned', 'rejected'))
    ORDER BY r.id DESC LIMIT %(last)s
), said AS (
    SELECT CASE WHEN m.field LIKE 'distractor%%' THEN 'distractor' ELSE m.field END AS place, m.code, m.revision_id, m.at
    FROM ruled JOIN annotator_remark m ON m.revision_id = ruled.id
)
SELECT said.place, said.code, count(DISTINCT said.revision_id), (SELECT count(*) FROM ruled)
FROM said LEFT JOIN annotator_hiddenhabit h
    ON h.author_id = %(author)s AND h.place = said.place AND h.code = said.code
GROUP BY said.place, said.code
HAVING count(DISTINCT said.revision_id) >= %(count)s AND (max(h.at) IS NULL OR max(said.at) > max(h.at))
ORDER BY 3 DESC, 1, 2
"""


@dataclass(frozen=True)
class Habit:
    place: str  # a field, "distractor" for all three, "" for the question as a whole
    code: str
    count: int
    of: int

    @property
    def text(self):
        return _("%(count)s of your last %(of)s questions came back with: %(reason)s.") % {
            "count": self.count,
            "of": self.of,
            "reason": _Code(self.code).label,
        }

    @property
    def advice(self):
        return ADVICE[self.code]


def of(author):
    """The recurring reasons of an author that they have not hidden, most frequent first. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL, {"author": author.pk, "last": settings.HABIT_OF_LAST, "count": settings.HABIT_COUNT})
        return [Habit(*row) for row in cursor.fetchall()]


def hide(author, place, code):
    """Hide a hint until the same reason comes back once more; ValueError for one that cannot exist."""
    places = {"distractor", *(field for field, _label in Remark.FIELD_CHOICES)}
    if place not in places or code not in _Code.values:
        raise ValueError(f"There is no hint {place!r}, {code!r}.")
    HiddenHabit.objects.update_or_create(author=author, place=place, code=code, defaults={"at": timezone.now()})
