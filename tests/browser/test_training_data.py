"""Reviewing PhysInstruct samples by keyboard alone, in a real browser."""

import pytest
from playwright.sync_api import expect

from modelzoo.instruct.models import InstructSample
from tests.factories import InstructSampleFactory, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_lead_reviews_with_keys(page_for, ready_clip):
    type(ready_clip).objects.filter(pk=ready_clip.pk).update(purpose="training")
    ready_clip.refresh_from_db()
    seen = {"frames": [30], "width": 320, "height": 180, "title": "Floating"}
    rows = [InstructSampleFactory(clip=ready_clip, state="generated", place=n, seen=seen) for n in range(3)]
    lead = UserFactory(username="lena", roles=["lead"])
    page = page_for(lead, "/instruct/review/")

    def shown():
        """The sample on the page."""
        expect(page.locator("[data-accept]")).to_be_visible()
        return InstructSample.objects.get(pk=int(page.locator(".page-head p").inner_text().split("›")[-1]))

    page.locator("[data-seek]").first.click()
    expect(page.locator("#frame")).to_have_text("30 / 89")

    first = shown()
    page.keyboard.press("e")
    expect(page.locator("#edit-answer")).to_be_focused()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("The red crate floats; a (A)x is only text here.")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(f"**/instruct/review/?judged={first.pk}")
    first.refresh_from_db()
    assert first.state == "accepted" and first.answer.startswith("The red crate floats; a (A)x") and first.made

    second = shown()
    page.keyboard.press("1")  # means nothing before a rejection was begun
    page.keyboard.press("x")
    expect(page.locator("[data-reason]").first).to_be_focused()
    page.keyboard.press("4")
    page.wait_for_url(f"**/instruct/review/?judged={second.pk}")
    second.refresh_from_db()
    assert (second.state, second.reason, second.decided_by) == ("rejected", "dull", lead)

    page.keyboard.press("u")
    page.wait_for_url(f"**/instruct/review/?sample={second.pk}")
    page.keyboard.press("a")
    page.wait_for_url(f"**/instruct/review/?judged={second.pk}")
    page.keyboard.press("?")
    expect(page.locator("#shortcut-help")).to_contain_text("Reject: choose why")
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    expect(page.get_by_role("heading", name="No sample waits for a person")).to_be_visible()
    assert InstructSample.objects.filter(state="accepted", decided_by=lead).count() == len(rows)
