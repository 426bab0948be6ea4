"""What happened here and the practice desk, in a real browser: boxes follow the frames, spans share one scale."""

import re

import pytest
from playwright.sync_api import expect

from annotator.models import PracticeAttempt
from tests.browser.desk import at_frame, fill_all, mark
from tests.factories import QuestionFactory, clip_truth, known_clip

pytestmark = pytest.mark.browser


@pytest.fixture
def clip(make_ready_clip):
    """A clip of 90 frames whose red crate hangs in the air from frame 30 to 59, one pixel further right in each."""
    clip = make_ready_clip(source="glitchworld", source_id="gw1-meadow-7")
    return known_clip(clip=clip, truth=clip_truth(frames=90, first_frame=30, last_frame=59, twin="gw1-meadow-7-twin"))


def test_a_lead_sees_box_twin_and_spans(page_for, lead, clip, make_ready_clip, shown_number):
    twin = make_ready_clip(source="glitchworld", source_id="gw1-meadow-7-twin")
    known_clip(clip=twin, truth=clip_truth(clip_id="gw1-meadow-7-twin", frames=90, glitch=False, twin="gw1-meadow-7"))
    QuestionFactory(clip=clip, approved=True, spans=[[45, 74]])
    page = page_for(lead, f"/truth/{clip.pk}/")
    at_frame(page, 0)
    boxes = page.locator(".truth-boxes")
    expect(boxes).to_have_class(re.compile("before"))
    page.get_by_role("button", name="Frames 45–74").click()
    at_frame(page, 45)
    expect(boxes).not_to_have_class(re.compile("before"))
    expect(boxes.locator("rect")).to_have_attribute("x", "145")  # 100 and one pixel for each frame
    page.keyboard.press(".")
    at_frame(page, 46)
    expect(boxes.locator("rect")).to_have_attribute("x", "146")
    assert shown_number(page) == 46
    expect(page.get_by_text("spans overlap 33 %")).to_be_visible()  # 15 frames of both, 45 of either

    def share(lane):
        bar, track = (page.locator(selector).nth(lane).bounding_box() for selector in (".lane-bar", ".lane-track"))
        return round((bar["x"] - track["x"]) / track["width"], 2), round(bar["width"] / track["width"], 2)

    assert share(0) == pytest.approx((30 / 90, 30 / 90), abs=0.02)
    assert share(1) == pytest.approx((45 / 90, 30 / 90), abs=0.02)
    page.get_by_label("Draw the boxes of the actors").uncheck()
    expect(boxes).to_be_hidden()
    page.wait_for_timeout(500)  # the twin seeks after the clip
    assert shown_number(page, "#twin") == 46


def test_practice_from_the_first_mark_to_the_truth(page_for, annotator, clip):
    clip.purpose = "practice"
    clip.save(update_fields=["purpose"])
    page = page_for(annotator, "/practice/")
    page.get_by_role("link", name="Write", exact=True).last.click()
    at_frame(page, 0)
    page.get_by_role("button", name="Compare with the truth").click()
    expect(page.locator("#spans-error")).to_contain_text("Mark where the glitch is visible")
    mark(page, 30, 44)
    fill_all(page)
    page.keyboard.press("Control+Enter")
    page.wait_for_url(re.compile(r"/practice/attempts/\d+/$"))
    expect(page.get_by_role("heading", name="How your attempt compares")).to_be_visible()
    expect(page.get_by_text("spans overlap 50 %")).to_be_visible()
    at_frame(page, 0)
    attempt = PracticeAttempt.objects.get()
    assert (attempt.category_right, attempt.overlap, attempt.spans) == (True, 0.5, [[30, 44]])


def test_answering_a_practice_question(page_for, reviewer, clip):
    clip.purpose = "practice"
    clip.save(update_fields=["purpose"])
    page = page_for(reviewer, f"/practice/{clip.pk}/answer/", viewport={"width": 390, "height": 844})
    key = clip.truth.question["answer_index"]
    page.get_by_text(clip.truth.question["options"][key]).click()
    page.get_by_role("button", name="Compare with the truth").click()
    page.wait_for_url(re.compile(r"/practice/attempts/\d+/$"))
    expect(page.locator(".is-key.is-mine")).to_contain_text("chosen")
    assert PracticeAttempt.objects.get().answer_right is True
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
