"""A whole cross-check in Chromium: watch, answer blind, rule, undo; the keyboard is enough for all of it."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from annotator.models import OPTION_KEYS, Lease, Question, Remark
from qc import services
from qc.models import BlindAnswer, Review
from tests.factories import CONTENT, QuestionFactory, RevisionFactory, UserFactory
from tests.qc.conftest import RETURN, position_of, review, revision_of, ruling

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def rea(transactional_db):
    return UserFactory(username="rea", roles=["reviewer"])


@pytest.fixture
def new_question(make_ready_clip):
    def make(frames=45, **fields):
        fields = {"submitted": True, "spans": [[10, 20]], **fields}
        return QuestionFactory(clip=make_ready_clip(frames=frames, open_slots=0), **fields)

    return make


def address(question):
    return reverse("review_revision", args=[revision_of(question).pk])


def open_desk(page, path):
    """Open the desk and wait until its keys are alive."""
    page.goto(path)
    expect(page.locator("#place[data-ready]")).to_be_attached()


def watch(page):
    """Play the clip through by keyboard and wait for the options."""
    page.keyboard.press("Space")
    expect(page.locator("[data-blind-form]")).to_be_visible()


def key_number(question, person):
    return str(position_of("correct", revision_of(question), person))


def texts_in_the_page(page):
    html = page.content()
    return [key for key in OPTION_KEYS if CONTENT[key] in html]


def test_a_review_by_keyboard_alone(page_for, rea, new_question):
    first, second = new_question(), new_question()
    page = page_for(rea, "/review/")
    page.get_by_role("button", name="Start reviewing").press("Enter")
    expect(page).to_have_url(re.compile(address(first)))
    expect(page.locator("#place[data-ready]")).to_be_attached()

    # Nothing to choose and nothing that tells before the clip was seen.
    assert texts_in_the_page(page) == []
    page.keyboard.press("1")
    assert not BlindAnswer.objects.exists()
    watch(page)
    assert texts_in_the_page(page) == list(OPTION_KEYS)
    desk = page.locator("#desk").evaluate("element => element.outerHTML")
    assert "correct" not in desk
    assert "distractor" not in desk
    assert page.locator(".tl-span").count() == 0

    number = key_number(first, rea)
    page.keyboard.press(number)
    expect(page.locator(f'[name="answer"][value="{number}"]')).to_be_checked()
    assert not BlindAnswer.objects.exists()
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-outcome]")).to_contain_text(f"You answered {number}, which is the key.")
    assert BlindAnswer.objects.get().watched_s >= services.watch_needed_s(first.clip)
    expect(page.locator(".keyed .is-key")).to_contain_text(CONTENT["correct"])
    expect(page.locator(".tl-span")).to_have_count(1)

    # The verdict flashes, and the next question is there without a page load.
    page.evaluate("window.sameDocument = true")
    page.keyboard.press("a")
    expect(page.locator(".flash")).to_have_text("Approved")
    expect(page).to_have_url(re.compile(address(second)))
    assert page.evaluate("window.sameDocument") is True
    first.refresh_from_db()
    assert first.state == Question.State.APPROVED
    expect(page.locator("[data-step=blind]")).to_be_visible()
    expect(page.locator("#recent")).to_contain_text("Approved")


def test_the_span_repeats_once_the_key_is_known(page_for, rea, new_question):
    question = new_question()
    services.answer_blind(user=rea, revision=revision_of(question), answer="correct", watched_s=2, seconds=1)
    page = page_for(rea, None)
    open_desk(page, address(question))
    button = page.locator("[data-span]")
    page.keyboard.press("o")
    expect(button).to_have_attribute("aria-pressed", "true")
    page.wait_for_timeout(500)
    frames = []
    for _ in range(20):
        frames.append(int(page.locator("#frame").inner_text().split()[0]))
        page.wait_for_timeout(60)
    # Frames 10 to 20 again and again; a busy machine may show a few more before it jumps back.
    assert set(frames) <= set(range(9, 36))
    assert any(later < earlier for earlier, later in zip(frames, frames[1:], strict=False))
    page.keyboard.press("o")
    expect(button).to_have_attribute("aria-pressed", "false")


def test_the_next_question_is_reserved_and_its_video_fetched_before_it_is_needed(page_for, rea, new_question):
    first, second, _third = new_question(), new_question(), new_question()
    page = page_for(rea, None)
    wanted = re.compile(rf"/media/{second.clip_id}/proxy")
    with page.expect_request(wanted):
        page.goto(address(first))
    page.wait_for_load_state("networkidle")
    assert sorted(Lease.objects.values_list("revision__question", "reserved")) == [(first.pk, False), (second.pk, True)]


def test_approving_after_a_wrong_answer_asks_for_the_reason(page_for, rea, new_question):
    question = new_question()
    page = page_for(rea, None)
    open_desk(page, address(question))
    watch(page)
    page.keyboard.press("6")
    page.keyboard.press("6")  # the same number again sends
    expect(page.locator("[data-outcome]")).to_contain_text("To approve all the same, write why.")
    page.keyboard.press("a")
    expect(page.get_by_text("Write why you approve all the same.")).to_be_visible()
    expect(page.get_by_label("Comment")).to_be_focused()
    assert not Review.objects.exists()
    page.keyboard.type("a lamp hid the crate from me")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="Nothing more to review")).to_be_visible()
    assert Review.objects.get().comment == "a lamp hid the crate from me"


def test_a_return_with_reasons_by_keyboard(page_for, rea, new_question):
    question = new_question()
    page = page_for(rea, None)
    open_desk(page, address(question))
    watch(page)
    page.keyboard.press("7")
    page.keyboard.press("7")
    expect(page.locator("[data-step=verdict]")).to_be_visible()
    page.keyboard.press("r")
    expect(page.get_by_role("button", name="Return to the author")).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Give at least one reason")).to_be_visible()
    page.keyboard.press(key_number(question, rea))  # the row of the key: wrong, incomplete, language, other
    page.keyboard.press(key_number(question, rea))
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("7")  # the spans have one code, chosen at once
    page.locator('[data-comment-for="correct"]').fill("Which crate?")
    page.get_by_label("Comment", exact=True).fill("Nearly there.")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="Nothing more to review")).to_be_visible()
    remarks = sorted(Remark.objects.values_list("field", "code", "comment"))
    assert ("spans", "span", "") in remarks
    assert ("", "other", "Nearly there.") in remarks
    assert [remark for remark in remarks if remark[0] == "correct"][0][2] == "Which crate?"
    question.refresh_from_db()
    assert question.state == Question.State.RETURNED


def test_undo_brings_the_verdict_page_back(page_for, rea, new_question):
    first, second = new_question(), new_question()
    services.answer_blind(user=rea, revision=revision_of(first), answer="correct", watched_s=2, seconds=1)
    page = page_for(rea, None)
    open_desk(page, address(first))
    page.keyboard.press("a")
    expect(page).to_have_url(re.compile(address(second)))
    page.keyboard.press("u")
    expect(page).to_have_url(re.compile(address(first)))
    expect(page.locator("[data-step=verdict]")).to_be_visible()
    expect(page.get_by_text("The verdict is taken back.")).to_be_visible()
    first.refresh_from_db()
    assert first.state == Question.State.SUBMITTED
    page.keyboard.press("a")
    expect(page).to_have_url(re.compile(address(second)))
    assert Review.objects.filter(undone_at=None).count() == 1


def test_when_somebody_else_rules_first_one_is_told_and_keeps_the_text(page_for, rea, new_question):
    question, following = new_question(), new_question()
    services.answer_blind(user=rea, revision=revision_of(question), answer="two_fit", watched_s=2, seconds=1)
    page = page_for(rea, None)
    open_desk(page, address(question))
    page.get_by_label("Comment", exact=True).fill("My long argument.")
    Lease.objects.filter(revision__question=question).delete()  # it ran out meanwhile
    Question.objects.filter(pk=question.pk).update(review_slots=1)
    review(UserFactory(roles=["reviewer"]), question, ruling("return", reasons=RETURN))
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text("Somebody else ruled first")
    expect(page.get_by_label("Comment", exact=True)).to_have_value("My long argument.")
    page.get_by_role("button", name="Take the next one").click()
    expect(page).to_have_url(re.compile(address(following)))


def test_a_reload_keeps_what_was_typed(page_for, rea, new_question):
    question = new_question()
    services.answer_blind(user=rea, revision=revision_of(question), answer="two_fit", watched_s=2, seconds=1)
    page = page_for(rea, None)
    open_desk(page, address(question))
    page.keyboard.press("r")
    page.keyboard.press("5")
    page.keyboard.press("Space")
    page.get_by_label("Comment", exact=True).fill("Half a thought")
    open_desk(page, address(question))
    expect(page.get_by_label("Comment", exact=True)).to_have_value("Half a thought")
    expect(page.locator('[data-field="stem"]:checked')).to_have_count(1)


def test_no_connection_loses_nothing_and_the_verdict_counts_once(page_for, rea, new_question):
    question = new_question()
    services.answer_blind(user=rea, revision=revision_of(question), answer="correct", watched_s=2, seconds=1)
    page = page_for(rea, None)
    open_desk(page, address(question))
    page.wait_for_load_state("networkidle")
    # The server stores the verdict, but its answer never arrives.
    page.route("**/verdict/", lambda route: (route.fetch(), route.abort()))
    page.keyboard.press("a")
    expect(page.get_by_text("No connection to the server.")).to_be_visible()
    assert Review.objects.count() == 1
    page.unroute("**/verdict/")
    page.keyboard.press("a")
    expect(page.get_by_role("heading", name="Nothing more to review")).to_be_visible()
    assert Review.objects.count() == 1


def test_the_next_round_shows_the_difference_after_the_blind_answer(page_for, rea, new_question):
    question = new_question()
    reasons = [{"field": "correct", "code": "incomplete", "comment": "Which crate?"}]
    review(UserFactory(roles=["reviewer"]), question, ruling("return", reasons=reasons))
    Question.objects.filter(pk=question.pk).update(
        state="submitted", revision_number=2, review_slots=1, reviews_given=0, correct="The red crate hangs in the air."
    )
    question.refresh_from_db()
    RevisionFactory(question=question, number=2)
    page = page_for(rea, None)
    open_desk(page, address(question))
    assert "Which crate?" not in page.content()
    watch(page)
    page.keyboard.press("7")
    page.keyboard.press("7")
    expect(page.get_by_text("Which crate?")).to_be_visible()
    expect(page.locator("#side ins")).to_contain_text("red")
    expect(page.locator("#side del")).to_contain_text("after the shelf is gone")


def test_a_lead_decides_a_dispute(page_for, new_question):
    question = new_question(review_slots=2, revision__approvals_needed=2)
    review(UserFactory(roles=["reviewer"]), question, ruling())
    review(UserFactory(roles=["reviewer"]), question, ruling("return", reasons=RETURN))
    page = page_for(UserFactory(roles=["lead"]), "/adjudication/")
    page.locator(".dispute").click()
    expect(page.locator(".tl-span")).to_have_count(1)
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Write the reason of your decision")).to_be_visible()
    page.get_by_label("Why").fill("The lamp belongs to the level.")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text(f"Question {question.pk} is decided.")).to_be_visible()
    question.refresh_from_db()
    assert question.state == Question.State.APPROVED
