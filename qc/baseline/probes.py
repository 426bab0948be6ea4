"""Rules of thumb that need no learning: which options of a question does each name? Ties stay ties."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from qc.baseline import chance
from qc.baseline.words import content_words, jaccard


@dataclass(frozen=True)
class Probe:
    """`scores(stem, options)`: one number an option; the probe names those with the largest."""

    name: str
    label: object
    help: object
    scores: object


def _length(stem, options):
    return [len(text.strip()) for text in options]


def _shortness(stem, options):
    return [-length for length in _length(stem, options)]


def _alphabet(stem, options):
    order = sorted({text.casefold() for text in options}, reverse=True)
    return [order.index(text.casefold()) for text in options]


def _overlap(stem, options):
    asked = content_words(stem)
    return [jaccard(content_words(text), asked) for text in options]


def _likeness(stem, options):
    bags = [content_words(text) for text in options]
    return [sum(jaccard(bag, other) for other in bags if other is not bag) for bag in bags]


PROBES = (
    Probe("longest", _("Longest option"), _("The right option is often the longest, because it has to be exact."), _length),
    Probe(
        "shortest", _("Shortest option"), _("Where distractors are padded, the right option is the shortest."), _shortness
    ),
    Probe("alphabet", _("First in the alphabet"), _("A control: nothing should come of it."), _alphabet),
    Probe(
        "overlap",
        _("Most words of the question"),
        _("An option that repeats words of the question is taken for the right one."),
        _overlap,
    ),
    Probe(
        "likeness",
        _("Most like the others"),
        _("Distractors are made by changing the right option, so that it shares most with the rest."),
        _likeness,
    ),
)


def named(scores):
    """Indices of the options with the largest score."""
    best = max(scores)
    return [index for index, score in enumerate(scores) if score == best]


def credit(found, key=0):
    """What naming the options `found` earns when `key` is right: 1, its share of a tie, or 0."""
    return 1 / len(found) if key in found else 0.0


def hits(stem, options):
    """The probes that name the key (the first option) and no other."""
    return [probe for probe in PROBES if named(probe.scores(stem, options)) == [0]]


def tally(items):
    """{probe name: Figure} over the items in which a probe can choose; where all four options tie it cannot."""
    kept = {probe.name: ([], [], []) for probe in PROBES}
    for item in items:
        for probe in PROBES:
            options = named(probe.scores(item.stem, item.options))
            if len(options) < chance.OPTIONS:
                credits, variances, families = kept[probe.name]
                credits.append(credit(options))
                variances.append(chance.tie_variance(len(options)))
                families.append(item.family)
    return {name: chance.figure(*lists) for name, lists in kept.items()}


def letters(items):
    """How often the key stands at A, B, C and D, over questions that an imported set fixed the letters of."""
    counts = [0] * chance.OPTIONS
    for item in items:
        if item.published_order:
            counts["ABCD".index(item.published_order[0])] += 1
    return counts
