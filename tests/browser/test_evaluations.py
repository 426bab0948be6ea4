"""The answers of a model in a real browser: keys go from one to the next, and the clip plays."""

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
