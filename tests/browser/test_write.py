"""The desk: writing a question in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from annotator.models import Lease, Question, Revision

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TEXTS = {
    "correct": "The crate hangs in the air after the shelf is gone.",
    "distractor_1": "The crate slides uphill without being pushed.",
    "distractor_2": "The crate turns invisible behind the pillar.",
    "distractor_3": "The crate stretches like rubber when it lands.",
}


def at_frame(page, number):
    expect(page.locator("#frame")).to_have_text(re.compile(rf"^{number} / "))
    expect(page.locator("#frame-box")).not_to_have_class(re.compile("unconfirmed"))


def test_a_whole_question_is_written_with_the_keyboard_only(page_for, annotator, make_ready_clip, shown_number):
    first, second = make_ready_clip(title="First clip"), make_ready_clip(title="Second clip")
    page = page_for(annotator, "/write/")
    page.keyboard.press("Enter")  # the button has the focus
    page.wait_for_url(f"**/write/{first.pk}/")
    at_frame(page, 0)
    for key in ["Shift+Period", "Shift+Period", "."]:
        page.keyboard.press(key)
    at_frame(page, 21)
    assert shown_number(page) == 21
    page.keyboard.press("[")
    page.keyboard.press("Shift+Period")
    at_frame(page, 31)
    page.keyboard.press("]")
    page.keyboard.press("e")  # the first empty field: the category
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Tab")  # kind of glitch
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")  # the question
    page.keyboard.press("ArrowDown")
    for text in TEXTS.values():
        page.keyboard.press("Tab")
        page.keyboard.type(text)
    page.keyboard.press("Tab")
    page.keyboard.type("seen twice")
    expect(page.locator("#saved")).to_have_text(re.compile(r"^Saved \d\d:\d\d:\d\d$"))
    page.keyboard.press("Control+Enter")
    page.wait_for_url(f"**/write/{second.pk}/")
    revision = Revision.objects.get()
    assert revision.spans == [[21, 31]]
    assert (revision.category, revision.sub_label) == ("Gravity", "floating")
    assert revision.stem == "What best describes the glitch observed in the video?"
    assert {key: getattr(revision, key) for key in TEXTS} == TEXTS
    assert revision.note == "seen twice"
    assert list(Lease.objects.values_list("clip_id", "reserved")) == [(second.pk, False)]
    expect(page.locator("#stage")).to_be_focused()
    expect(page.locator("#correct")).to_have_value("")
    assert Question.objects.get().state == Question.State.SUBMITTED
