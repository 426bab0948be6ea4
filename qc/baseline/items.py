"""The questions the baseline reads: the current wording of all that wait for review, are in adjudication or approved."""

from dataclasses import dataclass

from django.db.models import F

from annotator.models import OPTION_KEYS, Clip, Question, Revision

STATES = (Question.State.SUBMITTED, Question.State.DISPUTED, Question.State.APPROVED)
PURPOSES = (Clip.Purpose.BENCHMARK, Clip.Purpose.TRAINING)


@dataclass(frozen=True, slots=True)
class Item:
    """A question as a reader without the clip sees it. `options`: the key first; nobody may learn from that place."""

    revision: int
    family: int
    category: str
    author: int
    published_order: str  # letters of the options where an imported set fixed them, the key's first
    stem: str
    options: tuple


def family_of(clip, family):
    """The family of a clip as one number; a clip that is like no other is a family of its own.

    Clips of one family show the same material, so questions about them never lie on both sides of a fold.
    """
    return family or -clip


def revisions():
    """Drafts, returned and rejected questions are not in it, nor is anything about practice clips."""
    return Revision.objects.filter(
        number=F("question__revision_number"), question__state__in=STATES, question__clip__purpose__in=PURPOSES
    )


def read(tick=lambda done: None):
    """All items in the order of their revisions; `tick(done)` is called now and then and may raise."""
    rows = revisions().order_by("pk")
    fields = (
        "pk",
        "question__clip_id",
        "question__clip__family_id",
        "category",
        "author_id",
        "question__published_order",
        "stem",
        *OPTION_KEYS,
    )
    found = []
    for pk, clip, family, category, author, order, stem, *options in rows.values_list(*fields).iterator(5000):
        found.append(Item(pk, family_of(clip, family), category, author, order, stem, tuple(options)))
        if len(found) % 5000 == 0:
            tick(len(found))
    return found
