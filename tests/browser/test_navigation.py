"""The menus of the bar in a real browser: by keys, by clicks, without scripts, on a phone."""

import re

import pytest
from playwright.sync_api import expect

from tests.factories import UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ALL = ["annotator", "reviewer", "lead", "admin"]


def bar(page):
    return page.get_by_role("navigation", name="Rooms")


def test_a_menu_opens_by_keys_and_closes_again(page_for, ready_clip):
    page = page_for(UserFactory(roles=ALL), f"/write/{ready_clip.pk}/")  # where arrows and Escape mean something as well
    expect(page.locator("#frame")).to_have_text(re.compile("^0 / "))
    summary = bar(page).get_by_text("Quality control")
    links = bar(page).get_by_role("link")
    expect(links).to_have_count(0)
    summary.press("Enter")
    expect(links).to_have_text(["Quality", "Leak checks", "Calibration"])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.press("ArrowDown")
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("Escape")
    expect(links).to_have_count(0)
    expect(summary).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(links.nth(0)).to_be_focused()
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(links).to_have_count(0)  # the keyboard left it
    expect(page.locator("#frame")).to_have_text(re.compile("^0 / "))
    summary.click()
    expect(links).to_have_count(3)
    bar(page).get_by_text("Models").click()
    expect(links.first).to_have_text("Training")  # and the other menu is closed
    page.mouse.click(720, 700)
    expect(links).to_have_count(0)


def test_the_menus_work_without_scripts(page_for):
    page = page_for(UserFactory(roles=ALL), "/jobs/", java_script_enabled=False)
    marked = bar(page).locator("summary[aria-current]")
    expect(marked).to_have_text("System")
    marked.click()
    expect(bar(page).get_by_role("link", name="Jobs")).to_have_attribute("aria-current", "page")
    bar(page).get_by_text("Data", exact=True).click()
    expect(bar(page).get_by_role("link")).to_have_text(["Training data", "Releases", "Exports"])  # one menu at a time
    bar(page).get_by_role("link", name="Releases").click()
    expect(page).to_have_url(re.compile("/releases/$"))


def test_a_phone_shows_all_rooms_in_one_menu_under_their_groups(page_for):
    page = page_for(UserFactory(roles=ALL), "/quality/", viewport={"width": 390, "height": 844})
    expect(bar(page)).to_be_hidden()
    page.get_by_label("Menu", exact=True).click()
    group = page.get_by_role("group", name="Quality control")
    expect(group.get_by_role("link")).to_have_text(["Quality", "Leak checks", "Calibration"])
    last = page.get_by_role("link", name="Health")
    last.scroll_into_view_if_needed()
    expect(last).to_be_in_viewport()
    last.click()
    expect(page).to_have_url(re.compile("/health/$"))


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_bar_holds_all_groups_at_the_width_where_it_begins(page_for, language):
    person = UserFactory(roles=ALL, language=language, first_name="Alexandra", last_name="Montgomery-Featherstone")
    page = page_for(person, "/clips/check/", viewport={"width": 1201, "height": 800})
    expect(page.locator(".bar nav > details")).to_have_count(7)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1201
    last, end = page.locator(".bar nav > :last-child").bounding_box(), page.locator(".bar-end").bounding_box()
    assert last["x"] + last["width"] <= end["x"]
