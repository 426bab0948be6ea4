"""An answer that grows on the page, and the map of where the model looked, by mouse and by keys."""

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone
from playwright.sync_api import expect

from modelzoo.asking import heat, jobs
from modelzoo.asking.models import Ask
from studio.models import Job
from tests.factories import ClipFactory
from tests.modelzoo.physvlm.sets import clip as square

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def answered(ask):
    """What the worker stores at the end, about four frames with a patch that counted more and more."""
    weights = np.full((4, 6, 6), 0.8)
    for frame in range(4):
        weights[frame, frame, 1] = 1.5 + frame
    pixels = square("red", "rises", size=heat.SIDE, frames=4, seed=1).transpose(0, 3, 1, 2)
    found = heat.figures(weights.tolist())
    pictures = {
        "frames_image": (heat.frames_image(pixels), "jpg"),
        "heat_image": (heat.heat_image(weights.tolist(), high=found["high"]), "png"),
    }
    names = {
        field: default_storage.save(f"asks/test-{field}.{suffix}", ContentFile(content))
        for field, (content, suffix) in pictures.items()
    }
    Ask.objects.filter(pk=ask.pk).update(
        answer="It rises.", weights="0" * 64, heat=found, answered_at=timezone.now(), phase="",
        frames={"numbers": [1, 3, 5, 7], "seconds": [0.1, 0.3, 0.5, 0.7]}, **names,
    )  # fmt: skip
    Job.objects.filter(pk=ask.job_id).update(state=Job.State.DONE)


def test_it_grows_and_the_map_is_read_by_keys(page_for, lead):
    ask = jobs.start(
        Ask(clip=ClipFactory(title="A square"), model="model:tiny", model_name="tiny", text="What happens?"), by=lead
    )
    page = page_for(lead, f"/ask/{ask.pk}/")
    expect(page.locator("#ask-state")).to_contain_text("next in the queue")
    Ask.objects.filter(pk=ask.pk).update(answer="It ri", phase="answering")
    expect(page.locator(".ask-words")).to_have_text("It ri")
    answered(ask)
    expect(page.locator(".ask-words")).to_have_text("It rises.")
    expect(page.locator("#ask-stage-label")).to_contain_text(
        "At 0.70 s: brightest at the middle left"
    )  # the strongest frame
    frames = page.locator(".ask-frame")
    expect(frames).to_have_count(4)
    frames.first.focus()
    page.keyboard.press("ArrowRight")
    expect(frames.nth(1)).to_be_focused()
    expect(page.locator("#ask-stage-label")).to_contain_text("At 0.30 s")
    expect(page.locator("#ask-stage image").first).to_have_attribute("x", "-1")
    colours = page.locator("#ask-stage .ask-heat")
    expect(colours).to_have_attribute("opacity", "0.8")
    page.locator("#ask-strength").focus()
    page.keyboard.press("End")
    expect(colours).to_have_attribute("opacity", "1")
    expect(page.locator("#ask-stage .ask-ring circle").first).to_have_attribute("cx", "0.25")
    expect(page.locator("#ask-stage .ask-ring circle").first).to_have_attribute("cy", "0.25")
    expect(page.locator(".ask-marks")).to_contain_text("4.5×")
    page.get_by_label("Colour each frame by its own scale").check()
    expect(colours).to_have_attribute("y", "-1")
    expect(page.locator(".ask-marks")).to_contain_text("2.5×, the most in this frame")
    expect(page.get_by_text("Between frames compare the numbers.")).to_be_visible()
    frames.nth(2).click()
    expect(page.locator(".ask-marks")).to_contain_text("3.5×, the most in this frame")
    page.get_by_label("Show the colours").uncheck()
    expect(colours).to_have_attribute("opacity", "0")
    page.get_by_text("The same as a table").click()
    expect(page.get_by_role("cell", name="4.50×")).to_be_visible()
