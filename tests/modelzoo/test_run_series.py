"""Curves at several resolutions, against the plain list of values."""

import math
import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelzoo.models import MetricBlock, TrainingRun
from modelzoo.runs import series

pytestmark = pytest.mark.django_db


def make(lines, *, at_a_time):
    run = TrainingRun.objects.create(name=f"run-{TrainingRun.objects.count()}")
    for start in range(0, len(lines), at_a_time):
        part = lines[start : start + at_a_time]
        series.append(run, part)
        run.metric_lines += len(part)
    run.save()
    return run


def lines_of(values):
    return [{"step": 10 * (n + 1), "loss": value, "time": 1.7e9 + n} for n, value in enumerate(values)]


def expected(values, level):
    """(mean, min, max) by the definition: of neighbours of the level below."""
    points = [(value, value, value) for value in values]
    for _ in range(level):
        groups = [points[at : at + 4] for at in range(0, len(points), 4)]
        points = [
            (sum(p[0] for p in group) / len(group), min(p[1] for p in group), max(p[2] for p in group)) for group in groups
        ]
    return points


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(count=st.integers(1, 3000), at_a_time=st.sampled_from([1, 7, 128, 300, 4096]), seed=st.integers(0, 99))
def test_however_the_lines_come_the_curve_is_that_of_all_lines(count, at_a_time, seed):
    count = min(count, 200 * at_a_time)
    values = [random.Random(seed + n).uniform(-5, 5) for n in range(count)]
    got = series.read(make(lines_of(values), at_a_time=at_a_time), keys=["step", "loss"])
    want = expected(values, got["level"])
    assert got["level"] == (0 if count <= 512 else 1 if count <= 2048 else 2) and got["lines"] == count
    assert got["columns"]["loss"]["mean"] == pytest.approx([point[0] for point in want], rel=1e-4, abs=1e-4)
    if got["level"]:
        assert got["columns"]["loss"]["min"] == pytest.approx([point[1] for point in want], rel=1e-4)
        assert got["columns"]["loss"]["max"] == pytest.approx([point[2] for point in want], rel=1e-4)
    assert got["columns"]["step"]["mean"][0] == (10 if not got["level"] else got["columns"]["step"]["mean"][0])


def test_a_reader_gets_only_what_is_new():
    values = [float(n) for n in range(300)]
    run = make(lines_of(values), at_a_time=100)
    first = series.read(run, keys=["loss"])
    series.append(run, [{"step": 9999, "loss": 7.5}])
    run.metric_lines += 1
    news = series.read(run, keys=["loss"], known_level=first["level"], known=len(first["columns"]["loss"]["mean"]))
    assert (news["start"], news["columns"]["loss"]["mean"]) == (299, [299, 7.5])
    other_level = series.read(run, keys=["loss"], known_level=1, known=70)
    assert other_level["start"] == 0 and len(other_level["columns"]["loss"]["mean"]) == 301


def test_a_closer_look_is_finer_and_holds_every_line_of_the_stretch():
    values = [math.sin(n) for n in range(5000)]
    run = make(lines_of(values), at_a_time=4096)
    assert series.read(run, keys=["loss"])["level"] == 2
    near = series.read(run, keys=["step", "loss"], since=20_000, until=21_000)
    assert near["level"] == 0
    steps, losses = near["columns"]["step"]["mean"], near["columns"]["loss"]["mean"]
    assert steps[0] <= 20_000 and steps[-1] >= 21_000 and len(steps) < 200
    assert losses == pytest.approx([values[step // 10 - 1] for step in steps], abs=1e-4)


def test_what_is_missing_or_no_number_is_null_and_new_keys_may_come_late():
    run = make([{"step": 1, "loss": float("nan"), "text": "x"}, {"step": 2, "mfu": None, "loss": 1e300}], at_a_time=1)
    series.append(run, [{"step": 3, "loss": 0.5, "late": 4, "yes": True}])
    run.metric_lines += 1
    columns = series.read(run, keys=["step", "loss", "late", "mfu", "text", "yes"])["columns"]
    assert columns["step"]["mean"] == [1, 2, 3] and columns["loss"]["mean"] == [None, None, 0.5]
    assert columns["late"]["mean"] == [None, None, 4] and set(columns) == {"step", "loss", "late"}


def test_a_long_run_costs_a_page_one_query_and_few_rows(django_assert_num_queries):
    run = TrainingRun.objects.create(name="long", metric_lines=0)
    begun = time.monotonic()
    part = [{"step": n, "loss": 1.0} for n in range(4096)]
    for _ in range(5):
        series.append(run, part)
        run.metric_lines += len(part)
    rate = run.metric_lines / (time.monotonic() - begun)
    assert rate > 5000, f"{rate:.0f} lines a second"
    with django_assert_num_queries(1):
        got = series.read(run, keys=["loss"])
    assert len(got["columns"]["loss"]["mean"]) <= 512
    assert MetricBlock.objects.filter(run=run, level=got["level"]).count() <= 4
