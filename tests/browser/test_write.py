"""The desk: writing a whole question in a real browser, the order of its fields, its size."""

import re

import pytest
from playwright.sync_api import expect

from annotator import queue
from annotator.models import Clip, Lease, Question, Remark, Revision
from tests.browser.desk import TEXTS, at_frame, fill_all, mark, open_desk, saved
from tests.factories import QuestionFactory, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_whole_question_is_written_with_the_keyboard_only(page_for, annotator, make_ready_clip, shown_number):
    first, second = make_ready_clip(title="First clip"), make_ready_clip(title="Second clip")
    page = page_for(annotator, "/write/")
    page.keyboard.press("Enter")  # the button has the focus
    page.wait_for_url(f"**/write/{first.pk}/")
    at_frame(page, 0)
    for key in ["Shift+Period", "Shift+Period", "."]:
        page.keyboard.press(key)
    at_frame(page, 21)
    assert shown_number(page) == 21
    page.keyboard.press("[")
    page.keyboard.press("Shift+Period")
    at_frame(page, 31)
    page.keyboard.press("]")
    page.keyboard.press("e")  # the first empty field: the category
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Tab")  # kind of glitch
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")  # the question
    page.keyboard.press("ArrowDown")
    for text in TEXTS.values():
        page.keyboard.press("Tab")
        page.keyboard.type(text)
    page.keyboard.press("Tab")
    page.keyboard.type("seen twice")
    saved(page)
    page.evaluate("window.samePage = true")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(f"**/write/{second.pk}/")
    revision = Revision.objects.get()
    assert revision.spans == [[21, 31]]
    assert (revision.category, revision.sub_label) == ("Gravity", "floating")
    assert revision.stem == "What best describes the glitch observed in the video?"
    assert {key: getattr(revision, key) for key in TEXTS} == TEXTS
    assert revision.note == "seen twice"
    assert list(Lease.objects.values_list("clip_id", "reserved")) == [(second.pk, False)]
    # The next piece came onto the same page, with nothing of the last one in it and the video ready.
    assert page.evaluate("window.samePage")
    expect(page.locator("#stage")).to_be_focused()
    expect(page.locator("#correct")).to_have_value("")
    expect(page.locator("#clip-name")).to_have_text("Second clip")
    at_frame(page, 0)
    page.keyboard.press(".")
    at_frame(page, 1)
    assert Question.objects.get().state == Question.State.SUBMITTED


def test_tab_walks_the_form_in_reading_order(page_for, annotator, ready_clip):
    page = open_desk(page_for, annotator, ready_clip)
    page.keyboard.press("e")
    walked = []
    for _ in range(12):
        walked.append(
            page.evaluate(
                "document.activeElement.id || document.activeElement.name || document.activeElement.textContent.trim()"
            )
        )
        page.keyboard.press("Tab")
    fields = ["category", "stem_choice", "correct", "distractor_1", "distractor_2", "distractor_3", "note", "submit"]
    assert walked[:8] == fields  # without a category there is no kind to choose
    assert walked[8:11] == ["Put back", "Report clip", "?"]
    page.get_by_role("radio", name="Friction").check(force=True)
    page.keyboard.press("Tab")
    expect(page.locator("#sub_label")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("radio", name="Friction")).to_be_focused()


def test_the_player_is_one_stop_for_tab_and_arrows_move_in_it(page_for, annotator, ready_clip):
    page = open_desk(page_for, annotator, ready_clip)
    expect(page.locator("#stage")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("[data-shortcut='player.prev10']")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-shortcut='player.prev']")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("slider", name="Place in the clip, in frames")).to_be_focused()
    page.keyboard.press("ArrowRight")
    at_frame(page, 1)
    page.keyboard.press("Shift+ArrowRight")
    at_frame(page, 11)


@pytest.mark.parametrize("size", [(1280, 720), (1440, 900), (1920, 1080)])
def test_nothing_scrolls_away(page_for, annotator, ready_clip, size):
    page = open_desk(page_for, annotator, ready_clip, viewport={"width": size[0], "height": size[1]})
    mark(page, 3, 9)
    fill_all(page, correct="A long key that always says more than it needs to say. " * 2)
    height = "element => [element.scrollHeight, element.clientHeight]"
    assert page.evaluate("[document.documentElement.scrollHeight, document.documentElement.scrollWidth]") <= [
        size[1],
        size[0],
    ]
    inner, shown = page.locator(".desk-form").evaluate(height)
    assert inner <= shown
    for selector in ("#stage", "#timeline", "#spans", "#submit", "#note", "#hints"):
        expect(page.locator(selector)).to_be_in_viewport(ratio=1)


def test_a_phone_can_write_too(page_for, annotator, ready_clip):
    page = open_desk(page_for, annotator, ready_clip, viewport={"width": 390, "height": 844}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#distractor_3").scroll_into_view_if_needed()
    expect(page.locator("#submit")).to_be_in_viewport()
    page.locator("[data-shortcut='write.mark_start']").tap()
    page.locator("[data-shortcut='player.next10']").tap()
    at_frame(page, 10)
    page.locator("[data-shortcut='write.mark_end']").tap()
    expect(page.locator("#spans li")).to_have_count(1)
    fill_all(page)
    page.locator("#submit").tap()
    page.wait_for_url("**/write/?empty")
    assert Revision.objects.get().spans == [[0, 10]]


def test_errors_appear_at_their_fields_and_the_first_has_the_focus(page_for, annotator, ready_clip):
    page = open_desk(page_for, annotator, ready_clip)
    fill_all(page, correct="", distractor_3=TEXTS["distractor_1"])
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-field=correct] .error")).to_have_text("This option is empty.")
    expect(page.locator("[data-field=distractor_3] .error")).to_have_text("This is the same as another option.")
    expect(page.locator("[data-field=spans] .error")).to_contain_text("Mark where the glitch is visible")
    expect(page.locator("#stage")).to_be_focused()  # the spans come first in reading order
    mark(page, 1, 4)
    expect(page.locator("[data-field=spans] .error")).to_be_hidden()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#correct")).to_be_focused()
    page.keyboard.type("The crate hangs still.")
    expect(page.locator("[data-field=correct] .error")).to_be_hidden()
    assert not Revision.objects.exists()


def test_returned_work_shows_each_remark_at_its_field(page_for, annotator, reviewer, make_ready_clip):
    question = QuestionFactory(author=annotator, returned=True, clip=make_ready_clip(frames=120, open_slots=0))
    revision = question.revisions.get()
    for field, code, comment in [
        ("distractor_2", "also_true", "It vanishes as well."),
        ("spans", "span", "It starts later."),
        ("", "other", "Watch it once more."),
    ]:
        Remark.objects.create(revision=revision, field=field, code=code, comment=comment, by=reviewer)
    page = page_for(annotator, "/write/")
    page.keyboard.press("Enter")
    expect(page.locator("[data-remarks=distractor_2]")).to_have_text("Distractor is also true: It vanishes as well.")
    expect(page.locator("[data-remarks=spans]")).to_contain_text("It starts later.")
    expect(page.locator("[data-remarks='']")).to_contain_text("Watch it once more.")
    expect(page.locator("[data-remarks=correct]")).to_be_hidden()
    expect(page.locator("#returned")).to_be_visible()
    page.locator("#distractor_2").fill("The crate turns green behind the pillar.")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/write/?empty")
    assert list(Revision.objects.values_list("number", flat=True)) == [1, 2]


def test_a_clip_is_put_back_and_reported(page_for, annotator, make_ready_clip):
    first, second, third = make_ready_clip(), make_ready_clip(), make_ready_clip()
    page = open_desk(page_for, annotator, first)
    page.locator("#note").fill("a thought")
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+N")
    page.wait_for_url(f"**/write/{second.pk}/")
    assert Question.objects.get().note == "a thought"
    assert queue.next_clip(UserFactory()) == first.pk
    page.keyboard.press("Shift+X")
    dialog = page.locator("#aside")
    dialog.get_by_label("Unusable").check()
    dialog.get_by_role("button", name="Set aside").click()
    expect(dialog.locator(".error")).to_contain_text("few words")
    dialog.get_by_label("Why").fill("only a menu")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/write/{third.pk}/")
    second.refresh_from_db()
    assert second.content == Clip.Content.UNUSABLE


def test_the_first_page_and_a_swap_stay_small(page_for, annotator, make_ready_clip):
    first, second = make_ready_clip(), make_ready_clip()
    page = page_for(annotator, None)
    moved = []
    page.on(
        "requestfinished",
        lambda request: moved.append(
            (request.url, request.sizes()["responseBodySize"] + request.sizes()["responseHeadersSize"])
        ),
    )

    def total():
        return sum(size for url, size in moved if "/media/" not in url)

    page.goto(f"/write/{first.pk}/")
    at_frame(page, 0)
    page.wait_for_load_state("networkidle")
    cold = total()
    assert cold < 250_000, sorted(moved, key=lambda one: -one[1])[:8]
    mark(page, 1, 4)
    fill_all(page)
    saved(page)
    page.wait_for_load_state("networkidle")
    before = total()
    page.keyboard.press("Control+Enter")
    page.wait_for_url(f"**/write/{second.pk}/")
    at_frame(page, 0)
    page.wait_for_load_state("networkidle")
    swap = total() - before
    assert swap < 30_000
    print(f"writing page {cold} bytes cold, swap {swap} bytes")


def test_exactly_one_next_clip_is_loading_behind_this_one(page_for, annotator, make_ready_clip):
    clips = [make_ready_clip() for _ in range(3)]
    page = open_desk(page_for, annotator, clips[0])
    expect(page.locator("#desk")).to_have_attribute("data-ahead", str(clips[1].pk))
    expect(page.locator("#ahead video")).to_have_count(1)
    assert f"/media/{clips[1].pk}/proxy" in page.locator("#ahead video").get_attribute("src")
    assert list(Lease.objects.order_by("pk").values_list("clip_id", "reserved")) == [
        (clips[0].pk, False),
        (clips[1].pk, True),
    ]


def test_the_way_back_leads_to_what_the_address_says(page_for, annotator, make_ready_clip):
    first, second = make_ready_clip(), make_ready_clip()
    page = open_desk(page_for, annotator, first)
    mark(page, 1, 4)
    fill_all(page)
    page.keyboard.press("Control+Enter")
    page.wait_for_url(f"**/write/{second.pk}/")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("This clip is not free")
    expect(page.locator("main")).to_contain_text("You have submitted a question about this clip already")
    page.get_by_role("button", name="Take another clip").click()
    page.wait_for_url(re.compile(rf"/write/{second.pk}/$"))
