"""Practising on clips whose truth is known: write or answer, then compare. Nothing here touches questions or reviews."""

from django.db import IntegrityError, transaction
from django.db.models import Avg, Count, Max, Q
from django.utils.translation import gettext as _

from annotator import truths
from annotator.models import Clip, PracticeAttempt, WrongState
from annotator.services import Invalid, check_complete

Way = PracticeAttempt.Way
CANNOT_TELL = "cannot_tell"


def attempt_question(*, person, clip, content):
    """Compare a whole question (as `services.clean_draft` gives it) with the clip's truth; returns the PracticeAttempt.

    Invalid, and nothing stored, for a question that could not be submitted either.
    """
    errors = check_complete(content, clip)
    if errors:
        raise Invalid(errors)
    return _store(person, clip, Way.WRITE, **content)


def attempt_nothing_wrong(*, person, clip):
    """Store that somebody found no glitch in the clip."""
    return _store(person, clip, Way.WRITE, category="", spans=[])


def attempt_answer(*, person, clip, answer):
    """Store an answer to the clip's own question: the index of an option as text, or CANNOT_TELL."""
    question = clip.truth.question
    if question is None:
        raise WrongState(_("There is no question to answer about this clip; write one instead."))
    chosen = None
    if answer != CANNOT_TELL:
        if answer not in {str(index) for index in range(len(question["options"]))}:
            raise Invalid({"answer": _("Choose one of the options, or “cannot tell”.")})
        chosen = int(answer)
    return _store(
        person,
        clip,
        Way.ANSWER,
        answer=chosen,
        answer_right=chosen == question["answer_index"],
        stem=question["stem"][: PracticeAttempt._meta.get_field("stem").max_length],
        correct="" if chosen is None else question["options"][chosen],
    )


def _store(person, clip, way, **said):
    if way == Way.WRITE:
        compared = truths.compare(clip.truth, category=said["category"], spans=said["spans"])
        said |= {"category_right": compared.category_right, "overlap": compared.overlap}
    # Who has seen one of two twins knows the other.
    known = PracticeAttempt.objects.filter(Q(clip=clip) | Q(clip__in=_twins(clip)), person=person)
    attempt = PracticeAttempt(person=person, clip=clip, way=way, first=not known.exists(), **said)
    try:
        with transaction.atomic():
            attempt.save()
    except IntegrityError:  # the same person was first in another window, this very moment
        attempt.first = False
        attempt.save()
    return attempt


def _twins(clip):
    twin = clip.truth.row["twin"]
    return Clip.objects.filter(source=clip.source, source_id=twin) if twin else Clip.objects.none()


# Only first attempts count: later ones were made by somebody who knew the truth.
FIGURES = {
    "clips": Count("pk", filter=Q(first=True)),
    "categories": Count("pk", filter=Q(first=True, category_right__isnull=False)),
    "categories_right": Count("pk", filter=Q(first=True, category_right=True)),
    "mean_overlap": Avg("overlap", filter=Q(first=True)),
    "answers": Count("pk", filter=Q(first=True, way=Way.ANSWER)),
    "answers_right": Count("pk", filter=Q(first=True, answer_right=True)),
    "attempts": Count("pk"),
    "last": Max("at"),
}


def figures_of(person):
    """How somebody's first attempts went: the keys of FIGURES."""
    return PracticeAttempt.objects.filter(person=person).aggregate(**FIGURES)


def figures_by_person():
    """[{person, person__username, ..., and the keys of FIGURES}, ...], whoever practised last first."""
    rows = PracticeAttempt.objects.order_by().values("person", "person__username", "person__first_name", "person__last_name")
    return rows.annotate(**FIGURES).order_by("-last")
