"""A pair of near-duplicates in a real browser: both films run in step, are laid on each other, and keys rule."""

import pytest
from playwright.sync_api import expect

from annotator import importing
from annotator.models import Clip
from qc.duplicates import finding
from qc.duplicates.models import DuplicatePair
from studio import jobs
from studio.models import Job
from tests.factories import UserFactory
from tests.qc import duplicates

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def brought(path):
    clip, _created = importing.bring(path, original_name=path.name, source=Clip.Source.FOLDER)
    for key in (importing.job_key(clip.pk), f"duplicates-{clip.pk}"):
        job = Job.objects.get(key=key)
        assert jobs.run(job.pk) == "done", Job.objects.get(pk=job.pk).error
    return clip


def test_a_lead_compares_two_clips_and_rules(page_for):
    finding.forget_index()
    first = brought(duplicates.scene("glitch"))
    copy = brought(duplicates.edited("cut", "-ss", "1", "-t", "3"))
    other = brought(duplicates.scene("other"))
    assert DuplicatePair.objects.get(first=first, second=copy).state == "same", "found and judged without a person"
    waits = DuplicatePair.objects.get(first=first, second=other)
    assert waits.state == "open" and waits.suggestion == "scene" and waits.together
    cut = DuplicatePair.objects.get(first=first, second=copy)
    assert abs(cut.offset_s + 1) < 0.06

    lead = UserFactory(username="lea", roles=["lead"])
    page = page_for(lead, "/duplicates/")
    assert page.locator(".pair-row").count() == DuplicatePair.objects.filter(state="open").count()
    page.goto(cut.get_absolute_url())
    outputs = page.locator(".pair-film output")
    expect(outputs.nth(0)).to_have_text("30 / 149")  # where the copy begins
    expect(outputs.nth(1)).to_have_text("0 / 89")
    for _ in range(2):
        page.keyboard.press("Shift+Period")
    expect(outputs.nth(0)).to_have_text("50 / 149")
    expect(outputs.nth(1)).to_have_text("20 / 89")
    page.keyboard.press("x")
    expect(page.locator("canvas")).to_be_visible()
    dark = "canvas => { const d = canvas.getContext('2d').getImageData(0, 0, 960, 540).data; let s = 0;"
    dark += " for (let i = 0; i < d.length; i += 4) s += d[i] + d[i + 1] + d[i + 2]; return s / (d.length / 4 * 3) }"
    assert page.locator("canvas").evaluate(dark) < 30, "a copy laid on its original is black"
    page.keyboard.press("f")
    expect(page.get_by_role("button", name="Flicker", exact=True)).to_have_attribute("aria-pressed", "true")

    page.goto(waits.get_absolute_url())
    page.locator("[data-seek]").first.click()
    page.keyboard.press("Space")
    expect(page.locator("[data-play]")).to_have_text("Pause")
    page.keyboard.press("2")
    expect(page.get_by_text("They are one family now.")).to_be_visible()
    waits.refresh_from_db()
    assert (waits.state, waits.decided_by) == ("scene", lead)
