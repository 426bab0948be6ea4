"""What the desk's browser tests share."""

import re

from playwright.sync_api import expect

from tests.conftest import wait_until
from tests.factories import CONTENT

TEXTS = {key: CONTENT[key] for key in ("correct", "distractor_1", "distractor_2", "distractor_3")}


def open_desk(page_for, user, clip, **options):
    page = page_for(user, f"/write/{clip.pk}/", **options)
    at_frame(page, 0)
    return page


def at_frame(page, number):
    """Wait until the browser confirms that it shows this frame."""
    expect(page.locator("#frame")).to_have_text(re.compile(rf"^{number} / "))
    expect(page.locator("#frame-box")).not_to_have_class(re.compile("unconfirmed"))


def mark(page, first, last):
    """Mark a span with the keys, stepping from wherever the clip stands to `first` and `last`."""
    page.locator("#stage").focus()
    for frame, key in ((first, "["), (last, "]")):
        step_to(page, frame)
        page.keyboard.press(key)


def step_to(page, frame):
    # Once more if need be: where a picture takes over a second and a half, the player counts from the one it shows.
    for last_try in (False, True):
        delta = frame - frame_of(page)
        for press in ["Shift+Period" if delta > 0 else "Shift+Comma"] * (abs(delta) // 10):
            page.keyboard.press(press)
        for press in ["." if delta > 0 else ","] * (abs(delta) % 10):
            page.keyboard.press(press)
        try:
            return at_frame(page, frame)
        except AssertionError:
            if last_try:
                raise


def fill_all(page, **changes):
    page.get_by_role("radio", name="Gravity").check(force=True)
    page.locator("#stem_choice").select_option(index=1)
    for key, text in {**TEXTS, **changes}.items():
        page.locator(f"#{key}").fill(text)


def saved(page):
    expect(page.locator("#saved")).to_have_text(re.compile(r"^Saved \d\d:\d\d:\d\d$"))


def frame_of(page):
    return int(page.locator("#frame").inner_text().split()[0])


def frame_at_rest(page):
    """The frame a stopped player ends at: it may have shown one or two more before it went to the one it names."""
    seen = [frame_of(page)]

    def stands_still():
        seen.append(frame_of(page))
        return len(seen) > 5 and len(set(seen[-5:])) == 1

    wait_until(stands_still, seconds=10, every=0.1, what="the player to come to rest")
    return seen[-1]


def wait_for_frame(page, condition, what):
    """Wait until `condition(frame)` holds for the frame on screen (the page's policy forbids Playwright's own wait)."""
    wait_until(lambda: condition(frame_of(page)), seconds=15, every=0.02, what=what)
