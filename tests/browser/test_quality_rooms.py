"""Rooms of quality control in a real browser: the content check by keys, a recurring reason, and gold nobody can tell."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from annotator import importing
from annotator.models import Clip, Remark
from qc import gold
from qc.models import BlindAnswer, Review
from studio import jobs
from tests import videos
from tests.browser.desk import step_to
from tests.factories import QuestionFactory, UserFactory
from tests.qc.conftest import position_of, review, revision_of, ruling

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_new_clips_are_sorted_and_cut_by_keys_alone(page_for):
    clip, _created = importing.bring(videos.counter(60), original_name="c.mp4", source=Clip.Source.FOLDER)
    make = lambda: jobs.run(importing.latest_jobs([clip.pk])[clip.pk].pk)  # noqa: E731
    assert make() == "done"
    original = Clip.objects.get(pk=clip.pk).original
    page = page_for(UserFactory(username="lea", roles=["lead"]), "/clips/check/")
    expect(page.locator("#frame")).to_have_text(re.compile(" / 59"))
    page.locator("#stage").focus()
    page.keyboard.press("Space")  # it plays by itself
    expect(page.locator("#frame-box")).not_to_have_class(re.compile("unconfirmed"))
    step_to(page, 20)
    page.keyboard.press("[")
    expect(page.locator("[name=first]")).to_have_value("20")
    step_to(page, 49)
    page.keyboard.press("]")
    expect(page.locator("[name=last]")).to_have_value("49")
    page.locator("[data-cut]").press("Enter")
    expect(page.get_by_text("The clip is being cut")).to_be_visible()
    assert make() == "done"
    page.goto("/clips/check/")
    expect(page.get_by_text("It shows frames 20 to 49 of its original.")).to_be_visible()
    expect(page.locator("#frame")).to_have_text(re.compile(" / 29"))
    page.keyboard.press("3")
    expect(page.get_by_text("Every clip is checked")).to_be_visible()
    clip.refresh_from_db()
    assert (clip.content, clip.frame_count, clip.original) == (Clip.Content.GIVES_AWAY, 30, original)
    page.keyboard.press("u")
    expect(page.locator("#judge")).to_contain_text("Not checked yet")


def test_a_reason_that_recurs_is_told_beside_its_field(page_for, ready_clip):
    author, lead = UserFactory(username="ann", roles=["annotator"]), UserFactory(username="lea", roles=["lead"])
    for _ in range(3):
        question = QuestionFactory(returned=True, author=author)
        Remark.objects.create(revision=question.revisions.get(), field="correct", code="incomplete", by=lead)
    page = page_for(author, f"/write/{ready_clip.pk}/")
    hint = page.locator(".habit").filter(has_text="3 of your last 3 questions came back with: Correct option is incomplete.")
    expect(hint).to_be_visible()
    field = page.locator("[data-field=correct]")
    apart = abs(hint.bounding_box()["y"] - field.bounding_box()["y"])
    assert apart < field.bounding_box()["height"] + hint.bounding_box()["height"] + 40
    hint.get_by_role("button").press("Enter")
    expect(hint).to_have_count(0)
    lead_page = page_for(lead, "/calibration/reasons/")
    expect(lead_page.get_by_role("row", name=re.compile("^ann 3"))).to_contain_text("3")


def test_a_reviewer_cannot_tell_gold_from_other_work(page_for, make_ready_clip, settings):
    """Everything that reaches the browser on the way through one review: addresses, headers, keys of JSON, elements."""
    lead, rea = UserFactory(username="lea", roles=["lead"]), UserFactory(username="rea", roles=["reviewer"])
    golden = QuestionFactory(submitted=True, clip=make_ready_clip(frames=30))
    review(UserFactory(roles=["reviewer"]), golden, ruling())
    gold.promote(user=lead, question=golden)
    real = QuestionFactory(submitted=True, clip=make_ready_clip(frames=30))
    page = page_for(rea, None)
    seen = {}
    for name, question, rate in (("gold", golden, 1.0), ("real", real, 0.0)):
        settings.GOLD_RATE = rate
        seen[name] = went_through(page, question, rea)
    assert seen["gold"] == seen["real"]
    assert BlindAnswer.objects.filter(reviewer=rea).exclude(gold=None).count() == 1
    assert Review.with_gold.filter(reviewer=rea).count() == 2


def went_through(page, question, person):
    """What one review shows: addresses and header names of all answers, those that look ahead, elements before and after."""
    answers = []

    def note(response):
        address = re.sub(r"\d+", "N", response.url.split("?")[0].split("/", 3)[3])
        if address.startswith("review"):
            answers.append((address, response.status, tuple(sorted(response.headers))))

    page.goto("/review/")
    page.on("response", note)
    page.get_by_role("button", name="Start reviewing").press("Enter")
    expect(page.locator("#place[data-ready]")).to_be_attached()
    assert page.url.endswith(reverse("review_revision", args=[revision_of(question).pk]))
    page.keyboard.press("Space")
    expect(page.locator("[data-blind-form]")).to_be_visible()
    before = tags(page)
    page.keyboard.press(str(position_of("correct", revision_of(question), person)))
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-outcome]")).to_contain_text("which is the key")
    after = tags(page)
    assert "gold" not in page.content().lower()
    page.keyboard.press("a")
    expect(page.locator(".flash").or_(page.locator("#desk-empty")).first).to_be_attached()
    page.wait_for_function("() => !document.querySelector('[data-outcome]')")
    page.remove_listener("response", note)
    # What comes after the verdict depends on what else waits, so it is no part of the comparison. When the next piece is
    # looked for ahead, before or after the verdict, is a matter of milliseconds: what it answers is compared, not when.
    last = next(i for i, (address, *_rest) in enumerate(answers) if address.endswith("verdict/"))
    ahead = {answer for answer in answers if answer[0].endswith("ahead/")}
    return [answer for answer in answers[: last + 1] if answer not in ahead], ahead, before, after


def tags(page):
    """Names and classes of all elements in the desk, however the options are ordered and whether the clip plays just now."""
    found = page.locator("#desk").evaluate(
        "desk => [...desk.querySelectorAll('*')].map((e) => `${e.tagName}.${e.className}`)"
    )
    return sorted(name.replace(".playing", ".") for name in found)
