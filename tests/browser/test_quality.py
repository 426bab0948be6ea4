"""The quality page in a real browser: charts with their tables, keys, zoom, and the form that answers by itself."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from qc.dashboard import counting
from qc.dashboard.models import PersonDay
from tests.factories import QuestionFactory, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_figures_are_drawn_told_in_tables_and_reached_by_keys(page_for):
    lead, ann = UserFactory(username="lea", roles=["lead"]), UserFactory(username="ann")
    page = page_for(lead, "/quality/")
    expect(page.get_by_text("Nothing has been written yet")).to_be_visible()
    expect(page.get_by_text("Friction: 176 questions are missing")).to_be_visible()
    QuestionFactory(approved=True, author=ann)
    counting.catch_up()
    for ago in range(1, 20):
        PersonDay.objects.create(
            person=ann, day=timezone.localdate() - timedelta(days=ago), submissions=ago, write_s=600 * ago,
            blind=20, blind_right=20 - ago, leak_clear=9, leak_leaky=1,
        )  # fmt: skip
    page.goto("/quality/")
    chart = page.get_by_role("figure").filter(has_text="Leak rate")
    expect(chart.locator("canvas")).to_be_visible()
    expect(chart.locator(".legend")).to_contain_text("0 % (0 % – 79.3 %)")  # today one check, and it was clear
    chart.get_by_text("As a table").click()
    # Yesterday 1 of 10: Wilson's interval is 1.8 % to 40.4 %
    expect(chart.locator("tbody tr").nth(1)).to_contain_text("10 % (1.8 % – 40.4 %)")
    expect(chart.locator("tbody tr")).to_have_count(30)
    plot = page.get_by_role("figure").filter(has_text="Blind accuracy").locator(".canvas")
    expect(plot).to_have_attribute("aria-label", "Blind accuracy. Right: now 95 %, least 0.9 %, most 99.1 %")
    expect(page.locator("#zoom-all")).to_be_disabled()
    plot.press("+")
    expect(page.locator("#zoom-all")).to_be_enabled()
    plot.press("0")
    expect(page.locator("#zoom-all")).to_be_disabled()
    page.get_by_label("Drawn", exact=True).select_option("week")
    expect(page).to_have_url(re.compile("by=week"))
    expect(page.get_by_role("figure").filter(has_text="Throughput an active hour").locator("canvas")).to_be_visible()
    page.get_by_role("row").filter(has_text="Approved").get_by_role("link", name="1", exact=True).first.click()
    page.get_by_role("link", name="Card").click()
    expect(page.get_by_role("heading", name="Ready for export?")).to_be_visible()
