"""Rates with intervals, reasons counted, statistics of pairs."""

from math import sqrt

from django.db.models import Count

from modelzoo.instruct import reasons
from modelzoo.instruct.models import BuildStep, InstructSample, PreferencePair


def wilson(hits, n, z=1.96):
    """95% interval of a share (Wilson 1927): (low, high); (0, 1) where n is 0."""
    if not n:
        return 0.0, 1.0
    share, spread = hits / n, z * z / n
    middle, half = share + spread / 2, z * sqrt(share * (1 - share) / n + spread / (4 * n))
    return max(0.0, (middle - half) / (1 + spread)), min(1.0, (middle + half) / (1 + spread))


def counted(rows, field):
    """{value: count}, the most frequent first."""
    found = rows.order_by().values_list(field).annotate(count=Count("pk"))
    return dict(sorted(found, key=lambda item: -item[1]))


def acceptance():
    """(accepted, decided, low, high) of what a model wrote and a person ruled on."""
    ruled = InstructSample.objects.filter(origin="model", decided_by__isnull=False)
    n, hits = ruled.count(), ruled.filter(state="accepted").count()
    return hits, n, *wilson(hits, n)


def told(job):
    """What came of a build, in words: states, and every reason with its count."""
    parts = []
    for name, rows in (
        ("replies", BuildStep.objects.filter(job=job)),
        ("samples", InstructSample.objects.filter(job=job)),
        ("pairs", PreferencePair.objects.filter(job=job)),
    ):
        states = counted(rows, "state")
        if states:
            parts.append(f"{name}: " + ", ".join(f"{count} {state}" for state, count in states.items()))
        parts += [f"  {count} {reasons.ALL[why]}" for why, count in counted(rows.exclude(reason=""), "reason").items()]
    own = [f"{count} {name.replace('_', ' ')}" for name, count in job.__class__.objects.get(pk=job.pk).result.items()]
    return "\n".join([*parts, *own])
