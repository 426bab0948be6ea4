"""Keys in a real browser: the handler, the help sheet, tooltips, changing a key."""

import pytest
from playwright.sync_api import expect

from tests.browser.desk import at_frame, open_desk, step_to

pytestmark = pytest.mark.browser


def test_the_help_sheet_lists_every_key_of_this_page(page_for, annotator, ready_clip):
    page = open_desk(page_for, annotator, ready_clip)
    page.keyboard.press("?")
    sheet = page.locator("#shortcut-help")
    expect(sheet).to_be_visible()
    expect(sheet.locator("h3")).to_have_text(["Everywhere", "Player", "Writing"])
    expect(sheet.get_by_role("button", name="The glitch starts at this frame: [")).to_be_visible()
    page.keyboard.press(".")  # keys are silent behind the sheet
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    at_frame(page, 0)


def test_tooltips_and_key_caps_come_from_the_same_list(page_for, annotator, ready_clip):
    annotator.shortcuts = {"player.next": "n", "write.mark_start": "b"}
    annotator.save()
    page = open_desk(page_for, annotator, ready_clip)
    expect(page.locator("[data-shortcut='player.next']")).to_have_attribute("title", "One frame on (N)")
    expect(page.locator("[data-key-of='write.mark_start']")).to_have_text("B")
    page.keyboard.press("n")
    at_frame(page, 1)
    page.keyboard.press(".")
    page.keyboard.press("b")
    expect(page.locator("#spans .open")).to_contain_text("Starts at frame 1")


def test_keys_are_silent_while_typing_but_for_alt(page_for, annotator, ready_clip):
    page = open_desk(page_for, annotator, ready_clip)
    page.locator("#correct").focus()
    page.keyboard.type("k, l. [s] ?")
    expect(page.locator("#correct")).to_have_value("k, l. [s] ?")
    expect(page.locator("#shortcut-help")).to_be_hidden()
    at_frame(page, 0)
    page.keyboard.press("Alt+.")
    page.keyboard.press("Alt+Shift+Period")
    at_frame(page, 11)
    page.keyboard.press("Alt+[")
    expect(page.locator("#spans .open")).to_contain_text("Starts at frame 11")
    expect(page.locator("#correct")).to_have_value("k, l. [s] ?")
    expect(page.locator("#correct")).to_be_focused()


def test_space_presses_the_button_reached_by_tab_and_plays_after_a_click(page_for, annotator, ready_clip):
    page = open_desk(page_for, annotator, ready_clip)
    page.locator("[data-shortcut='player.next']").click()
    at_frame(page, 1)
    page.keyboard.press("Space")  # the click gave the button the focus, yet Space is the player's
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("k")
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "false")
    page.locator("#stage").focus()
    page.keyboard.press("Home")
    at_frame(page, 0)
    step_to(page, 15)
    page.keyboard.press("Tab")  # the player's bar, by keyboard: Space presses what has the focus, ten frames back
    page.keyboard.press("Space")
    at_frame(page, 5)
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "false")


def test_a_key_is_changed_moved_and_restored_in_the_sheet(page_for, annotator, ready_clip):
    page = open_desk(page_for, annotator, ready_clip)
    page.keyboard.press("?")
    sheet = page.locator("#shortcut-help")
    sheet.get_by_role("button", name="Go to the first empty field").click()
    page.keyboard.press("g")
    expect(sheet.get_by_role("button", name="Go to the first empty field: G")).to_be_focused()
    annotator.refresh_from_db()
    assert annotator.shortcuts == {"write.form": "g"}
    # A key in use is not taken silently.
    page.keyboard.press("Enter")
    page.keyboard.press("k")
    expect(sheet.get_by_role("status")).to_contain_text("This key already does “Pause”.")
    sheet.get_by_role("button", name="Use it here instead").click()
    expect(sheet.get_by_role("button", name="Pause: none")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("k")
    expect(page.get_by_role("radio", name="Gravity")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    sheet.get_by_role("button", name="Restore the defaults").click()
    expect(sheet.get_by_role("button", name="Pause: K")).to_be_visible()
    annotator.refresh_from_db()
    assert annotator.shortcuts == {}


def test_the_page_of_shortcuts_changes_them_for_every_room(page_for, reviewer):
    page = page_for(reviewer, "/account/shortcuts/")
    page.get_by_role("button", name="Approve: A").click()
    page.keyboard.press("Control+w")
    expect(page.get_by_role("status").first).to_contain_text("keeps its meaning in the browser")
    page.get_by_role("button", name="Approve: A").click()
    page.keyboard.press("y")
    expect(page.get_by_role("button", name="Approve: Y")).to_be_visible()
    reviewer.refresh_from_db()
    assert reviewer.shortcuts == {"review.approve": "y"}


@pytest.mark.parametrize(
    ("event", "chords"),
    [
        ({"key": ".", "code": "Period"}, ["."]),
        ({"key": ">", "code": "Period", "shiftKey": True}, [">", "Shift+."]),
        ({"key": "Z", "code": "KeyZ", "shiftKey": True, "ctrlKey": True}, ["Ctrl+Shift+z"]),
        ({"key": "z", "code": "KeyY", "metaKey": True}, ["Ctrl+z", "Ctrl+y"]),  # a German keyboard on a Mac
        ({"key": "л", "code": "KeyK"}, ["л", "k"]),  # a Russian keyboard
        ({"key": "Process", "code": "KeyK"}, ["Process", "k"]),  # a Chinese input method
        ({"key": " ", "code": "Space"}, ["Space"]),
        ({"key": "ArrowLeft", "code": "ArrowLeft", "altKey": True}, ["Alt+ArrowLeft"]),
    ],
)
def test_a_key_press_has_its_spellings(call_js, event, chords):
    nothing_held = {"ctrlKey": False, "metaKey": False, "altKey": False, "shiftKey": False}
    assert call_js("shortcuts.js", "chordsOf", nothing_held | event) == chords
