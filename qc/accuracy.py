"""How well reviewers answer gold items, by person and by week, beside how their practice went."""

from datetime import timedelta

from django.db.models import Count, Max, Q
from django.db.models.functions import TruncWeek
from django.utils import timezone

from annotator import practice
from qc.intervals import wilson
from qc.models import BlindAnswer, Review
from studio.models import User

DAYS = (30, 90, 365)
WEEKS = 26
_RIGHT = Q(answer=BlindAnswer.Answer.CORRECT)


def _answers(since):
    return BlindAnswer.objects.filter(gold__isnull=False, answered_at__gte=since).order_by()


def by_person(days):
    """[{person, answers, right, low, high, verdicts, approved, practice, last}, ...], those with most answers first.

    `practice`: (right, answered) of first attempts on clips whose truth is known. Four queries, however many people.
    """
    since = timezone.now() - timedelta(days=days)
    answers = _answers(since).values("reviewer").annotate(n=Count("pk"), right=Count("pk", filter=_RIGHT), last=Max("answered_at"))  # fmt: skip # noqa: E501
    verdicts = (
        Review.with_gold.filter(gold__isnull=False, undone_at=None, ruled_at__gte=since)
        .order_by()
        .values("reviewer")
        .annotate(n=Count("pk"), approved=Count("pk", filter=Q(verdict="approve")))
    )
    verdicts = {row["reviewer"]: row for row in verdicts}
    practised = {row["person"]: (row["answers_right"], row["answers"]) for row in practice.figures_by_person()[:500]}
    answers = {row["reviewer"]: row for row in answers}
    reviewers = User.objects.filter(Q(pk__in=answers) | Q(roles__contains=["reviewer"], is_active=True))
    rows = []
    for person in reviewers.order_by("username")[:500]:
        found = answers.get(person.pk, {"n": 0, "right": 0, "last": None})
        ruled = verdicts.get(person.pk, {"n": 0, "approved": 0})
        rows.append(
            {
                "person": person,
                **_share(found),
                "last": found["last"],
                "verdicts": ruled["n"],
                "approved": ruled["approved"],
                "practice": practised.get(person.pk, (0, 0)),
            }
        )
    return sorted(rows, key=lambda row: -row["answers"])


def _share(found):
    interval = wilson(found["right"], found["n"]) or (None, None)
    share = found["right"] / found["n"] if found["n"] else None
    return {"answers": found["n"], "right": found["right"], "share": share, "low": interval[0], "high": interval[1]}


def by_week(person):
    """[{week, answers, right, share, low, high}, ...] of the last half year, newest first, empty weeks left out."""
    since = timezone.now() - timedelta(weeks=WEEKS)
    weeks = _answers(since).filter(reviewer=person).annotate(week=TruncWeek("answered_at")).values("week")
    weeks = weeks.annotate(n=Count("pk"), right=Count("pk", filter=_RIGHT)).order_by("-week")
    return [{"week": row["week"], **_share(row)} for row in weeks]
