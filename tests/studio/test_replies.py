"""The shared parser of multiple-choice replies, against the vectors of tests/data/reference/scoring.json and our own."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.replies import NoAnswer, parse_reply

VECTORS = json.loads((Path(__file__).parents[1] / "data/reference/scoring.json").read_text())
OPTIONS = VECTORS["options"]
ROWS = [(row["model_output"], row["ground_truth"], row) for row in VECTORS["rows"]]


@pytest.mark.parametrize(("reply", "key", "row"), ROWS, ids=[f"{key}-{reply[:30]!r}" for reply, key, _row in ROWS])
def test_it_reads_the_vectors_as_a_careful_reader(reply, key, row):
    parsed = parse_reply(reply, OPTIONS)
    assert (parsed == key) is row["should_count_correct"]
    assert (parsed or None) == row["intended_letter"]


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ('{"answer": "B"}', "B"),
        ("**Answer: (C)**", "C"),
        ("\\boxed{D}", "D"),
        ("<think>A or B? The car... A.</think>\nB", "B"),
        ("A. The car: no.\nB. The ball: yes.\nThe answer is B.", "B"),
        ("Answer: B, not C.", "B"),
        ("The answer is a ball, so (B)", "B"),
        ("A because nothing holds the car.", "A"),
        ("A is right.", "A"),
        ("B The ball bounces forever.", "B"),
        ("C) because option A cannot be seen", "C"),
        ("THE DOOR OPENS TWICE", "C"),
        ("The answer is: the door opens twice", "C"),
        ("我选C。", "C"),
        ("选项 D", "D"),
        ("[b]", "B"),
        ("c", "C"),
        ("Final answer is option D!", "D"),
    ],
)
def test_it_understands_other_ways_to_say_it(reply, letter):
    assert parse_reply(reply, OPTIONS) == letter


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "empty"),
        (None, "empty"),
        (" ***\n", "empty"),
        ("A car flies over a road.", "nothing"),
        ("I cannot see the video.", "nothing"),
        ("The answer is a ball.", "nothing"),
        ("F", "nothing"),
        ("A or B", "several"),
        ("A/B", "several"),
        ("The answer is A or C.", "several"),
        ("A. The car\nB. The ball\nC. The door\nD. Both", "several"),
        ("The answer is A. No, the answer is B.", "several"),
        ("It is not B", "denied"),
        ("Certainly not option C.", "denied"),
        ("B) The car floats above the road.", "contradiction"),
        ("<think>The car floats, so A", "unfinished"),
    ],
)
def test_what_is_no_answer_says_why(reply, reason):
    parsed = parse_reply(reply, OPTIONS)
    assert parsed == NoAnswer(reason) and not parsed


@given(st.text(max_size=200))
def test_whatever_comes_it_is_an_option_or_no_answer(reply):
    parsed = parse_reply(reply, OPTIONS)
    assert isinstance(parsed, NoAnswer) or parsed in OPTIONS


@given(
    st.sampled_from(sorted(OPTIONS)),
    st.sampled_from(
        ["{}", "({})", "{}.", "{})", " {}\n", "**{}**", "Answer: {}", "The answer is {}.", "option {}", "（{}）"]
    ),
    st.booleans(),
)
def test_dress_changes_nothing(letter, dress, small):
    assert parse_reply(dress.format(letter.lower() if small else letter), OPTIONS) == letter


@given(
    st.sampled_from(sorted(OPTIONS)), st.sampled_from(sorted(OPTIONS)), st.sampled_from(["{} or {}", "({})({})", "{}, {}"])
)
def test_two_letters_are_an_answer_only_if_they_are_one(one, other, dress):
    parsed = parse_reply(dress.format(one, other), OPTIONS)
    assert parsed == (one if one == other else NoAnswer("several"))
