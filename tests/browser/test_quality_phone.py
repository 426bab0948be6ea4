"""Quality control on a phone: nothing is cut, a row tells its cells, and the buttons cover nothing."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from qc import gold
from tests.factories import QuestionFactory, UserFactory
from tests.qc.conftest import review, ruling
from tests.qc.test_adjudication import disputed

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE = {"viewport": {"width": 390, "height": 844}}
TOPMOST = """e => {
    const box = e.getBoundingClientRect();
    return e.contains(document.elementFromPoint(box.x + 20, box.y + box.height / 2));
}"""


def test_a_row_of_a_list_is_a_card_whose_cells_have_names(page_for):
    lead, question = UserFactory(roles=["lead"]), QuestionFactory(submitted=True)
    review(UserFactory(roles=["reviewer"]), question, ruling())
    gold.promote(user=lead, question=question)
    page = page_for(lead, "/calibration/gold/", **PHONE)
    row = page.get_by_role("row").filter(has=page.get_by_role("button", name="Retire"))
    expect(row.get_by_role("cell", name=re.compile("Promoted by"))).to_contain_text(str(lead))
    inside = "e => [...e.querySelectorAll('td')].every(td => td.getBoundingClientRect().right <= innerWidth)"
    assert row.evaluate(inside)


def test_figures_scroll_by_keys_behind_their_first_column(page_for):
    page = page_for(UserFactory(roles=["lead"]), "/quality/", **PHONE)
    table = page.get_by_role("group", name=re.compile("^Coverage of 880"))
    name = table.get_by_role("link", name="Friction")
    bar = table.get_by_role("row", name=re.compile("Friction")).locator("svg")
    assert bar.bounding_box()["width"] >= 100
    at = name.bounding_box()["x"]
    table.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("e => e.scrollLeft > 0", arg=table.element_handle())
    assert name.bounding_box()["x"] == pytest.approx(at, abs=1) and name.evaluate(TOPMOST)


def test_the_buttons_of_a_decision_cover_neither_its_heading_nor_its_reason(page_for, make_ready_clip):
    question = disputed(clip=make_ready_clip(frames=30))
    page = page_for(UserFactory(roles=["lead"]), reverse("adjudicate", args=[question.pk]), **PHONE)
    for part in (page.get_by_role("heading", name="Your decision"), page.get_by_label("Why")):
        # Where it has just come in from below, with little room under it.
        part.evaluate("e => scrollBy(0, e.getBoundingClientRect().bottom - innerHeight + 12)")
        assert part.evaluate(TOPMOST)
