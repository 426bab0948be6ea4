"""Agreement reports: computed by a worker, stored, and shown from what is stored, so that no page counts anything.

A report's figures are {"items", "ratings", "negative", "draws", "seed", "percent", "ac1", "alpha", "on_class", "pairs"};
each of the four is [value, low, high], 0 to 1 or null, and so they are in each of `pairs`, beside `one`, `other`, `items`.

`on_class` is agreement on rejections, or on missing the key; null where LEAST_NEGATIVE judgements are not there to tell by.
Of ordinary verdicts it follows from `looks` (statistics.Looks, as four numbers), because a revision that its first reviewer
returns meets no second verdict; of a pair of people it is null then.
"""

import re
from dataclasses import astuple
from datetime import UTC, date, datetime, time, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from annotator.services import Invalid
from qc.agreement import tables
from qc.agreement.statistics import DRAWS, Figure, rejection_with_interval, with_intervals
from qc.models import AgreementReport
from studio import jobs
from studio.sentences import say

KIND = "qc.agreement"
BASES = AgreementReport.Basis.values
SPANS = ("30", "90", "365", "all")
NIGHTLY = SPANS  # the quality page shows the newest of its span
MOST_PAIRS = 300
PAIR_DRAWS = 1000
SEED = 20241202
NAMES = ("percent", "ac1", "alpha", "on_class")
LEAST_NEGATIVE = 10  # fewer rejections, or missed keys, say nothing about agreement on them
LEAST_SECOND = 30  # and fewer second verdicts
_DAYS = re.compile(r"(\d{4}-\d\d-\d\d)_(\d{4}-\d\d-\d\d)")


def bounds(span):
    """(since, until) of a span as moments; Invalid for anything that is no span."""
    now = timezone.now()
    if span == "all":
        return datetime(2000, 1, 1, tzinfo=UTC), now
    if span in SPANS:
        return now - timedelta(days=int(span)), now
    days = _DAYS.fullmatch(span)
    try:
        first, last = (date.fromisoformat(day) for day in days.groups())
        zone = timezone.get_current_timezone()
        since = datetime.combine(first, time.min, zone)
        until = datetime.combine(last + timedelta(days=1), time.min, zone)
    except (AttributeError, ValueError, OverflowError):
        raise Invalid({"span": _("A span is 30, 90, 365, all, or two days such as 2026-01-01_2026-03-31.")}) from None
    if since >= until:
        raise Invalid({"span": _("The first day lies after the last.")})
    return since, until


def start(basis, span, *, by=None):
    """Let a worker compute a report; returns its job, the same for the same report while it is under way."""
    if basis not in BASES:
        raise Invalid({"basis": _("Choose verdicts, blind answers or gold items.")})
    bounds(span)
    title = say("Agreement between reviewers")
    return jobs.enqueue(KIND, owner=by, key=f"agreement-{basis}-{span}", title=title, basis=basis, span=span)


def newest(basis, span):
    return AgreementReport.objects.filter(basis=basis, span=span).first()


def make(basis, span):
    """Compute and store a report; returns it. Reports of the same kind older than the last twenty go."""
    report = AgreementReport.objects.create(basis=basis, span=span, figures=compute(basis, *bounds(span)))
    kept = AgreementReport.objects.filter(basis=basis, span=span).values_list("pk", flat=True)[:20]
    AgreementReport.objects.filter(basis=basis, span=span).exclude(pk__in=list(kept)).delete()
    return report


def compute(basis, since, until):
    whole = tables.whole(basis, since, until)
    pairs = sorted(tables.by_pair(basis, since, until).items(), key=lambda pair: (-pair[1].items, pair[0]))
    found = _told(basis, whole, draws=DRAWS)
    if basis == "verdicts":
        found |= _rejections(tables.looks(since, until))
    found["pairs"] = [
        {"one": one, "other": other, **_told(basis, table, draws=PAIR_DRAWS)} for (one, other), table in pairs[:MOST_PAIRS]
    ]
    return found


def of_questions(question_ids):
    """{basis: figures without pairs} of all that was ever said about these questions, for their release."""
    since, until = bounds("all")
    return {
        basis: _told(basis, tables.whole(basis, since, until, list(question_ids)), draws=DRAWS)
        for basis in ("verdicts", "blind")
    }


def _told(basis, table, *, draws):
    two = tables.right_or_not(table) if basis == "blind" else table
    figures = with_intervals(table, tables.NOT_APPROVED, seed=SEED, draws=draws)
    if basis == "blind":
        figures["on_class"] = with_intervals(two, tables.NOT_APPROVED, seed=SEED, draws=draws)["on_class"]
    negative = sum(pattern[1] * weight for pattern, weight in zip(two.counts, two.weights, strict=True))
    if basis == "verdicts" or negative < LEAST_NEGATIVE:
        figures["on_class"] = Figure(None)
    return {
        "items": table.items,
        "ratings": table.ratings,
        "negative": negative,
        "draws": draws,
        "seed": SEED,
        **{name: [figures[name].value, figures[name].low, figures[name].high] for name in NAMES},
    }


def _rejections(looks):
    enough = looks.first_negative >= LEAST_NEGATIVE and looks.second >= LEAST_SECOND
    figure = rejection_with_interval(looks, seed=SEED) if enough else Figure(None)
    return {"on_class": [figure.value, figure.low, figure.high], "looks": list(astuple(looks))}
