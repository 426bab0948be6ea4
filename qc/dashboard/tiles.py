"""The key figures on top of the quality page. A room adds its own: TILES.append(f), f(asked, sums) -> Tile or None.

`sums` are the `figures.Sums` of the time that was asked for. A tile costs at most a query that does not grow.
"""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from qc.baseline.models import BaselineRun
from qc.baseline.verdicts import VERDICTS
from qc.dashboard.figures import Share
from qc.duplicates.models import DuplicatePair

MOST_PAIRS = 200


@dataclass(frozen=True)
class Tile:
    label: str
    value: str
    note: str = ""
    url: str = ""  # for leads
    tone: str = ""  # good, warn or bad


def percent(value):
    return "–" if value is None else f"{100 * value:.1f}\u00a0%"


def of_share(label, share: Share, **more):
    """A tile for a share, with its interval and number; it says in words when there is nothing to share."""
    if not share.n:
        return Tile(label, "–", _("Nothing of it in this time."), **more)
    note = _("%(right)s of %(n)s, 95 %% interval %(low)s to %(high)s") % {
        "right": number_format(share.right, force_grouping=True),
        "n": number_format(share.n, force_grouping=True),
        "low": percent(share.low),
        "high": percent(share.high),
    }
    return Tile(label, percent(share.value), note, **more)


def leak_rate(asked, sums):
    return of_share(_("Leak rate"), sums.leak_rate, url=reverse("leaks") + "?show=leaky")


def blind_accuracy(asked, sums):
    return of_share(_("Blind accuracy"), sums.blind_accuracy, url=reverse("calibration"))


def baseline(asked, sums):
    """What the newest run of the text-only baseline makes of all questions, whatever time was asked for."""
    label, url = _("Text-only baseline"), reverse("baseline")
    run = BaselineRun.objects.only("figures", "made_at").first()
    if run is None:
        return Tile(label, "–", _("No run yet"), url=url)
    figure = run.figures.get("options")
    if not figure:
        return Tile(label, "–", _("There are too few clips to learn from."), url=url)
    badge, verdict = VERDICTS[figure["verdict"]]
    note = _("%(verdict)s: options alone, %(n)s questions, %(low)s to %(high)s; with the question %(other)s") % {
        "verdict": verdict,
        "n": number_format(figure["n"], force_grouping=True),
        "low": percent(figure["low"]),
        "high": percent(figure["high"]),
        "other": percent(run.figures["question"]["share"]),
    }
    return Tile(label, percent(figure["share"]), note, url=url, tone="bad" if badge == "bad" else "")


def throughput(asked, sums):
    pieces = sums.submissions + sums.reviews
    note = ngettext("%(n)s submission or review", "%(n)s submissions and reviews", pieces) % {
        "n": number_format(pieces, force_grouping=True)
    }
    return Tile(_("Active hours"), number_format(round(sums.active_h, 1), 1, force_grouping=True), note)


def duplicates(asked, sums):
    """Pairs that wait, counted no further than there is anything to learn from the number."""
    count = DuplicatePair.objects.filter(state=DuplicatePair.State.OPEN).order_by()[: MOST_PAIRS + 1].count()
    shown = f"{MOST_PAIRS}+" if count > MOST_PAIRS else str(count)
    note, url = _("pairs of clips wait for a decision"), reverse("duplicates")
    return Tile(_("Near-duplicates"), shown, note, url=url, tone="warn" if count else "")


TILES = [leak_rate, baseline, blind_accuracy, throughput, duplicates]
