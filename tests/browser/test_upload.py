"""Bringing clips by drag-and-drop, and running through them on their filmstrips."""

import base64
import re

import pytest
from django.core.cache import cache
from playwright.sync_api import expect

from annotator import importing
from annotator.models import Clip
from studio import jobs
from studio.celery import worker_key
from studio.models import Job
from tests import videos
from tests.conftest import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

DROP = """([files]) => {
    const data = new DataTransfer();
    for (const [name, content] of files)
        data.items.add(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))], name, { type: "video/mp4" }));
    const options = { dataTransfer: data, bubbles: true, cancelable: true };
    document.getElementById("drop").dispatchEvent(new DragEvent("drop", options));
}"""


def drop(page, **files):
    page.evaluate(DROP, [[[name.replace("_", "."), base64.b64encode(content).decode()] for name, content in files.items()]])


def row(page, name):
    return page.locator(".upload-row").filter(has_text=name)


def test_files_are_dropped_ingested_and_refused_each_with_its_own_words(page_for, lead, start_worker):
    start_worker("cpu")
    page = page_for(lead, "/clips/upload/")
    page.get_by_label("Licence").fill("CC BY 4.0")
    page.get_by_label("Title").fill("Car stuck in a wall")
    drop(page, good_mp4=videos.plain().read_bytes(), text_mp4=b"not a video at all", empty_mp4=b"")
    expect(row(page, "text.mp4")).to_contain_text("This is a text file, not a video.")
    expect(row(page, "empty.mp4")).to_contain_text("empty")
    good = row(page, "Car stuck in a wall")
    expect(good).to_contain_text("Ready.", timeout=60_000)
    expect(page.locator("#no-worker")).to_be_hidden()
    assert Clip.objects.get().licence == "CC BY 4.0"
    good.get_by_role("link").click()
    expect(page.get_by_role("heading", name="Car stuck in a wall")).to_be_visible()
    wait_until(lambda: page.evaluate("document.getElementById('clip-video').readyState >= 2"), what="the video")


def test_a_missing_worker_is_said_in_red_while_files_wait(page_for, lead):
    cache.delete(worker_key("cpu"))  # the worker of another test may have left its mark
    page = page_for(lead, "/clips/upload/")
    expect(page.locator("#no-worker")).to_be_visible()
    drop(page, a_mp4=videos.plain().read_bytes())
    expect(row(page, "a.mp4")).to_contain_text("Waiting for its ingest")
    expect(page.locator("#no-worker")).to_contain_text("No worker")


def test_a_cancelled_upload_leaves_nothing(page_for, lead):
    page = page_for(lead, "/clips/upload/")
    page.route(re.compile("/clips/upload/$"), lambda route: None)  # an answer that never comes, as on a very slow line
    drop(page, slow_mp4=videos.plain().read_bytes())
    page.get_by_role("button", name="Cancel slow.mp4").click()
    expect(row(page, "slow.mp4")).to_contain_text("Cancelled. Nothing was kept.")
    assert not Clip.objects.exists()


def test_a_file_over_the_limit_is_refused_before_it_is_sent(page_for, lead, settings):
    settings.UPLOAD_MAX_BYTES = 1000
    page = page_for(lead, "/clips/upload/")
    sent = []
    page.on("request", lambda request: sent.append(request.method))
    drop(page, big_mp4=b"\0" * 2000)
    expect(row(page, "big.mp4")).to_contain_text("larger than 1 kB")
    assert "POST" not in sent


def test_a_field_that_is_wrong_is_said_at_the_field(page_for, lead):
    page = page_for(lead, "/clips/upload/")
    page.get_by_label("Permalink").fill("javascript:alert(1)")
    drop(page, a_mp4=videos.plain().read_bytes())
    expect(page.locator('[data-error-for="permalink"]')).to_be_visible()
    assert not Clip.objects.exists()


def ready(path, **details):
    clip, _ = importing.bring(path, original_name=path.name, source=Clip.Source.FOLDER, **details)
    jobs.run(Job.objects.get(key=importing.job_key(clip.pk)).pk)
    return clip


def test_moving_over_a_picture_runs_through_the_clip_and_so_do_the_arrow_keys(page_for, annotator):
    ready(videos.counter(300))
    page = page_for(annotator, "/clips/")
    thumb = page.locator(".thumb")
    box = thumb.bounding_box()
    for share, tile in [(0.02, "1"), (0.5, "30"), (0.99, "59")]:
        page.mouse.move(box["x"] + box["width"] * share, box["y"] + 20)
        expect(thumb).to_have_attribute("data-tile", tile)
    page.mouse.move(0, 0)
    expect(thumb.locator(".thumb-film")).to_have_count(0)
    thumb.focus()
    for key, tile in [("ArrowRight", "0"), ("ArrowRight", "1"), ("ArrowLeft", "0"), ("ArrowLeft", "0")]:
        page.keyboard.press(key)
        expect(thumb).to_have_attribute("data-tile", tile)


def test_a_lead_chooses_clips_and_judges_them_without_leaving_the_page(page_for, lead):
    for number in range(4):
        ready(videos.counter(10 + number), title=f"Clip {number}")
    page = page_for(lead, "/clips/")
    page.get_by_label("Text", exact=True).fill("clip")
    page.wait_for_url(re.compile("q=clip"))
    page.get_by_label("Choose Clip 0").check()
    page.get_by_label("Choose Clip 2").click(modifiers=["Shift"])
    expect(page.locator(".chosen-count")).to_have_text("3 clips chosen")
    page.get_by_role("button", name="Accept", exact=True).click()
    expect(page.locator("#grid .notice")).to_contain_text("3 clips changed.")
    assert "q=clip" in page.url
    assert sorted(Clip.objects.filter(content="accepted").values_list("title", flat=True)) == ["Clip 0", "Clip 1", "Clip 2"]
    page.get_by_label("Content").select_option("accepted")
    expect(page.locator(".clip-card")).to_have_count(3)
