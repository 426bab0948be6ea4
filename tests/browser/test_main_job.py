"""The main job, as a new user does it: make demo, write, cross-check, export. Nothing is prepared but one real mp4."""

import hashlib
import json
import re

import pytest
from playwright.sync_api import expect

from studio.demo import PASSWORD
from tests.browser.conftest import numbered_video
from tests.demo import make_demo

pytestmark = [pytest.mark.browser, pytest.mark.slow]

OPTIONS = [
    "The orange bar jumps from the right edge back to the left.",
    "The orange bar sinks slowly into the ground below.",
    "The orange bar grows until it fills the picture.",
    "The orange bar is dragged along by the white field.",
]


@pytest.fixture
def demo(tmp_path):
    with make_demo(tmp_path, "DEMO_CLIPS=0") as running:
        yield running


def sign_in(page, address, name):
    page.goto(f"{address}/login/")
    page.keyboard.type(name)  # the name has the focus
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{address}/")


def test_a_question_is_written_checked_and_exported(demo, chromium, tmp_path):
    address = demo.address
    film = tmp_path / "films" / "glitch.mp4"
    film.parent.mkdir()
    film.write_bytes(numbered_video(90))
    demo.manage("import_clips", film.parent, "--wait")

    writer = chromium.new_context(viewport={"width": 1280, "height": 720}, locale="en-GB").new_page()
    sign_in(writer, address, "annotator")
    writer.goto(f"{address}/write/")
    expect(writer.get_by_role("button", name="Start writing")).to_be_focused()
    writer.keyboard.press("Enter")
    writer.wait_for_url(re.compile(r"/write/\d+/$"))
    expect(writer.locator("#frame")).to_have_text(re.compile(r"^0 / "))
    expect(writer.locator("#frame-box")).not_to_have_class(re.compile("unconfirmed"))
    for key in ("Shift+Period", ".", "[", "Shift+Period"):
        writer.keyboard.press(key)
    expect(writer.locator("#frame")).to_have_text(re.compile(r"^21 / "))
    writer.keyboard.press("]")
    writer.keyboard.press("e")  # the first empty field: the category
    for key in ("Space", "Tab", "ArrowDown", "Tab", "ArrowDown"):
        writer.keyboard.press(key)
    for text in OPTIONS:
        writer.keyboard.press("Tab")
        writer.keyboard.type(text)
    writer.keyboard.press("Control+Enter")
    expect(writer.get_by_text("Nothing waits to be written")).to_be_visible()
    writer.context.close()

    checker = chromium.new_context(viewport={"width": 1280, "height": 720}, locale="en-GB").new_page()
    sign_in(checker, address, "reviewer")
    checker.goto(f"{address}/review/")
    checker.get_by_role("button", name="Start reviewing").press("Enter")
    checker.wait_for_url(re.compile(r"/review/\d+/$"))
    expect(checker.locator("#place[data-ready]")).to_be_attached()
    checker.keyboard.press("Space")  # watch it once
    expect(checker.locator("[data-blind-form]")).to_be_visible()
    shown = checker.locator("[data-blind-form] label").all_inner_texts()
    number = next(index for index, text in enumerate(shown, 1) if OPTIONS[0] in text)
    checker.keyboard.press(str(number))
    checker.keyboard.press("Control+Enter")
    expect(checker.locator("[data-outcome]")).to_contain_text("which is the key")
    checker.keyboard.press("a")
    expect(checker.get_by_role("heading", name="Nothing more to review")).to_be_visible()
    checker.context.close()

    out = tmp_path / "out"
    demo.manage("export_physgame", out, "--allow-unchecked")  # there is no key for a language model
    (record,) = json.loads((out / "PhysGame_1_annotation.json").read_text())
    assert record["options"][record["answer"]] == OPTIONS[0]
    assert sorted(record["options"].values()) == sorted(OPTIONS)
    assert (record["class_anno"], record["subclass_anno"]) == ("Mechanics", "Gravity")
    video = out / "PhysGame-Benchmark" / f"{record['question_id']}.mp4"
    assert hashlib.sha256(video.read_bytes()).digest() == hashlib.sha256(film.read_bytes()).digest()
