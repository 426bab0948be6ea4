"""The same counts from the objects themselves, in plain Python, so that SQL is not compared with itself."""

from collections import Counter, defaultdict
from itertools import combinations
from zoneinfo import ZoneInfo

from django.conf import settings

from annotator.models import Question, Revision
from modelzoo import exporting
from qc import leak_verdicts
from qc.dashboard.models import PersonDay, QuestionFacts, QuestionTally
from qc.models import BlindAnswer, LeakCheck, LeakWaiver, Review

CAP_S = 20 * 60


def day_of(moment):
    return moment.astimezone(ZoneInfo(settings.TIME_ZONE)).date()


def _standing(revision):
    if revision is None:
        return ""
    checks = list(LeakCheck.objects.filter(revision=revision).order_by("id"))
    verdict = next((check.state for check in checks if check.current), None)
    texts = (revision.stem, *revision.options.values())
    waived = any(
        (waiver.revision.stem, *waiver.revision.options.values()) == texts
        for waiver in LeakWaiver.objects.filter(revision__question=revision.question_id).select_related("revision")
    )
    if verdict == "clear":
        return "clear"
    return "waived" if waived else verdict or (checks[-1].state if checks else "unchecked")


def facts():
    """{question id: (state, category, purpose, leak, gate)}"""
    exportable = set(leak_verdicts.passed(exporting.approved()).values_list("question_id", flat=True))
    approved = set(exporting.approved().values_list("question_id", flat=True))
    found = {}
    for question in Question.objects.select_related("clip"):
        revision = Revision.objects.filter(question=question, number=question.revision_number).first()
        gate = ""
        if question.state == "approved":
            gate = "in" if question.pk in exportable else "leak" if question.pk in approved else "clip"
        found[question.pk] = (question.state, question.category, question.clip.purpose, _standing(revision), gate)
    return found


def days():
    """{(person, day): {count: n}} without those of which every count is 0."""
    found = defaultdict(Counter)
    work = defaultdict(list)
    for revision in Revision.objects.all():
        found[revision.author_id, day_of(revision.submitted_at)]["submissions"] += 1
        work[revision.author_id].append((revision.submitted_at, 0, revision.pk, revision.taken_at))
    for answer in BlindAnswer.objects.all():
        mine = found[answer.reviewer_id, day_of(answer.answered_at)]
        mine["blind"] += 1
        mine["blind_right"] += answer.answer == "correct"
        begun = answer.answered_at.timestamp() - answer.watched_s - answer.seconds
        work[answer.reviewer_id].append((answer.answered_at, 1, answer.pk, begun))
    by_revision = defaultdict(list)
    for review in Review.objects.order_by("id"):
        work[review.reviewer_id].append((review.ruled_at, 2, review.pk, None))
        if review.undone_at is None:
            found[review.reviewer_id, day_of(review.ruled_at)]["reviews"] += 1
            by_revision[review.revision_id].append(review)
    for reviews in by_revision.values():
        for earlier, later in combinations(reviews, 2):
            approvals = (earlier.verdict == "approve") + (later.verdict == "approve")
            name = ("both_doubt", "differ", "both_approve")[approvals]
            found[later.reviewer_id, day_of(later.ruled_at)][name] += 1
    for check in LeakCheck.objects.filter(state__in=LeakCheck.VERDICTS).select_related("revision"):
        found[check.revision.author_id, day_of(check.finished_at)][f"leak_{check.state}"] += 1
    for person, pieces in work.items():
        seconds = Counter()
        before = None
        for at, kind, _pk, begun in sorted(pieces, key=lambda piece: piece[:3]):
            starts = [before] if before else []
            if begun:
                starts.append(begun if isinstance(begun, float) else begun.timestamp())
            spent = min(CAP_S, at.timestamp() - max(starts)) if starts else CAP_S
            seconds[day_of(at), "review_s" if kind else "write_s"] += max(0, spent)
            before = at.timestamp()
        for (day, name), total in seconds.items():
            found[person, day][name] = round(total)
    return {key: counts for key, counts in found.items() if any(counts.values())}


def assert_kept_counts_are_true():
    kept = {row[0]: row[1:] for row in QuestionFacts.objects.values_list("question_id", *QuestionFacts.COLUMNS)}
    assert kept == facts()
    tally = {tuple(row[:-1]): row[-1] for row in QuestionTally.objects.exclude(n=0).values_list(*QuestionTally.COLUMNS, "n")}
    assert tally == dict(Counter(facts().values()))
    real = days()
    rows = list(PersonDay.objects.all())
    assert {(row.person_id, row.day) for row in rows} == set(real)
    for row in rows:
        for name in PersonDay.COUNTS:
            slack = 1 if name.endswith("_s") else 0  # rounding of halves
            assert abs(getattr(row, name) - real[row.person_id, row.day][name]) <= slack, (row.person_id, row.day, name)
