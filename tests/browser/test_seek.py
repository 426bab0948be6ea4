"""Chromium reaches every frame of an ingested clip, and the picture it shows is the one that was asked for."""

import pytest

from annotator import importing
from annotator.models import Clip
from studio import jobs
from studio.models import Job
from tests import videos
from tests.conftest import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

# Seek to the middle of each frame as the player does; the number that the shown picture carries, and when it says it is.
SEEK = f"""async ([frames, fps]) => {{
    const video = document.getElementById("clip-video");
    const canvas = document.createElement("canvas");
    canvas.width = 320; canvas.height = 180;
    const pen = canvas.getContext("2d", {{ willReadFrequently: true }});
    const shown = [];
    for (const frame of frames) {{
        const target = (frame + 0.5) / fps;
        if (Math.abs(video.currentTime - target) > 1e-6) {{
            const presented = new Promise((done) => video.requestVideoFrameCallback((now, data) => done(data.mediaTime)));
            const sought = new Promise((done) => video.addEventListener("seeked", done, {{ once: true }}));
            video.currentTime = target;
            await sought;
            await Promise.race([presented, new Promise((done) => setTimeout(done, 1000))]);
        }}
        pen.drawImage(video, 0, 0, 320, 180);
        let number = 0;
        for (let bit = 0; bit < {videos.BITS}; bit++) {{
            const at = pen.getImageData(bit * {videos.BLOCK} + {videos.BLOCK // 2}, {videos.BLOCK // 2}, 1, 1).data[0];
            number = number * 2 + (at > 127 ? 1 : 0);
        }}
        shown.push(number);
    }}
    return {{ shown, current: video.currentTime, seekable: video.seekable.end(0), duration: video.duration }};
}}"""


def ready(path):
    clip, _ = importing.bring(path, original_name=path.name, source=Clip.Source.FOLDER)
    assert jobs.run(Job.objects.get(key=importing.job_key(clip.pk)).pk) == Job.State.DONE
    clip.refresh_from_db()
    return clip


def open_clip(page_for, user, clip):
    page = page_for(user, clip.get_absolute_url())
    wait_until(lambda: page.evaluate("document.getElementById('clip-video').readyState >= 2"), what="the video")
    return page


def test_every_frame_of_ten_seconds_is_reached_and_is_the_one_asked_for(page_for, lead):
    clip = ready(videos.counter(300, "30", sound=True))
    page = open_clip(page_for, lead, clip)
    frames = list(range(clip.frame_count))
    result = page.evaluate(SEEK, [frames, 30])
    assert result["shown"] == frames
    assert result["current"] == pytest.approx(299.5 / 30)
    assert result["seekable"] == pytest.approx(10, abs=0.1)


def test_frames_in_any_order_at_2997_frames_a_second(page_for, lead):
    clip = ready(videos.counter(900, "30000/1001"))
    page = open_clip(page_for, lead, clip)
    frames = [(number * 389) % 900 for number in range(60)] + [899, 0, 898, 1, 449, 450]
    assert page.evaluate(SEEK, [frames, 30000 / 1001])["shown"] == frames


def test_the_number_on_the_page_is_the_number_in_the_picture(page_for, lead):
    page = open_clip(page_for, lead, ready(videos.counter(300)))
    for button, frame in [("+10", 10), ("+1", 11), ("+10", 21), ("−1", 20), ("−10", 10)]:
        page.get_by_text(button, exact=True).click()
        page.get_by_text(f"{frame} / 300", exact=True).wait_for()
        now = page.evaluate("document.getElementById('clip-video').currentTime")
        assert page.evaluate(SEEK, [[int(now * 30)], 30])["shown"] == [frame]
