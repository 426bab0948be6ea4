"""Evaluations in a real browser: keys go through answers, and figures tell their interval to pointer, keyboard and touch."""

import pytest
from playwright.sync_api import expect

from tests.modelzoo.evaluation.builders import evaluated, make_set

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_keys_walk_through_wrong_answers(page_for, lead):
    one = evaluated(make_set(8), lambda question: "A" if question.number < 4 else "B")
    page = page_for(lead, f"/evaluations/{one.pk}/answers/")
    heading = page.locator(".answer h2")
    expect(heading).to_have_text("What is wrong in clip 1?")
    page.keyboard.press("j")
    expect(heading).to_have_text("What is wrong in clip 2?")
    page.keyboard.press("j")
    expect(heading).to_have_text("What is wrong in clip 3?")
    page.keyboard.press("k")
    expect(heading).to_have_text("What is wrong in clip 2?")
    page.goto(f"/evaluations/{one.pk}/answers/?at=1")
    page.keyboard.press("k")  # there is none before: nothing happens
    expect(heading).to_have_text("What is wrong in clip 1?")


@pytest.fixture
def board(lead):
    """Two measured rows: Gravity 0 of 4 and Elasticity 4 of 4 in the first, all of them wrong in the second."""
    question_set = make_set(48)
    evaluated(question_set, lambda question: question.answer if question.number % 3 else "", name="Ours")
    evaluated(question_set, lambda question: "", name="Theirs")
    return "/leaderboard/?protocol=standard"


GRAVITY = "0 of 4; 95 % interval 0.0 to 49.0"
ELASTICITY = "4 of 4; 95 % interval 51.0 to 100.0"


def test_a_figure_tells_its_interval_to_pointer_and_keyboard(page_for, lead, board):
    page = page_for(lead, board, reduced_motion="reduce")
    box, figures = page.get_by_role("tooltip"), page.locator(".board .tip")
    expect(figures.first).to_have_text("66.752.5–78.3")  # the headline shows it without being asked
    expect(box).to_be_hidden()
    figures.nth(2).hover()
    expect(box).to_have_text(GRAVITY)
    assert box.evaluate("box => getComputedStyle(box).animationName") == "none"
    box.hover()  # the pointer may enter the box
    page.wait_for_timeout(250)
    expect(box).to_be_visible()
    page.locator("h1").hover()
    expect(box).to_be_hidden()
    # All figures of the table are one stop of the Tab key, and arrows go on from there.
    page.locator(".board-scroll").focus()
    for _stop in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className") == "tip":
            break
    expect(figures.first).to_be_focused()
    expect(box).to_have_text("32 of 48; 95 % interval 52.5 to 78.3")
    for key in ("ArrowRight", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    expect(figures.nth(3)).to_be_focused()
    expect(figures.nth(3)).to_have_accessible_description(ELASTICITY)
    page.keyboard.press("Escape")
    expect(box).to_be_hidden()
    expect(figures.nth(3)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(box).to_have_text(GRAVITY)  # Elasticity of the second row
    page.keyboard.press("End")
    expect(box).to_be_in_viewport(ratio=1)
    page.keyboard.press("Tab")
    expect(box).to_be_hidden()
    assert page.evaluate("document.activeElement.className") != "tip"


def test_a_tap_opens_and_closes_it_on_a_phone(page_for, lead, board):
    page = page_for(lead, board, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    box, figures = page.get_by_role("tooltip"), page.locator(".board .tip")
    figures.nth(2).tap()
    expect(box).to_have_text(GRAVITY)
    expect(box).to_be_in_viewport(ratio=1)
    figures.nth(2).tap()
    expect(box).to_be_hidden()
    figures.nth(3).tap()
    expect(box).to_have_text(ELASTICITY)
    page.locator("h1").tap()
    expect(box).to_be_hidden()


def test_the_board_fits_on_paper_with_all_its_intervals(page_for, lead, board):
    lead.theme = "dark"
    lead.save()
    page = page_for(lead, board, viewport={"width": 1047, "height": 718})  # A4, landscape, 10 mm of margin
    page.emulate_media(media="print")
    assert page.evaluate("document.querySelector('.board').getBoundingClientRect().right") <= 1047
    told = page.locator(".board .tip").nth(2).evaluate("tip => getComputedStyle(tip, '::after').content")
    assert told == '"0.0–49.0"'
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"  # paper is white
    assert page.locator(".bar").is_hidden() and page.locator(".filters").is_hidden()
