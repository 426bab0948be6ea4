"""Training runs in a real browser: from the form to live curves; zoom, smoothing, comparison, keys, tables."""

import re

import pytest
from django.core.cache import cache
from playwright.sync_api import expect

from modelzoo.models import TrainingRun
from modelzoo.runs import series, watch
from studio import jobs
from studio.celery import worker_key
from studio.models import Job
from tests.conftest import wait_until
from tests.factories import UserFactory
from tests.modelzoo.runs import training_room  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("training_room")]


@pytest.fixture
def lead():
    cache.set(worker_key("gpu"), "somebody", 300)
    return UserFactory(username="lea", roles=["lead"])


def make_run(name, count, **fields):
    run = TrainingRun.objects.create(
        name=name, stage="sft", preset="tiny-sft", state="finished", host="here", carried=True, steps=10 * count, **fields
    )
    lines = [{"step": 10 * n, "loss": 2 / n, "elapsed_s": 3.0 * n, "samples_per_s": 40} for n in range(1, count + 1)]
    series.append(run, lines)
    TrainingRun.objects.filter(pk=run.pk).update(metric_lines=count, latest=lines[-1], step=10 * count)
    return run


def test_from_new_run_to_live_curves_stop_and_resume(page_for, lead, monkeypatch):
    monkeypatch.setenv("STANDIN_STEP_S", "0.1")
    page = page_for(lead, "/runs/")
    expect(page.get_by_text("No runs yet")).to_be_visible()
    page.locator("main").get_by_role("link", name="New run").first.click()
    page.get_by_label("worlds/train").check()
    page.get_by_label("Changed settings").fill("max_steps=300")
    expect(page.locator("[data-setting=max_steps]")).to_have_text("300")
    page.get_by_label("Preset", exact=True).select_option("tiny-dpo")
    expect(page.locator("[data-setting=schedule]")).to_have_text("linear")
    page.get_by_label("Preset", exact=True).select_option("tiny-sft")
    page.get_by_role("button", name="Estimate").click()
    expect(page.get_by_text("Queued")).to_be_visible()
    jobs.run(Job.objects.get().pk)
    page.get_by_role("button", name="Start the run").click()
    state = page.locator("#run-state")
    expect(state.get_by_text("Queued", exact=True)).to_be_visible()
    run = TrainingRun.objects.get()

    def looked(condition):
        def look():
            watch.look()
            run.refresh_from_db()
            return condition()

        wait_until(look, what="the run")

    looked(lambda: run.state == "running" and run.step >= 5)
    # Nobody reloads: the state is polled and the curves grow.
    expect(state.get_by_text("Running", exact=True)).to_be_visible()
    chart = page.get_by_role("figure").filter(has_text="Loss").first
    expect(chart.locator("canvas")).to_be_visible()
    looked(lambda: run.step >= 15)
    expect(chart.locator(".legend")).to_have_text(re.compile(r"step (1[5-9]|[2-9]\d|[12]\d\d)"))
    expect(page.locator(".run-log")).to_contain_text("step 15 of 300", timeout=20_000)
    state.get_by_role("button", name="Save and stop").click()
    expect(state.get_by_text("Stopping", exact=True)).to_be_visible()
    looked(lambda: run.state == "stopped" and run.carried)
    expect(state.get_by_text("Stopped", exact=True)).to_be_visible()
    expect(page.locator("#run-rest")).to_contain_text(f"after {run.step}")
    state.get_by_role("button", name="Go on").click()
    expect(state.get_by_text("Queued", exact=True)).to_be_visible()
    looked(lambda: run.state == "running" and run.attempt == 2)
    expect(state.get_by_text("attempt 2")).to_be_visible()


def test_charts_zoom_by_mouse_and_keys_smooth_and_have_tables(page_for, lead):
    run = make_run("long", 3000)
    page = page_for(lead, f"/runs/{run.pk}/")
    chart = page.get_by_role("figure").filter(has_text="Loss").first
    plot = chart.locator(".canvas")
    expect(plot).to_have_attribute("aria-label", "Loss. Loss: now 6.67e-4, least 6.67e-4, most 2")
    chart.get_by_text("As a table").click()
    expect(chart.locator("tbody tr")).to_have_count(60)
    expect(chart.locator("tbody tr").last).to_contain_text("29,965")  # the last point sums up lines 2993 to 3000
    with page.expect_response("**/series/?*since=*"):  # a closer look is fetched finer
        plot.press("+")
    expect(page.get_by_role("button", name="Whole run")).to_be_enabled()
    expect(chart.locator("tbody tr").first).not_to_contain_text("100")
    plot.press("0")
    expect(page.get_by_role("button", name="Whole run")).to_be_disabled()
    box = chart.locator(".u-over").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 60, steps=4)
    with page.expect_response("**/series/?*since=*"):
        page.mouse.up()
    expect(page.get_by_role("button", name="Whole run")).to_be_enabled()
    chart.locator(".u-over").dblclick()
    expect(page.get_by_role("button", name="Whole run")).to_be_disabled()
    page.get_by_label("Smoothing").fill("0.9")
    expect(page.locator("output[for=smooth]")).to_have_text("0.9")
    page.get_by_label("Over").select_option("elapsed_s")
    expect(chart.locator("canvas")).to_be_visible()


def test_two_runs_are_compared_in_the_same_charts(page_for, lead):
    first, second = make_run("one", 40), make_run("two-with-a-name-" + "x" * 200, 30)
    page = page_for(lead, "/runs/")
    page.get_by_label("Compare one").check()
    page.get_by_label(f"Compare {second.name}").check()
    page.get_by_role("button", name="Compare the ticked runs").click()
    chart = page.get_by_role("figure").filter(has_text="Loss").first
    expect(chart.locator(".legend .name")).to_have_text([second.name, first.name])
    chart.get_by_text("As a table").click()
    expect(chart.locator("tbody tr")).to_have_count(40)
    expect(chart.locator("tbody tr").last.locator("td")).to_have_text(["400", "–", "0.05"])
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_arithmetic_of_curves(call_js):
    assert call_js("charts/curves.js", "smooth", [1, None, 3], 0.5) == [1, None, pytest.approx(7 / 3)]
    assert call_js("charts/curves.js", "smooth", [4, 4, 4], 0.99) == pytest.approx([4, 4, 4])
    held = {"level": 0, "start": 0, "lines": 3, "columns": {"step": {"mean": [1, 2, 3]}, "loss": {"mean": [9, 8, 7]}}}
    news = {"level": 0, "start": 2, "lines": 4, "columns": {"step": {"mean": [3, 4]}, "late": {"mean": [5, 6]}}}
    whole = call_js("charts/curves.js", "spliced", held, news)
    assert whole["columns"]["step"]["mean"] == [1, 2, 3, 4]
    assert whole["columns"]["late"]["mean"] == [None, None, 5, 6] and whole["columns"]["loss"]["mean"] == [9, 8, None, None]
    assert call_js("charts/curves.js", "spliced", held, news | {"level": 1, "start": 0})["level"] == 1
    assert call_js("charts/curves.js", "cut", [0, 10, 20, 30, 40], 12, 28) == [1, 4]
    assert call_js("charts/curves.js", "spread", 100, 3) == [0, 50, 99]
    assert call_js("charts/curves.js", "spread", 2, 3) == [0, 1]
    shown = [
        (0.000123, "number", "1.23e-4"),
        (41234.5, "number", "41.2 k"),
        (0.317, "percent", "31.7 %"),
        (None, "number", "–"),
    ]
    for value, form, text in shown:
        assert call_js("charts/curves.js", "written", value, form, "en") == text
