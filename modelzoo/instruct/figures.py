"""Samples and pairs counted, what people made of them, and statistics of pairs. Each is one query along an index."""

from dataclasses import dataclass

from django.core.cache import cache
from django.db.models import Avg, Count, Q, StdDev

from modelzoo.instruct import reasons
from modelzoo.instruct.models import BuildStep, InstructSample, Origin, PreferencePair, State
from qc.intervals import wilson

_MANY, _KEPT_S = 50_000, 30


@dataclass(frozen=True)
class Share:
    """`hits` of `n`, with the 95 % interval of Wilson; value, low and high are None of nothing."""

    hits: int
    n: int

    @property
    def value(self):
        return self.hits / self.n if self.n else None

    @property
    def low(self):
        return wilson(self.hits, self.n)[0] if self.n else None

    @property
    def high(self):
        return wilson(self.hits, self.n)[1] if self.n else None


def kept(key, count, size):
    """What `count()` gives. Where it went over very many rows, `size(found)` of them, it is kept for half a minute."""
    found = cache.get(key)
    if found is None:
        found = count()
        if size(found) > _MANY:
            cache.set(key, found, _KEPT_S)
    return found


def counted(rows, field):
    """{value: count}, the most frequent first."""
    found = rows.order_by().values_list(field).annotate(count=Count("pk"))
    return dict(sorted(found, key=lambda item: -item[1]))


def cells(model):
    """[(origin, state, kind, reason, count), ...] of all samples or pairs."""

    def count():
        rows = model.objects.order_by().values_list("origin", "state", "kind", "reason")
        return [tuple(row) for row in rows.annotate(count=Count("pk"))]

    return kept(f"instruct-cells-{model.__name__}", count, lambda found: sum(cell[-1] for cell in found))


def by_state(found):
    """{state: count} of cells."""
    return {state: sum(cell[-1] for cell in found if cell[1] == state) for state in State.values}


def table(found, place, names):
    """[(name, label, {state: count}, all), ...] of cells, by their item at `place`; names without any are left out."""
    rows = []
    for name, label in names:
        states = dict.fromkeys(State.values, 0)
        for cell in found:
            if cell[place] == name:
                states[cell[1]] += cell[-1]
        if total := sum(states.values()):
            rows.append((name, label, states, total))
    return rows


def dropped(found):
    """[(reason, label, count), ...] of rejected cells, the most frequent first."""
    counts = {}
    for _origin, _state, _kind, reason, count in found:
        if reason:
            counts[reason] = counts.get(reason, 0) + count
    rows = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(reason, reasons.ALL[reason], count) for reason, count in rows]


# ---- What people made of samples


@dataclass(frozen=True)
class Acceptance:
    """Of what a model wrote and a person ruled on: accepted as written, accepted after an edit, rejected."""

    as_written: int = 0
    edited: int = 0
    rejected: int = 0

    @property
    def ruled(self):
        return self.as_written + self.edited + self.rejected

    @property
    def share(self):
        """Accepted, edited ones included."""
        return Share(self.as_written + self.edited, self.ruled)

    @property
    def untouched(self):
        return Share(self.as_written, self.ruled)


def acceptance():
    """(`Acceptance` of all, [(kind, label, `Acceptance`), ...])."""
    rows = InstructSample.objects.filter(origin=Origin.MODEL, decided_by__isnull=False).order_by().values_list("kind")
    accepted = Q(state=State.ACCEPTED)
    rows = rows.annotate(
        as_written=Count("pk", filter=accepted & Q(made__isnull=True)),
        edited=Count("pk", filter=accepted & Q(made__isnull=False)),
        rejected=Count("pk", filter=Q(state=State.REJECTED)),
    )
    by_kind = {kind: Acceptance(*counts) for kind, *counts in rows}
    everything = Acceptance(*map(sum, zip(*((a.as_written, a.edited, a.rejected) for a in by_kind.values()), strict=True)))
    return everything, [(kind, label, by_kind[kind]) for kind, label in InstructSample.Kind.choices if kind in by_kind]


# ---- Pairs


@dataclass(frozen=True)
class OfKind:
    """Figures of the pairs of one kind. `longer` is words of the rejected answer less those of the chosen one."""

    kind: str
    label: str
    n: int
    accepted: int
    longer: float
    longer_sd: float
    overlap: float
    overlap_sd: float
    wrong: Share  # of what the judge ruled on: wholly wrong
    right: Share  # ... and right after all
    people: Share  # of what people ruled on: as the judge had said


def of_pairs():
    """[`OfKind`, ...] of the kinds there are; empty answers measure nothing and are left out."""
    return kept("instruct-pairs", _of_pairs, lambda found: sum(kind.n for kind in found))


def _of_pairs():
    judged = ~Q(verdict="")
    rows = PreferencePair.objects.exclude(reason="empty").order_by().values("kind")
    rows = rows.annotate(
        n=Count("pk"), accepted=Count("pk", filter=Q(state=State.ACCEPTED)),
        more=Avg("longer"), more_sd=StdDev("longer"), alike=Avg("overlap"), alike_sd=StdDev("overlap"),
        judged=Count("pk", filter=judged), wrong=Count("pk", filter=Q(verdict="wrong")),
        right=Count("pk", filter=Q(verdict="right")),
    )  # fmt: skip
    rows = {row["kind"]: row for row in rows}
    same = Q(state=State.ACCEPTED) & ~Q(verdict="right") | Q(state=State.REJECTED, verdict="right")
    people = PreferencePair.objects.filter(decided_by__isnull=False).filter(judged).order_by().values_list("kind")
    people = {kind: Share(*counts) for kind, *counts in people.annotate(same=Count("pk", filter=same), n=Count("pk"))}
    return [
        OfKind(
            kind, str(label), row["n"], row["accepted"], row["more"], row["more_sd"], row["alike"], row["alike_sd"],
            Share(row["wrong"], row["judged"]), Share(row["right"], row["judged"]), people.get(kind, Share(0, 0)),
        )
        for kind, label in PreferencePair.Kind.choices
        if (row := rows.get(kind))
    ]  # fmt: skip


# ---- What came of a build


def outcome(job):
    """[(what, [(state, label, count), ...], [(reason, label, count), ...]), ...] of a build: replies, samples, pairs."""
    found = []
    for what, rows in (
        ("replies", BuildStep.objects.filter(job=job)),
        ("samples", InstructSample.objects.filter(job=job)),
        ("pairs", PreferencePair.objects.filter(job=job)),
    ):
        if states := counted(rows, "state"):
            why = counted(rows.exclude(reason=""), "reason")
            labels = dict(rows.model._meta.get_field("state").flatchoices)
            states = [(state, labels[state], count) for state, count in states.items()]
            found.append((what, states, [(code, reasons.ALL[code], count) for code, count in why.items()]))
    return found


def told(job):
    """What came of a build, in words: states, and every reason with its count."""
    parts = []
    for what, states, why in outcome(job):
        parts.append(f"{what}: " + ", ".join(f"{count} {state}" for state, _label, count in states))
        parts += [f"  {count} {label}" for _code, label, count in why]
    own = [f"{count} {name.replace('_', ' ')}" for name, count in job.__class__.objects.get(pk=job.pk).result.items()]
    return "\n".join([*parts, *own])
