"""The hints beside the options: their pure functions on cases worked out by hand, and how they are shown."""

import functools

import pytest
from playwright.sync_api import expect

from tests.browser.desk import TEXTS, fill_all, open_desk

pytestmark = pytest.mark.browser

PLAIN = {"stem": "Which event breaks the laws?", "correct": "aaaa aaaa", "distractor_1": "bbbb bbbb"}
PLAIN |= {"distractor_2": "cccc cccc", "distractor_3": "dddd dddd"}


@pytest.fixture
def hints(call_js):
    """Call a function of hints.js."""
    return functools.partial(call_js, "write/hints.js")


def test_words_are_found_in_english_and_chinese(hints):
    assert hints("tokens", "A guard's 2 legs, bent!") == ["a", "guard's", "2", "legs", "bent"]
    assert hints("tokens", "箱子 hangs") == ["箱", "子", "hangs"]
    assert hints("tokens", " … ") == []


def test_words_that_carry_meaning_lose_their_endings(hints):
    # "the", "in" carry none; floating -> float, crates -> crat (as crate does not end so, they differ), fell stays.
    assert hints("contentWords", "The boxes floating in walls fell") == ["box", "float", "wall", "fell"]


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ("the crate slides left", "the crate slides right", 2 * 3 / 8),
        ("a b c d", "a b c d", 1),
        ("a a b", "a b b", 2 * 2 / 6),
        ("a b", "c d", 0),
        ("", "a", 0),
        ("汽车消失", "汽车出现", 2 * 2 / 8),
    ],
)
def test_likeness_is_the_share_of_words_in_common(hints, one, other, share):
    assert hints("likeness", one, other) == pytest.approx(share)


def test_the_length_of_the_key_is_measured_against_the_mean_of_the_others(hints):
    found = hints(
        "lengths",
        {"correct": "x" * 30, "distractor_1": "x" * 10, "distractor_2": "x" * 20, "distractor_3": " " + "x" * 15 + " "},
    )
    assert found["lengths"] == {"correct": 30, "distractor_1": 10, "distractor_2": 20, "distractor_3": 15}
    assert found["ratio"] == pytest.approx(2.0)  # 30 / ((10 + 20 + 15) / 3)
    assert hints("lengths", {"correct": "x"})["ratio"] is None  # not before all four are there


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        # 12 characters against 9: a third longer
        ({"correct": "aaaa aaaa aa"}, [{"code": "longest", "fields": ["correct"], "ratio": 12 / 9}]),
        # 10 against 9: longer, but not by a fifth
        ({"correct": "aaaa aaaaa"}, []),
        # long, but a distractor is as long
        ({"correct": "aaaa aaaa aaaa", "distractor_1": "bbbb bbbb bbbb"}, []),
        ({"correct": "aaaa"}, [{"code": "shortest", "fields": ["correct"], "ratio": 4 / 9}]),
        ({"stem": "Why do the aaaa fall?"}, [{"code": "overlap", "fields": ["correct"], "words": ["aaaa"]}]),
        # another form of the word is the same word, and shown as it was written
        ({"stem": "What walks?", "correct": "he walked"}, [{"code": "overlap", "fields": ["correct"], "words": ["walked"]}]),
        # a distractor repeats as much of the question
        ({"stem": "Why do the aaaa bbbb?"}, []),
        ({"distractor_2": "never ccc"}, [{"code": "absolute", "fields": ["distractor_2"], "words": ["never"]}]),
        ({"correct": "maybe aaa"}, [{"code": "hedge", "fields": ["correct"], "words": ["maybe"]}]),
        ({"distractor_1": "may bbbb"}, [{"code": "hedge", "fields": ["distractor_1"], "words": ["may"]}]),
        (
            {"distractor_3": "它总是消失吗也许"},
            [
                {"code": "absolute", "fields": ["distractor_3"], "words": ["总是"]},
                {"code": "hedge", "fields": ["distractor_3"], "words": ["也许"]},
            ],
        ),
        # four of five words in common on both sides: 8 / 10
        (
            {"distractor_1": "p q r s t", "distractor_2": "p q r s u"},
            [{"code": "alike", "fields": ["distractor_1", "distractor_2"]}],
        ),
        # three of four: 6 / 8
        ({"distractor_1": "pp q r ss", "distractor_2": "pp q r tt"}, []),
    ],
)
def test_hints_say_what_stands_out(hints, change, expected):
    found = hints("hintsFor", PLAIN | change)
    for hint in found:
        if "ratio" in hint:
            hint["ratio"] = pytest.approx(hint["ratio"])
    assert found == expected


def test_hints_appear_while_writing_and_are_explained_at_the_option(page_for, annotator, ready_clip):
    page = open_desk(page_for, annotator, ready_clip)
    line = page.locator("#hints")
    expect(line).to_contain_text("nothing in the wording stands out")
    fill_all(page, correct=TEXTS["correct"] + " Nothing ever held it up there, and it stays for the whole clip.")
    page.locator("#note").focus()
    # 115 characters against 45, 44 and 46
    expect(line.locator("[data-code=longest]")).to_have_text("key longest, 2.6×")
    expect(line.locator("[data-code=longest]")).to_have_attribute(
        "title", "The correct option is the longest, 2.6 times the mean of the others. Readers guess the longest one."
    )
    expect(line.locator("[data-code=absolute]")).to_have_text("Correct: “nothing”")
    page.locator("#correct").focus()
    expect(line).to_contain_text("Readers guess the longest one.")
    page.locator("#distractor_2").focus()  # nothing to say about this one: the short line again
    expect(line.locator("[data-code=longest]")).to_have_text("key longest, 2.6×")
    expect(page.locator("[data-meter=correct] b")).to_have_text("115")
    # Never in the way: the question can be submitted all the same.
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-field=spans] .error")).to_be_visible()
    expect(page.locator("[data-field=correct] .error")).to_be_hidden()
