"""The tables of the quality page as CSV files. Heads are stable names for scripts, in English whatever the language."""

import csv
import io

from annotator.taxonomy import CATEGORIES
from qc.dashboard import figures
from qc.dashboard.models import PersonDay

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_SHARES = ("leak_rate", "blind_accuracy", "agreement")
_SHARE_HEADS = [f"{name}{part}" for name in _SHARES for part in ("", "_low", "_high")]
_SUMS_HEAD = [*PersonDay.COUNTS, *_SHARE_HEADS, "ac1", "submissions_an_hour", "reviews_an_hour"]


def way(asked):
    standing = figures.Standing(asked.purposes)
    yield ["step", "questions"]
    yield from figures.way(standing)


def states(asked):
    standing = figures.Standing(asked.purposes)
    yield ["state", "leak_check", "gate", "category", "questions"]
    rows = sorted(((state, leak, gate, category), n) for state, category, leak, gate, n in standing.rows)
    sums = {}
    for key, n in rows:
        sums[key] = sums.get(key, 0) + n
    yield from ([*key, n] for key, n in sums.items())


def coverage(asked):
    standing = figures.Standing(asked.purposes)
    yield [
        *("domain", "category", "target_share", "target", "approved", "exportable", "under_way", "drafts"),
        *("missing", "places_for_writers", "clips_to_source"),
    ]
    for cover in figures.coverage(standing, asked.target, purposes=asked.purposes):
        domain = CATEGORIES[cover.category].domain
        counts = [cover.target, cover.approved, cover.exportable, cover.under_way, cover.drafts]
        last = [cover.missing, cover.places, cover.to_source]
        yield [domain, cover.category, round(cover.share, 6), *counts, *last]


def time(asked):
    yield ["week" if asked.by == "week" else "day", *_SUMS_HEAD]
    for step, sums in figures.over_time(asked):
        yield [step.isoformat(), *_of_sums(sums)]


def people(asked):
    yield ["person", "name", *_SUMS_HEAD]
    for person, sums in figures.by_person(asked):
        yield [_plain(person.username), _plain(str(person)), *_of_sums(sums)]


def _of_sums(sums):
    shares = [getattr(getattr(sums, name), part) for name in _SHARES for part in ("value", "low", "high")]
    rates = [sums.ac1, sums.submissions_an_hour, sums.reviews_an_hour]
    values = ["" if value is None else round(value, 6) for value in [*shares, *rates]]
    return [*(sums.counts[name] for name in PersonDay.COUNTS), *values]


def _plain(text):
    """A name that a spreadsheet will not take for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


TABLES = {"way": way, "states": states, "coverage": coverage, "time": time, "people": people}


def as_csv(name, asked):
    """The text of a table; KeyError for an unknown one."""
    text = io.StringIO()
    csv.writer(text).writerows(TABLES[name](asked))
    return text.getvalue()
