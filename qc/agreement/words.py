"""What each figure of an agreement report means, as a sentence in the reader's language."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from qc.agreement.report import LEAST_NEGATIVE, LEAST_SECOND

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

    @property
    def unknown(self):
        """What stands in place of a figure that the data do not determine."""
        return _("too few to tell") if self.name == "on_class" else "–"


def told(basis, figures):
    """The four figures of a report as `Told`, in the order they are read."""
    counted_now = basis != "verdicts" or "looks" in figures
    on_class = figures["on_class"] if counted_now else [None, None, None]
    return [
        Told("percent", _("Agreement"), *figures["percent"], _percent(basis, figures)),
        Told("ac1", _("Gwet's AC1"), *figures["ac1"], _ac1(figures["ac1"][0])),
        Told("alpha", _("Krippendorff's alpha"), *figures["alpha"], _alpha(figures["alpha"][0])),
        Told("on_class", _on_label(basis), *on_class, _on(basis, figures)),
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
    if basis == "verdicts":
        return _on_verdicts(value, figures.get("looks"))
    if value is None:
        if not negative:
            return _("Nobody missed the key.") if basis == "blind" else _("Nobody rejected any of them.")
        sentence = _("Too few to tell: %(count)s answers missed the key, and it takes %(least)s.")
        if basis == "gold":
            sentence = _("Too few to tell: %(count)s verdicts reject, and it takes %(least)s.")
        return sentence % {"count": negative, "least": LEAST_NEGATIVE}
    sentence = _("When one returned or rejected an item, another did so too in %(share)s %% of cases (%(count)s verdicts).")
    if basis == "blind":
        sentence = _(
            "When one missed the key, the other missed it too in %(share)s %% of cases. Much of that hints at wrong keys."
        )
    return sentence % {"share": round(100 * value), "count": negative}


def _on_verdicts(value, looks):
    if looks is None:
        return _("This report is from before rejections were counted as they are now. Compute it again.")
    names = ("first", "first_negative", "second", "second_negative")
    values = dict(zip(names, looks, strict=True)) | {"least": LEAST_NEGATIVE, "least_second": LEAST_SECOND}
    if value is None:
        return (
            _(
                "Too few to tell. Of %(first)s revisions that need two approvals, the first reviewer returned or rejected"
                " %(first_negative)s; %(second)s met a second verdict. It takes %(least)s and %(least_second)s."
            )
            % values
        )
    sentence = _(
        "Of what one reviewer returns or rejects, another would reject about %(share)s %%. Nobody rules twice on a returned"
        " revision, so this follows from those that need two approvals: the first rejected %(first_negative)s of %(first)s,"
        " the second %(second_negative)s of %(second)s that the first approved, and it is chance who comes first."
    )
    return sentence % (values | {"share": round(100 * value)})


def caveat(basis):
    """What the data of a basis cannot show, whatever the figures say."""
    return {
        "verdicts": _(
            "A revision that its first reviewer returns goes back at once and meets no second verdict. So the first three"
            " figures are about revisions whose first reviewer approved; agreement on rejections is estimated. Gold items"
            " are ruled on by many people without seeing each other: look there as well."
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
