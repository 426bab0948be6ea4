"""The key figures on top of the quality page. A room adds its own: TILES.append(f), f(asked, sums) -> Tile or None.

`sums` are the `figures.Sums` of the time that was asked for. A tile costs at most a query that does not grow.
"""

from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from qc.dashboard.figures import Share
from qc.duplicates.models import DuplicatePair

MOST_PAIRS = 200


@dataclass(frozen=True)
class Tile:
    label: str
    value: str
    note: str = ""
    url: str = ""
    tone: str = ""  # good, warn or bad


def percent(value):
    return "–" if value is None else f"{100 * value:.1f}\u00a0%"


def of_share(label, share: Share, **more):
    """A tile for a share, with its interval and number; it says in words when there is nothing to share."""
    if not share.n:
        return Tile(label, "–", _("Nothing of it in this time."))
    note = _("%(right)s of %(n)s, 95 %% interval %(low)s to %(high)s") % {
        "right": number_format(share.right, force_grouping=True),
        "n": number_format(share.n, force_grouping=True),
        "low": percent(share.low),
        "high": percent(share.high),
    }
    return Tile(label, percent(share.value), note, **more)


def leak_rate(asked, sums):
    return of_share(_("Leak rate"), sums.leak_rate)


def blind_accuracy(asked, sums):
    return of_share(_("Blind accuracy"), sums.blind_accuracy)


def agreement(asked, sums):
    tile = of_share(_("Agreement of reviewers"), sums.agreement)
    if sums.ac1 is None:
        return tile
    return Tile(tile.label, tile.value, f"{tile.note}; " + _("Gwet's AC1 %(value)s") % {"value": f"{sums.ac1:.2f}"})


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
    return Tile(_("Near-duplicates"), shown, _("pairs of clips wait for a decision"), tone="warn" if count else "")


TILES = [leak_rate, blind_accuracy, agreement, throughput, duplicates]
