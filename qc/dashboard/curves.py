"""What the charts of the quality page draw."""

from django.utils.translation import gettext as _

from qc.dashboard import figures
from qc.dashboard.counting_sql import ACTIVE_CAP_S

_SHARES = ("leak_rate", "blind_accuracy", "agreement")


def how_time_is_counted():
    """In words, for everybody who reads a figure an hour."""
    return _(
        "Active time: each submission, blind answer and verdict counts the time since it was begun, or since the same"
        " person's previous one if that was later; never more than %(minutes)s minutes, so that a break is not work. A"
        " submission is begun when its author takes the clip; a blind answer, as long before it was sent as the clip was"
        " played and the options were on the screen. What was put back or left does not count."
    ) % {"minutes": ACTIVE_CAP_S // 60}


def for_page(asked, series, people):
    """{"days", "columns", "charts"} for static/js/quality.js. `series` and `people` as `figures` gives them."""
    busiest = [person for person, sums in people if sums.active_h][: figures.MOST_CURVES]
    columns = {f"person-{pk}": {"mean": _short(values)} for pk, values in figures.people_over_time(asked, busiest).items()}
    for name in _SHARES:
        shares = [getattr(sums, name) for _step, sums in series]
        columns[name] = {
            "mean": _short(share.value for share in shares),
            "min": _short(share.low for share in shares),
            "max": _short(share.high for share in shares),
        }
    for name in ("ac1", "submissions_an_hour", "reviews_an_hour"):
        columns[name] = {"mean": _short(getattr(sums, name) for _step, sums in series)}
    for name in ("submissions", "reviews"):
        worked = any(getattr(sums, name) for _step, sums in series)
        columns[name] = {"mean": [getattr(sums, name) if worked else None for _step, sums in series]}
    return {"days": [step.isoformat() for step, _sums in series], "columns": columns, "charts": _charts(asked, busiest)}


def _short(values):
    return [None if value is None else float(f"{value:.5g}") for value in values]


def _charts(asked, busiest):
    day = _("Week of") if asked.by == "week" else _("Day")

    def chart(name, title, help, lines, **more):
        lines = [{"key": key, "label": label} for key, label in lines]
        return {"name": name, "title": title, "help": help, "lines": lines, "form": "number", "dates": day} | more

    share = {"form": "percent", "most": 1, "large": True}
    return [
        chart(
            "leaks",
            _("Leak rate"),
            _("Of all verdicts of leak checks, those that say leaky. The band is the 95 % Wilson interval."),
            [("leak_rate", _("Leaky"))],
            **share,
        ),
        chart(
            "blind",
            _("Blind accuracy"),
            _("Of all blind answers, those that chose the correct option. The band is the 95 % Wilson interval."),
            [("blind_accuracy", _("Right"))],
            **share,
        ),
        chart(
            "agreement",
            _("Agreement between reviewers"),
            _(
                "Of two verdicts on the same revision: how often both approve or both do not, with its 95 % Wilson interval,"
                " and Gwet's AC1, which takes away what chance would give."
            ),
            [("agreement", _("Agree")), ("ac1", _("AC1"))],
            **share,
        ),
        chart(
            "pieces",
            _("Submissions and reviews"),
            _("How many revisions were submitted and verdicts given; verdicts that were taken back are left out."),
            [("submissions", _("Submissions")), ("reviews", _("Reviews"))],
            large=True,
        ),
        chart(
            "hourly",
            _("Throughput an active hour"),
            _("How active time is counted is said below, under “By person”."),
            [("submissions_an_hour", _("Submissions")), ("reviews_an_hour", _("Reviews"))],
            large=True,
        ),
        chart(
            "people",
            _("Throughput by person"),
            _("Submissions and reviews together an active hour, of the people with most active time."),
            [(f"person-{person.pk}", str(person)) for person in busiest],
            large=True,
        ),
    ]
