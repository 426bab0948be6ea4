"""Nothing that was typed is lost: offline, stale, twice, signed out, out of time."""

import re
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Error, expect

from annotator import queue
from annotator.models import Lease, Question, Revision
from tests.browser.desk import TEXTS, at_frame, fill_all, mark, open_desk, saved
from tests.conftest import wait_until
from tests.factories import QuestionFactory, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_text_is_saved_a_moment_after_the_last_key(page_for, annotator, ready_clip):
    page = open_desk(page_for, annotator, ready_clip)
    page.locator("#correct").press_sequentially("The crate hangs", delay=60)
    expect(page.locator("#saved")).to_have_text("Typing…")
    assert not Question.objects.exists()
    saved(page)
    question = Question.objects.get()
    assert (question.correct, question.version, question.author) == ("The crate hangs", 1, annotator)
    page.locator("#correct").press_sequentially(" still")
    page.keyboard.press("Control+s")  # at once, and no dialog of the browser
    wait_until(lambda: Question.objects.get().correct == "The crate hangs still", what="the second save")


def test_what_was_typed_offline_is_kept_and_sent_when_the_network_is_back(page_for, annotator, ready_clip):
    page = open_desk(page_for, annotator, ready_clip)
    page.locator("#correct").fill("Saved online.")
    saved(page)
    page.context.set_offline(True)
    page.locator("#correct").fill("Written offline.")
    expect(page.locator("#banner")).to_contain_text("No connection. Your text is kept in this browser")
    expect(page.locator("#saved")).to_have_text("Kept in this browser")
    assert Question.objects.get().correct == "Saved online."
    page.context.set_offline(False)
    saved(page)
    expect(page.locator("#banner")).to_be_hidden()
    assert Question.objects.get().correct == "Written offline."


def test_what_was_typed_offline_survives_a_reload(page_for, annotator, ready_clip):
    page = open_desk(page_for, annotator, ready_clip)
    page.locator("#correct").fill("Saved online.")
    saved(page)
    page.context.set_offline(True)
    page.locator("#correct").fill("Written offline.")
    mark(page, 3, 7)
    expect(page.locator("#banner")).to_be_visible()
    with pytest.raises(Error, match="crash"):  # a page that is closed would send a last request, which may get through
        page.goto("chrome://crash")
    page.close()
    page.context.set_offline(False)
    page = page_for(annotator, f"/write/{ready_clip.pk}/", context=page.context)
    at_frame(page, 0)
    expect(page.locator("#correct")).to_have_value("Saved online.")
    expect(page.locator("#banner")).to_contain_text("This browser holds a newer text")
    page.get_by_role("button", name="Restore it").click()
    expect(page.locator("#correct")).to_have_value("Written offline.")
    saved(page)
    question = Question.objects.get()
    assert (question.correct, question.spans) == ("Written offline.", [[3, 7]])
    page.reload()
    at_frame(page, 0)
    expect(page.locator("#banner")).to_be_hidden()


def test_a_stale_save_shows_both_texts_and_each_field_is_chosen(page_for, annotator, ready_clip):
    one = open_desk(page_for, annotator, ready_clip)
    one.locator("#correct").fill("The first text.")
    saved(one)
    two = page_for(annotator, f"/write/{ready_clip.pk}/", context=one.context)
    at_frame(two, 0)
    two.locator("#distractor_1").fill("From the second window.")
    two.locator("#note").fill("second note")
    saved(two)
    one.locator("#correct").fill("From the first window.")
    one.locator("#note").fill("first note")
    dialog = one.locator("#compare")
    expect(dialog).to_be_visible()
    rows = dialog.locator(".compare-row")
    expect(rows).to_have_count(3)
    expect(rows.filter(has_text="Note")).to_contain_text("first note")
    expect(rows.filter(has_text="Note")).to_contain_text("second note")
    one.keyboard.press("Escape")  # a text is not thrown away by a slip
    expect(dialog).to_be_visible()
    # Fields that only one window changed are chosen already; the note both changed is ours to choose.
    rows.filter(has_text="Note").get_by_label("Saved in the other window").check()
    dialog.get_by_role("button", name="Keep what I chose").click()
    saved(one)
    question = Question.objects.get()
    assert question.correct == "From the first window."
    assert question.distractor_1 == "From the second window."
    assert question.note == "second note"
    expect(one.locator("#distractor_1")).to_have_value("From the second window.")


def test_a_double_click_on_submit_counts_once(page_for, annotator, make_ready_clip):
    first, second = make_ready_clip(), make_ready_clip()
    page = open_desk(page_for, annotator, first)
    mark(page, 1, 4)
    fill_all(page)
    sent = []
    page.on("request", lambda request: request.url.endswith("/submit") and sent.append(request.url))
    page.locator("#submit").dblclick()
    page.wait_for_url(f"**/write/{second.pk}/")
    assert Revision.objects.count() == 1
    assert sent == [sent[0]]


def test_a_submission_whose_answer_was_lost_counts_once_when_it_is_repeated(page_for, annotator, make_ready_clip):
    first, second = make_ready_clip(), make_ready_clip()
    page = open_desk(page_for, annotator, first)
    mark(page, 1, 4)
    fill_all(page)
    saved(page)

    def lose_the_answer(route):
        route.fetch()
        route.abort()

    page.route("**/submit", lose_the_answer, times=1)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#banner")).to_contain_text("submit again when you are connected, it counts once")
    assert Revision.objects.count() == 1
    page.keyboard.press("Control+Enter")
    page.wait_for_url(f"**/write/{second.pk}/")
    assert Revision.objects.count() == 1


def test_two_windows_submit_once_and_the_second_is_told(page_for, annotator, make_ready_clip):
    clip, _other = make_ready_clip(), make_ready_clip()
    one = open_desk(page_for, annotator, clip)
    mark(one, 1, 4)
    fill_all(one)
    saved(one)
    two = page_for(annotator, f"/write/{clip.pk}/", context=one.context)
    at_frame(two, 0)
    one.keyboard.press("Control+Enter")
    one.wait_for_url(re.compile(rf"/write/(?!{clip.pk}/)\d+/"))
    two.keyboard.press("Control+Enter")
    expect(two.locator("#banner")).to_contain_text("This question is submitted already")
    expect(two.locator("#correct")).to_have_value(TEXTS["correct"])
    assert Revision.objects.count() == 1


def test_a_refused_save_says_why_and_keeps_the_text(page_for, annotator, ready_clip):
    page = open_desk(page_for, annotator, ready_clip)
    page.locator("#correct").fill("The first text.")
    saved(page)
    queue.release(annotator, clip_id=ready_clip.pk)
    assert queue.next_clip(UserFactory()) == ready_clip.pk
    page.locator("#correct").fill("The second text.")
    expect(page.locator("#banner")).to_contain_text("Somebody else is writing about this clip until")
    expect(page.locator("#correct")).to_have_value("The second text.")
    assert Question.objects.get().correct == "The second text."  # kept as a draft all the same


def test_somebody_who_was_signed_out_loses_nothing(page_for, annotator, ready_clip):
    page = open_desk(page_for, annotator, ready_clip)
    Session.objects.all().delete()
    page.locator("#correct").fill("Written while signed out.")
    expect(page.locator("#banner")).to_contain_text("You are signed out. Your text is kept in this browser")
    expect(page.get_by_role("link", name="Sign in in a new tab")).to_have_attribute("href", reverse("login"))
    page_for(annotator, None)  # signs in: the same person, another cookie
    cookie = {"name": "sessionid", "value": Session.objects.get().session_key, "url": page.url}
    page.context.add_cookies([cookie])
    page.keyboard.press("Control+s")
    saved(page)
    assert Question.objects.get().correct == "Written while signed out."


def test_the_time_that_is_left_is_shown_and_its_end_is_said(page_for, annotator, ready_clip, settings):
    settings.LEASE_MINUTES = 0.05  # three seconds
    page = open_desk(page_for, annotator, ready_clip)
    expect(page.locator("#lease")).to_have_text("Yours for 1 more minute")
    expect(page.locator("#banner")).to_contain_text("Your time with this clip ran out. Your text is kept.")
    settings.LEASE_MINUTES = 30
    Lease.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    queue.free_expired_leases()
    page.get_by_role("button", name="Take it back").click()
    expect(page.locator("#lease")).to_have_text("Yours for 30 more minutes")
    expect(page.locator("#banner")).to_be_hidden()
    assert Lease.objects.get().clip_id == ready_clip.pk


def test_choices_and_texts_are_undone(page_for, annotator, ready_clip):
    page = open_desk(page_for, annotator, ready_clip)
    page.get_by_role("radio", name="Gravity").check(force=True)
    page.locator("#sub_label").select_option("floating")
    page.get_by_role("radio", name="Friction").check(force=True)
    page.locator("#stem_choice").select_option("own")
    page.locator("#stem").fill("Which thing is wrong here?")
    page.keyboard.press("Control+z")  # the browser's own, in a text
    expect(page.locator("#stem")).to_have_value("")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+z")
    expect(page.locator("#stem_choice")).to_have_value("")
    page.keyboard.press("Control+z")
    expect(page.get_by_role("radio", name="Gravity")).to_be_checked()
    expect(page.locator("#sub_label")).to_have_value("floating")
    page.keyboard.press("Control+Shift+Z")
    expect(page.get_by_role("radio", name="Friction")).to_be_checked()


def test_an_expired_lease_keeps_the_draft_for_its_author(page_for, annotator, ready_clip):
    question = QuestionFactory(author=annotator, clip=ready_clip, note="half done")
    type(ready_clip).objects.update(open_slots=1)
    page = page_for(annotator, "/work/")
    page.get_by_role("link", name="Go on writing").click()
    expect(page.locator("#note")).to_have_value("half done")
    assert Lease.objects.get().clip_id == question.clip_id
