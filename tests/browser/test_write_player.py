"""The player and the marks: the frame that is named is the frame that is shown."""

import re

import pytest
from playwright.sync_api import expect

from annotator.models import Question
from tests.browser.desk import at_frame, frame_at_rest, frame_of, mark, open_desk, saved, step_to, wait_for_frame
from tests.conftest import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def spans(page):
    return page.locator("#spans li:has(input)").evaluate_all(
        "rows => rows.map(row => [...row.querySelectorAll('input')].map(input => Number(input.value)))"
    )


def test_every_frame_that_is_asked_for_is_the_frame_in_the_picture(page_for, annotator, ready_clip, shown_number):
    page = open_desk(page_for, annotator, ready_clip)
    for frame in [1, 2, 3, 12, 13, 14, 15, 16, 44, 45, 89, 88, 30, 29, 0]:
        step_to(page, frame)
        assert shown_number(page) == frame


def test_holding_a_key_down_ends_on_the_right_frame(page_for, annotator, ready_clip, shown_number):
    page = open_desk(page_for, annotator, ready_clip)
    for _ in range(25):
        page.keyboard.down(".")  # repeats, faster than frames can be shown
    page.keyboard.up(".")
    at_frame(page, 25)
    assert shown_number(page) == 25


def test_marks_made_while_playing_name_the_frame_that_was_shown(page_for, annotator, make_ready_clip):
    clip = make_ready_clip(frames=150)
    page = open_desk(page_for, annotator, clip)
    page.keyboard.press("Space")
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "true")
    wait_for_frame(page, lambda frame: frame > 12, "frame 12")
    page.keyboard.press("[")
    wait_for_frame(page, lambda frame: frame > 45, "frame 45")
    page.keyboard.press("k")
    last = frame_at_rest(page)
    at_frame(page, last)
    page.keyboard.press("]")
    [[first, marked_last]] = spans(page)
    assert 12 < first < 45 and marked_last == last
    saved(page)
    assert Question.objects.get().spans == [[first, last]]


def test_a_hand_quicker_than_the_pictures_marks_the_frames_it_stepped_to(page_for, annotator, ready_clip):
    page = open_desk(page_for, annotator, ready_clip)
    page.locator("#stage").focus()
    for key in ("Shift+Period", ".", "[", "Shift+Period", "]", ".", ".", "[", ".", "]"):
        page.keyboard.press(key)
    wait_until(lambda: spans(page) == [[11, 21], [23, 24]], seconds=15, what="both marks")
    at_frame(page, 24)


def test_several_spans_are_marked_edited_by_keyboard_and_deleted(page_for, annotator, ready_clip, shown_number):
    page = open_desk(page_for, annotator, ready_clip)
    mark(page, 40, 50)
    mark(page, 20, 10)  # from behind is as good
    assert spans(page) == [[10, 20], [40, 50]]
    page.get_by_label("Glitch 2: last frame").fill("61")
    page.keyboard.press("Enter")
    at_frame(page, 61)
    assert shown_number(page) == 61
    page.get_by_role("slider", name="First frame of glitch 1").focus()
    page.keyboard.press("ArrowLeft")
    at_frame(page, 9)
    expect(page.get_by_role("slider", name="First frame of glitch 1")).to_be_focused()
    assert spans(page) == [[9, 20], [40, 61]]
    page.get_by_role("button", name="Glitch 1: Delete this mark").click()
    assert spans(page) == [[40, 61]]
    saved(page)
    assert Question.objects.get().spans == [[40, 61]]
    page.locator("#stage").focus()
    for expected in ([[9, 20], [40, 61]], [[10, 20], [40, 61]], [[10, 20], [40, 50]]):
        page.keyboard.press("Control+z")
        assert spans(page) == expected
    page.keyboard.press("Control+Shift+Z")
    assert spans(page) == [[10, 20], [40, 61]]


def test_an_edge_is_dragged_on_the_timeline_with_the_picture_following(page_for, annotator, ready_clip, shown_number):
    page = open_desk(page_for, annotator, ready_clip)
    mark(page, 30, 60)
    box = page.locator("#timeline").bounding_box()

    def x(frame):
        return box["x"] + (frame + 0.5) / 90 * box["width"]

    handle = page.get_by_role("slider", name="Last frame of glitch 1").bounding_box()
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + 20)
    page.mouse.down()
    page.mouse.move(x(70), box["y"] + 40, steps=4)
    page.mouse.move(x(75), box["y"] + 40)
    page.mouse.up()
    at_frame(page, 75)
    assert shown_number(page) == 75
    assert spans(page) == [[30, 75]]
    page.mouse.click(x(5), box["y"] + 8)
    at_frame(page, 5)


def test_the_timeline_zooms_to_single_frames(page_for, annotator, ready_clip):
    page = open_desk(page_for, annotator, ready_clip)
    mark(page, 30, 31)
    edge = page.locator(".tl-span")
    whole = edge.bounding_box()["width"]
    for _ in range(3):
        page.keyboard.press("=")
    assert edge.bounding_box()["width"] > 3 * whole
    page.keyboard.press("0")
    assert abs(edge.bounding_box()["width"] - whole) < 1
    box = page.locator("#timeline").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 3, box["y"] + 30)
    page.mouse.wheel(0, -300)
    wait_until(lambda: edge.bounding_box()["width"] > whole + 1, what="the wheel to zoom")


def test_a_mark_the_browser_does_not_confirm_is_not_saved(page_for, annotator, ready_clip):
    page = page_for(annotator, None)
    # A browser that shows frames but never says which.
    page.add_init_script("HTMLVideoElement.prototype.requestVideoFrameCallback = () => 0")
    page.goto(f"/write/{ready_clip.pk}/")
    page.locator("#desk[data-clip]").wait_for()
    page.keyboard.press(".")
    page.keyboard.press("[")
    expect(page.locator(".toast.bad").first).to_contain_text("does not say which frame")
    expect(page.locator("#spans li:has(input)")).to_have_count(0)
    expect(page.locator("#frame-box")).to_have_class(re.compile("unconfirmed"))


def test_an_edge_that_lands_elsewhere_stays_unconfirmed_until_it_is_right(page_for, annotator, ready_clip):
    page = page_for(annotator, None)
    # A browser that, while `lie` is set, names that frame whatever it shows.
    page.add_init_script("""
        const ask = HTMLVideoElement.prototype.requestVideoFrameCallback;
        HTMLVideoElement.prototype.requestVideoFrameCallback = function (run) {
            const tell = (now, data) => run(now, window.lie ? { mediaTime: window.lie / 30 } : data);
            return ask.call(this, tell);
        };
    """)
    page.goto(f"/write/{ready_clip.pk}/")
    at_frame(page, 0)
    mark(page, 10, 20)
    wait_until(lambda: Question.objects.filter(spans=[[10, 20]]).exists(), what="the first save")
    page.evaluate("() => { window.lie = 50; }")
    page.get_by_label("Glitch 1: last frame").fill("33")
    page.keyboard.press("Enter")
    expect(page.locator(".toast.bad")).to_contain_text("Frame 33 could not be confirmed")
    expect(page.locator("#spans .unconfirmed")).to_have_text("not confirmed")
    wait_until(lambda: Question.objects.filter(spans=[]).exists(), what="a save without the unconfirmed span")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-field=spans] .error")).to_contain_text("not confirmed")
    page.evaluate("() => { window.lie = null; }")
    page.get_by_label("Glitch 1: last frame").fill("35")
    page.keyboard.press("Enter")
    expect(page.locator("#spans .confirmed")).to_be_visible()
    wait_until(lambda: Question.objects.filter(spans=[[10, 35]]).exists(), what="the save of the confirmed span")


def test_j_k_l_and_the_speeds(page_for, annotator, make_ready_clip):
    page = open_desk(page_for, annotator, make_ready_clip(frames=300))
    rate = page.locator("#rate")
    page.keyboard.press("l")
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("l")
    expect(rate).to_have_text("1.25×")
    wait_for_frame(page, lambda frame: frame > 20, "frame 20")
    page.keyboard.press("j")
    expect(rate).to_have_text("−0.5×")
    turned = frame_of(page)
    wait_for_frame(page, lambda frame: frame < turned - 4, "frames running backwards")
    page.keyboard.press("k")
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "false")
    for _ in range(9):
        page.keyboard.press("s")
    expect(rate).to_have_text("0.25×")
    for _ in range(9):
        page.keyboard.press("d")
    expect(rate).to_have_text("2×")


def test_the_marked_span_repeats(page_for, annotator, ready_clip):
    page = open_desk(page_for, annotator, ready_clip)
    mark(page, 40, 46)
    page.evaluate("""() => {
        window.seen = [];
        new MutationObserver(() => window.seen.push(Number(document.getElementById("frame").textContent.split(" ")[0])))
            .observe(document.getElementById("frame"), { childList: true });
    }""")
    page.keyboard.press("o")
    wait_until(lambda: page.evaluate("window.seen.filter((frame) => frame === 40).length") >= 3, what="three rounds")
    page.keyboard.press("k")
    seen = page.evaluate("window.seen")
    assert min(seen) >= 40
    # A busy machine may be late for a frame or two, but never plays on.
    assert sum(40 <= frame <= 46 for frame in seen) >= 0.8 * len(seen), seen
    expect(page.locator("#loop")).to_have_attribute("aria-pressed", "true")


def test_seconds_played_count_each_second_once_and_seeking_not_at_all(page_for, annotator, ready_clip):
    page = page_for(annotator, f"/write/{ready_clip.pk}/")
    played = page.evaluate("""async () => {
        const { Player } = await import("/static/js/player.js");
        const { src } = document.getElementById("video");
        const video = Object.assign(document.createElement("video"), { src, muted: true });
        document.body.append(video);
        const player = new Player(video, { fpsNum: 30, fpsDen: 1, frameCount: 90 });
        await player.seekFrame(60);
        await player.seekFrame(20);
        const seeking = player.playedSeconds();
        const playOnce = async () => {
            await player.play();
            await new Promise((resolve) => video.addEventListener("ended", resolve, { once: true }));
        };
        await player.seekFrame(0);
        player.setRate(2);
        await playOnce();
        const once = player.playedSeconds();
        await playOnce();
        return [seeking, once, player.playedSeconds()];
    }""")
    assert played[0] < 0.1
    assert played[1] == pytest.approx(3, abs=0.15)
    assert played[2] == pytest.approx(3, abs=0.15)
