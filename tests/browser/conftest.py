"""A real Chromium against the real application. Clips are small real videos whose frames carry their own number."""

import contextlib
import functools
import hashlib
import io
import itertools
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import av
import numpy as np
import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.test.testcases import LiveServerThread
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from tests.factories import ClipFactory

BITS = 10  # of the frame number, as black and white fields in the top row
FIELD = 32  # pixels of one field
WIDTH, HEIGHT = BITS * FIELD, 180


@pytest.fixture(scope="session")
def chromium():
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for path in map(shutil.which, names) if path), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found,  # None: Playwright's own
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--mute-audio"],
        )
        yield browser
        browser.close()


class LiveServer:
    """The application as it is deployed: WhiteNoise serves static files, views serve media, with byte ranges."""

    def __init__(self):
        # Django's own helper would serve the media folder to everybody; the application alone is what we test.
        self.thread = LiveServerThread("127.0.0.1", static_handler=lambda handler: handler.application)
        self.thread.daemon = True
        self.thread.start()
        self.thread.is_ready.wait()
        if self.thread.error:
            raise self.thread.error
        self.url = f"http://127.0.0.1:{self.thread.port}"


@pytest.fixture
def running_studio(transactional_db):
    server = LiveServer()
    yield server
    server.thread.terminate()


@pytest.fixture
def page_for(chromium, running_studio):
    """`page_for(user, "/write/")`: a signed-in page; a page that raised an error fails the test when it ends."""
    contexts, faults = [], []

    def open_page(user, path="/", *, context=None, **options):
        if context is None:
            options = {"viewport": {"width": 1440, "height": 900}, "locale": "en-GB", **options}
            context = chromium.new_context(base_url=running_studio.url, **options)
            contexts.append(context)
            client = Client()
            client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
            session = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": running_studio.url}
            context.add_cookies([session])
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
        page.on(
            "console",
            lambda message: "Content Security Policy" in message.text and faults.append(f"{page.url}: {message.text}"),
        )
        if path is not None:
            page.goto(path)
        return page

    expect.set_options(timeout=10_000)
    yield open_page
    for context in contexts:
        with contextlib.suppress(Exception):
            context.close()
    assert not faults, faults


@pytest.fixture(scope="session")
def call_js(chromium):
    """`call_js("write/hints.js", "tokens", "a b")`: what an exported function of ours returns. No server, no database."""
    page = chromium.new_page()
    page.route(
        "http://modules.test/**",
        lambda route: (
            route.fulfill(path=settings.BASE_DIR / urlsplit(route.request.url).path.lstrip("/"))
            if route.request.url.endswith(".js")
            else route.fulfill(body="<!doctype html><body>", content_type="text/html")
        ),
    )
    page.set_default_timeout(15_000)
    page.goto("http://modules.test/")

    def call(module, name, *arguments):
        return page.evaluate(
            """async ([path, name, given]) => {
                const found = (await import(path))[name](...given);
                return found instanceof Set ? [...found] : found;
            }""",
            [f"/static/js/{module}", name, list(arguments)],
        )

    yield call
    page.close()


def _picture(number):
    """One frame: its number in binary along the top, below it a bar that moves with the number."""
    picture = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    for bit in range(BITS):
        picture[:FIELD, bit * FIELD : (bit + 1) * FIELD] = 235 if number >> bit & 1 else 16
    left = number * 2 % (WIDTH - 24)
    picture[90:140, left : left + 24] = (200, 120, 40)
    return picture


@functools.cache
def numbered_video(frames, fps=30):
    """mp4 bytes (H.264, constant frame rate, GOP 15, faststart) whose frame n shows n."""
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:  # faststart opens its own output again by name
        with av.open(file.name, "w", format="mp4", options={"movflags": "faststart"}) as container:
            stream = container.add_stream("libx264", rate=fps)
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            stream.gop_size = 15
            stream.options = {"preset": "ultrafast", "crf": "20", "x264-params": "keyint=15:scenecut=0"}
            for number in range(frames):
                frame = av.VideoFrame.from_ndarray(_picture(number), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return Path(file.name).read_bytes()


def _jpeg(picture):
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=70)
    return out.getvalue()


def _filmstrip(frames, tiles, columns):
    rows = [
        np.concatenate([_picture((row + column) * frames // tiles)[::4, ::4] for column in range(columns)], axis=1)
        for row in range(0, tiles, columns)
    ]
    return np.concatenate(rows)


_serial = itertools.count()


@pytest.fixture
def make_ready_clip(db):
    """`make_ready_clip(frames=90)`: a ready clip with real proxy, poster and filmstrip in the default storage."""

    def make(*, frames=90, fps=30, **fields):
        video = numbered_video(frames, fps)
        digest = hashlib.sha256(video + str(next(_serial)).encode()).hexdigest()
        tiles, columns = 20, 10
        names = {"proxy": f"proxies/{digest}.mp4", "poster": f"posters/{digest}.jpg", "filmstrip": f"strips/{digest}.jpg"}
        default_storage.save(names["proxy"], ContentFile(video))
        default_storage.save(names["poster"], ContentFile(_jpeg(_picture(0))))
        default_storage.save(names["filmstrip"], ContentFile(_jpeg(_filmstrip(frames, tiles, columns))))
        values = {"fps_num": fps, "frame_count": frames, "width": WIDTH, "height": HEIGHT, "sha256": digest}
        return ClipFactory(
            **{**values, **names, "original": "", "filmstrip_tiles": tiles, "filmstrip_columns": columns, **fields}
        )

    return make


@pytest.fixture
def ready_clip(make_ready_clip):
    return make_ready_clip()


# Reads the number that frame `n` carries from the picture the browser shows.
READ_FRAME = f"""(video) => {{
    const canvas = document.createElement("canvas");
    canvas.width = {WIDTH}; canvas.height = {HEIGHT};
    const pen = canvas.getContext("2d");
    pen.drawImage(video, 0, 0, {WIDTH}, {HEIGHT});
    let number = 0;
    for (let bit = 0; bit < {BITS}; bit++)
        if (pen.getImageData(bit * {FIELD} + {FIELD // 2}, {FIELD // 2}, 1, 1).data[0] > 128) number |= 1 << bit;
    return number;
}}"""


@pytest.fixture
def shown_number():
    """`shown_number(page)`: the number in the picture of the page's video."""
    return lambda page, selector="video": page.locator(selector).first.evaluate(READ_FRAME)
