"""Curves of a run at several resolutions, so that a million logged lines cost a page no more than a hundred.

Level 0 holds every logged line. A point of level n + 1 sums up `FACTOR` neighbours of level n by (mean, least, most); it is
made as soon as level n has more than `MOST` points. So there is always a level that shows any stretch with at most `MOST`
points, and one of which the newest points are cheap to extend. Values are float32; what is missing is NaN.
"""

import bisect
import math
from array import array

from modelzoo.models import MetricBlock

BLOCK = 128  # points of one row
FACTOR = 4
MOST = 512
_KEYS = 64  # of one run; a trainer writes about twenty
_NAN = float("nan")
_RISING = ("step", "elapsed_s", "learning_rate")  # extremes of their neighbours tell nothing


def _width(level):
    return 1 if level == 0 else 3


def _columns(lines):
    """{key: float32 array} of logged lines; what is no finite number is NaN."""
    keys = {}
    for line in lines:
        for key, value in line.items():
            if isinstance(value, int | float) and not isinstance(value, bool) and 0 < len(key) <= 60 and key != "time":
                keys[key] = None
    return {key: array("f", [_finite(line.get(key)) for line in lines]) for key in list(keys)[:_KEYS]}


def _finite(value):
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 3.4e38:
        return _NAN
    return value


def append(run, lines):
    """Add logged lines (dicts) after the `run.metric_lines` that are there. The caller holds the run's row locked."""
    new, start, before = _columns(lines), run.metric_lines, run.metric_lines
    end, level = start + len(lines), 0
    while True:
        held_from = start // BLOCK * BLOCK
        held = _store(run, level, start, end, new)
        if end <= MOST:
            return
        if before <= MOST:  # the next level does not exist yet
            children_from, children, before = 0, _load(run, level, 0, end), 0
        else:
            children_from = start // FACTOR * FACTOR
            skip = (children_from - held_from) * _width(level)
            children = {key: values[skip:] for key, values in held.items()}
            before = -(-before // FACTOR)
        new = {key: _merged(values, _width(level)) for key, values in children.items()}
        start, end, level = children_from // FACTOR, -(-end // FACTOR), level + 1


def _merged(values, width):
    """Means, leasts and mosts of each `FACTOR` points."""
    merged = array("f")
    for at in range(0, len(values), FACTOR * width):
        group = values[at : at + FACTOR * width]
        means = [value for value in group[::width] if value == value]
        if not means:
            merged.extend((_NAN, _NAN, _NAN))
            continue
        low, high = (group[1::3], group[2::3]) if width == 3 else (means, means)
        merged.append(math.fsum(means) / len(means))
        merged.append(min(value for value in low if value == value))
        merged.append(max(value for value in high if value == value))
    return merged


def _store(run, level, start, end, new):
    """Write points from `start` on (later ones are replaced); returns the columns from the first block written."""
    width = _width(level)
    first = start // BLOCK
    held = _load(run, level, first * BLOCK, start)
    size = (end - first * BLOCK) * width
    before = (start - first * BLOCK) * width
    columns = {}
    for key in list(dict.fromkeys([*held, *new]))[:_KEYS]:
        values = held.get(key, array("f", [_NAN]) * before)
        values.extend(new.get(key, array("f", [_NAN]) * (size - before)))
        columns[key] = values
    rows = []
    for index in range(first, -(-end // BLOCK)):
        begin = (index - first) * BLOCK * width
        parts = [values[begin : begin + BLOCK * width] for values in columns.values()]
        count = min(BLOCK, end - index * BLOCK)
        packed = b"".join(part.tobytes() for part in parts)
        rows.append(MetricBlock(run=run, level=level, index=index, size=count, keys=list(columns), values=packed))
    MetricBlock.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["run", "level", "index"], update_fields=["size", "keys", "values"]
    )
    return columns


def _load(run, level, start, end):
    """{key: array} of the points from `start` to `end` (exclusive) of a level."""
    if end <= start:
        return {}
    width = _width(level)
    found = MetricBlock.objects.filter(run=run, level=level, index__gte=start // BLOCK, index__lt=-(-end // BLOCK))
    blocks = list(found.order_by("index"))
    keys = dict.fromkeys(key for block in blocks for key in block.keys)
    columns = {key: array("f") for key in keys}
    for block in blocks:
        values = array("f", bytes(block.values))
        length = block.size * width
        place = {key: number * length for number, key in enumerate(block.keys)}
        first = block.index * BLOCK
        cut = slice(max(0, start - first) * width, max(0, min(block.size, end - first)) * width)
        for key in keys:
            if key in place:
                columns[key].extend(values[place[key] : place[key] + length][cut])
            else:
                columns[key].extend(array("f", [_NAN]) * (len(range(length)[cut])))
    return columns


def clear(run):
    MetricBlock.objects.filter(run=run).delete()


def _points(lines, level):
    """How many points a level has for so many lines."""
    return -(-lines // FACTOR**level)


def _level(lines):
    """The finest level that shows so many lines with at most `MOST` points."""
    level = 0
    while _points(lines, level) > MOST:
        level += 1
    return level


def _stretch(run, since, until):
    """(first line, end line) of the lines whose step lies between; a little more at coarse resolution."""
    level = _level(run.metric_lines)
    steps = _load(run, level, 0, _points(run.metric_lines, level)).get("step", array("f"))[:: _width(level)]
    first = max(0, bisect.bisect_left(steps, since) - 1)
    last = min(len(steps), bisect.bisect_right(steps, until) + 1)
    return first * FACTOR**level, min(run.metric_lines, last * FACTOR**level)


def read(run, *, keys, since=None, until=None, known_level=None, known=0):
    """Curves of at most about `MOST` points: {"level", "start", "lines", "columns": {key: {"mean", "min", "max"}}}.

    since, until: steps, for a closer look. known_level, known: what the reader has, so many points of a level; when that
    level still serves, only points from its last one on come ("start" says from which).
    "min" and "max" are there from level 1 on, but not for what only rises or follows a schedule.
    """
    first, end = 0, run.metric_lines
    if since is not None or until is not None:
        first, end = _stretch(run, -math.inf if since is None else since, math.inf if until is None else until)
    level = _level(end - first)
    start = first // FACTOR**level
    if since is None and until is None and known_level == level and 0 < known <= _points(end, level):
        start = known - 1  # the last one may have been half full
    held = _load(run, level, start, -(-end // FACTOR**level))
    columns = {}
    for key in keys:
        if key in held:
            values, width = held[key], _width(level)
            names = ("mean",) if key in _RISING else ("mean", "min", "max")[:width]
            columns[key] = {name: [_short(value) for value in values[at::width]] for at, name in enumerate(names)}
    return {"level": level, "start": start, "lines": run.metric_lines, "columns": columns}


def _short(value):
    """A whole number in full, another one with five digits, which no chart can show; null for what is missing."""
    if value != value:
        return None
    return int(value) if value == int(value) and abs(value) < 2**24 else float(f"{value:.5g}")
