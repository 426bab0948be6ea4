"""The figures of the quality page out of kept counts: nothing here reads questions, reviews or checks.

Call `counting.catch_up()` before. Shares come with their Wilson interval; a share of nothing is None.
"""

from collections import Counter
from dataclasses import dataclass

from django.db import connection
from django.db.models import Sum

from annotator.models import Question
from annotator.taxonomy import CATEGORIES, PUBLIC_TOTAL, by_domain
from qc.dashboard.models import PersonDay, QuestionFacts, QuestionTally
from qc.intervals import wilson
from qc.leak_verdicts import STANDINGS
from studio.models import User

State = Question.State
UNDER_WAY = (State.SUBMITTED, State.DISPUTED, State.RETURNED)
MOST_CURVES = 6  # as many as can be told apart


@dataclass(frozen=True)
class Share:
    """`right` of `n`, and the 95 % Wilson interval of the share."""

    right: int
    n: int

    @property
    def value(self):
        return self.right / self.n if self.n else None

    @property
    def low(self):
        return wilson(self.right, self.n)[0] if self.n else None

    @property
    def high(self):
        return wilson(self.right, self.n)[1] if self.n else None

    def as_json(self):
        return {"right": self.right, "n": self.n, "value": self.value, "low": self.low, "high": self.high}


def ac1(both_approve, both_doubt, differ):
    """Gwet's AC1 of pairs of verdicts in two kinds, approve or not; None of no pairs. K. L. Gwet, BJMSP 61 (2008), 29-48."""
    pairs = both_approve + both_doubt + differ
    if not pairs:
        return None
    approving = (2 * both_approve + differ) / (2 * pairs)
    chance = 2 * approving * (1 - approving)
    return ((both_approve + both_doubt) / pairs - chance) / (1 - chance)


# ---- Where questions stand


class Standing:
    """Counts of questions for some purposes, summed over whatever is not asked about."""

    def __init__(self, purposes):
        rows = QuestionTally.objects.filter(purpose__in=purposes).exclude(n=0)
        self.rows = list(rows.values_list("state", "category", "leak", "gate", "n"))

    def count(self, *, states=None, category=None, leaks=None, gates=None):
        return sum(
            n
            for state, in_category, leak, gate, n in self.rows
            if (states is None or state in states)
            and (category is None or in_category == category)
            and (leaks is None or leak in leaks)
            and (gates is None or gate in gates)
        )


def way(standing):
    """[(name, count)]: how many questions came how far, each a part of the one before."""
    Gate = QuestionFacts.Gate
    return [
        ("written", standing.count()),
        ("submitted", standing.count(states=[state for state in State if state != State.DRAFT])),
        ("approved", standing.count(states=[State.APPROVED])),
        ("accepted", standing.count(gates=[Gate.IN, Gate.LEAK])),
        ("exportable", standing.count(gates=[Gate.IN])),
    ]


def states(standing):
    return [(state.value, standing.count(states=[state])) for state in State]


def gates(standing):
    return [(gate.value, standing.count(gates=[gate])) for gate in QuestionFacts.Gate]


def leaks(standing):
    """By standing of the leak check: questions that wait for people or are approved."""
    asked = [State.SUBMITTED, State.DISPUTED, State.APPROVED]
    return [(leak, standing.count(states=asked, leaks=[leak])) for leak in STANDINGS]


# ---- Coverage


@dataclass(frozen=True)
class Cover:
    """One category against its target. Everything but `share` is a number of questions; `places` are for writers."""

    category: str
    share: float
    target: int
    approved: int
    exportable: int
    under_way: int
    drafts: int
    places: int = 0

    @property
    def missing(self):
        """How many would still be missing if all that is under way were approved."""
        return max(0, self.target - self.approved - self.under_way)

    @property
    def to_source(self):
        """How many places for writers are missing, so how many clips to bring."""
        return max(0, self.missing - self.places)


def targets(size):
    """{category: how many of `size` questions}, in the public shares; they add up to `size` (largest remainders)."""
    exact = {name: size * category.public_count / PUBLIC_TOTAL for name, category in CATEGORIES.items()}
    found = {name: int(value) for name, value in exact.items()}
    last = sorted(exact, key=lambda name: (found[name] - exact[name], list(exact).index(name)))
    for name in last[: size - sum(found.values())]:
        found[name] += 1
    return found


def coverage(standing, size, *, purposes):
    """[Cover] in the published order of categories."""
    wanted, found = targets(size), []
    for name, category in CATEGORIES.items():
        found.append(
            Cover(
                category=name,
                share=category.public_count / PUBLIC_TOTAL,
                target=wanted[name],
                approved=standing.count(states=[State.APPROVED], category=name),
                exportable=standing.count(gates=[QuestionFacts.Gate.IN], category=name),
                under_way=standing.count(states=UNDER_WAY, category=name),
                drafts=standing.count(states=[State.DRAFT], category=name),
            )
        )
    places = _places({cover.category: cover.missing for cover in found}, purposes)
    return [Cover(**vars(cover) | {"places": places.get(cover.category, 0)}) for cover in found]


def _places(most, purposes):
    """{category: free places for writers on clips of that expected category}, counted no further than `most` clips each."""
    names = [name for name, count in most.items() if count]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT w.name, coalesce(sum(c.open_slots), 0) FROM unnest(%s::text[], %s::int[]) AS w (name, most)"
            " CROSS JOIN LATERAL (SELECT open_slots FROM annotator_clip WHERE expected_category = w.name AND open_slots > 0"
            " AND state = 'ready' AND content IN ('unchecked', 'accepted') AND purpose = ANY(%s) LIMIT w.most) c"
            " GROUP BY w.name",
            [names, [most[name] for name in names], [str(purpose) for purpose in purposes]],
        )
        return {name: min(int(places), most[name]) for name, places in cursor.fetchall()}


def next_to_source(covers):
    """Those of which questions are missing, the largest shortfall first."""
    return sorted((cover for cover in covers if cover.missing), key=lambda cover: -cover.missing)


def domain_totals(covers):
    """{domain: (target, approved, under way, missing)}"""
    by_name = {cover.category: cover for cover in covers}
    found = {}
    for domain, _label, categories in by_domain():
        mine = [by_name[category.name] for category in categories]
        found[domain] = tuple(
            sum(getattr(cover, name) for cover in mine) for name in ("target", "approved", "under_way", "missing")
        )
    return found


# ---- Over time, and by person


class Sums:
    """Sums of `PersonDay` over a time, with the shares that follow from them."""

    def __init__(self, counts):
        self.counts = {name: counts.get(name) or 0 for name in PersonDay.COUNTS}

    def __getattr__(self, name):
        try:
            return self.counts[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def leak_rate(self):
        return Share(self.leak_leaky, self.leak_clear + self.leak_unsure + self.leak_leaky)

    @property
    def blind_accuracy(self):
        return Share(self.blind_right, self.blind)

    @property
    def agreement(self):
        return Share(self.both_approve + self.both_doubt, self.both_approve + self.both_doubt + self.differ)

    @property
    def ac1(self):
        return ac1(self.both_approve, self.both_doubt, self.differ)

    @property
    def submissions_an_hour(self):
        return self.submissions * 3600 / self.write_s if self.write_s else None

    @property
    def reviews_an_hour(self):
        return self.reviews * 3600 / self.review_s if self.review_s else None

    @property
    def active_h(self):
        return (self.write_s + self.review_s) / 3600

    def as_json(self):
        return self.counts | {
            "leak_rate": self.leak_rate.as_json(),
            "blind_accuracy": self.blind_accuracy.as_json(),
            "agreement": self.agreement.as_json(),
            "ac1": self.ac1,
            "submissions_an_hour": self.submissions_an_hour,
            "reviews_an_hour": self.reviews_an_hour,
            "active_h": self.active_h,
        }


_SUMS = {name: Sum(name) for name in PersonDay.COUNTS}


def _days(asked):
    return PersonDay.objects.filter(day__range=(asked.since, asked.until)).order_by()


def _summed(rows, key):
    found = {}
    for row in rows:
        counts = found.setdefault(key(row), Counter())
        for name in PersonDay.COUNTS:
            counts[name] += row[name] or 0
    return found


def over_time(asked):
    """[(first day, Sums)] for each day or week, oldest first, quiet ones too."""
    rows = _days(asked).values("day").annotate(**_SUMS)
    sums = _summed(rows, lambda row: asked.step_of(row["day"]))
    return [(step, Sums(sums.get(step, {}))) for step in asked.steps()]


def by_person(asked):
    """[(person, Sums)] of everybody who did something, the most active first."""
    rows = list(_days(asked).values("person_id").annotate(**_SUMS))
    people = User.objects.in_bulk([row["person_id"] for row in rows])
    found = [(people[row["person_id"]], Sums(row)) for row in rows if row["person_id"] in people]
    return sorted(found, key=lambda pair: (-pair[1].active_h, pair[0].pk))


def people_over_time(asked, people):
    """{person id: [pieces of work an active hour, or None, for each step]} of a few people."""
    rows = _days(asked).filter(person__in=people).values("person_id", "day", *PersonDay.COUNTS)
    sums = _summed(rows, lambda row: (row["person_id"], asked.step_of(row["day"])))
    found = {}
    for person in people:
        pieces = [Sums(sums.get((person.pk, step), {})) for step in asked.steps()]
        found[person.pk] = [
            (one.submissions + one.reviews) / one.active_h if one.submissions + one.reviews and one.active_h else None
            for one in pieces
        ]
    return found


def total(series):
    """Sums over all of a time."""
    counts = Counter()
    for _step, sums in series:
        counts.update(sums.counts)
    return Sums(counts)
