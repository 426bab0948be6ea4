"""What each figure of an agreement report means, as a sentence in the reader's language."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

GOOD, TENTATIVE = 0.8, 0.667  # Krippendorff's bands
FEW = 30


@dataclass(frozen=True)
class Told:
    name: str
    label: str
    value: float | None
    low: float | None
    high: float | None
    sentence: str


def told(basis, figures):
    """The four figures of a report as `Told`, in the order they are read."""
    return [
        Told("percent", _("Agreement"), *figures["percent"], _percent(basis, figures)),
        Told("ac1", _("Gwet's AC1"), *figures["ac1"], _ac1(figures["ac1"][0])),
        Told("alpha", _("Krippendorff's alpha"), *figures["alpha"], _alpha(figures["alpha"][0])),
        Told("on_class", _on_label(basis), *figures["on_class"], _on(basis, figures)),
    ]


def _on_label(basis):
    return _("Agreement on missing the key") if basis == "blind" else _("Agreement on rejections")


def _percent(basis, figures):
    value = figures["percent"][0]
    if value is None:
        return _("No two people have judged the same revision in this time.")
    sentence = _("Of 100 pairs of people who answered the same question blind, %(hundred)s gave the same answer.")
    if basis != "blind":
        sentence = _("Of 100 pairs of people who ruled on the same revision, %(hundred)s ruled alike.")
    sentence %= {"hundred": round(100 * value)}
    if figures["items"] < FEW:
        sentence += " " + _("These are few revisions: do not build on it yet.")
    return sentence


def _ac1(value):
    if value is None:
        return _("It needs the same data as the agreement.")
    if value >= GOOD:
        return _("Chance taken off, agreement is high. It stays meaningful where nearly everything is approved, but says little about rejections.")  # fmt: skip # noqa: E501
    if value >= 0.6:
        return _("Chance taken off, agreement is fair: read the guidelines together.")
    return _("Chance taken off, little agreement is left: people seem to follow different rules.")


def _alpha(value):
    if value is None:
        return _("Everybody said the same all the time, so there is no variation to measure by.")
    if value >= GOOD:
        return _("0.8 or more: conclusions can rest on these judgements.")
    if value >= TENTATIVE:
        return _("Between 0.667 and 0.8: good for tentative conclusions only.")
    return _("Under 0.667. Where one judgement is rare it falls even though people mostly agree; compare it with AC1.")


def _on(basis, figures):
    value, negative = figures["on_class"][0], figures["negative"]
    if value is None:
        return _("Nobody missed the key.") if basis == "blind" else _("Nobody rejected anything, so nothing can be said about rejections.")  # fmt: skip # noqa: E501
    if basis == "blind":
        return _(
            "When one missed the key, the other missed it too in %(share)s %% of cases. Much of that hints at wrong keys."
        ) % {  # fmt: skip # noqa: E501
            "share": round(100 * value)
        }
    sentence = _("When one returned or rejected a revision, the other did so too in %(share)s %% of cases (%(count)s verdicts).")  # fmt: skip # noqa: E501
    return sentence % {"share": round(100 * value), "count": negative}


def caveat(basis):
    """What the data of a basis cannot show, whatever the figures say."""
    return {
        "verdicts": _(
            "A revision that its first reviewer returns goes back at once and meets no second verdict. So two returns of one"
            " revision hardly ever meet, and agreement on rejections is low here by design. Gold items are ruled on by many"
            " people without seeing each other: look there as well."
        ),
        "blind": _(
            "Options are compared by what they say, not by letter; only answers given before any key of the question was"
            " shown count. A question that its first reviewer returned has one answer and is left out."
        ),
        "gold": _(
            "Gold items were approved by everybody before, so nearly all verdicts should be approvals. Each return is one"
            " person's doubt about a question that others found good."
        ),
    }[basis]
