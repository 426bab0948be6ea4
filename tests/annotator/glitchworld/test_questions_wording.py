"""The grammar, and that every line of every table can be read aloud."""

import random
import re

import pytest

from annotator.glitchworld import wording_frames
from annotator.glitchworld.catalogue import GLITCHES
from annotator.glitchworld.statements import DIRECTIONS
from annotator.glitchworld.telling import makes_a_phrase
from annotator.glitchworld.wording import TENSES, Words, clause, conjugate, pick, sentence, variants
from annotator.glitchworld.wordings import WORDINGS


@pytest.mark.parametrize(
    ("verb", "forms"),
    [
        ("hang", ("hangs", "hung", "hanging")),
        ("be", ("is", "was", "being")),
        ("+be", ("are", "were", "being")),
        ("+go", ("go", "went", "going")),
        ("carry", ("carries", "carried", "carrying")),
        ("stay", ("stays", "stayed", "staying")),
        ("pass", ("passes", "passed", "passing")),
        ("slam", ("slams", "slammed", "slamming")),
        ("float up", ("floats up", "floated up", "floating up")),
        ("change", ("changes", "changed", "changing")),
    ],
)
def test_verbs(verb, forms):
    assert tuple(conjugate(verb, tense) for tense in TENSES) == forms


def test_an_unknown_tense_is_named():
    with pytest.raises(ValueError, match="No tense 'future'; one of present, past, gerund"):
        conjugate("go", "future")


def test_a_clause_settles_choices_names_and_tense():
    line = "{A} [hang] (in the air|) while nothing <hold> {it} up, {its} weight forgotten"
    texts = {clause(line, Words("the man", person=True), tense="past", rng=random.Random(seed)) for seed in range(20)}
    assert texts == {
        "the man hung in the air while nothing held them up, their weight forgotten",
        "the man hung while nothing held them up, their weight forgotten",
    }
    assert "hanging while nothing holds it" in clause(
        line.replace("in the air", ""), Words("x"), tense="gerund", rng=random.Random(1)
    )


def test_variants_counts_what_pick_can_give():
    line = "{A} (a|b|c) [go|run]"
    assert variants(line) == 6
    assert len({pick(line, rng=random.Random(seed)) for seed in range(200)}) == 6


def test_every_glitch_has_wordings_and_no_wording_is_left_over():
    assert set(WORDINGS) == set(GLITCHES)


def all_lines():
    for name, words in WORDINGS.items():
        for part in ("says", "law", "normally", "titles"):
            for line in getattr(words, part):
                yield name, part, line


@pytest.mark.parametrize("tense", TENSES)
def test_every_line_becomes_plain_english(tense):
    words = Words("the red crate", other="the blue car", to="to the left")
    rng = random.Random(tense)
    for name, part, line in all_lines():
        for _ in range(5):
            text = clause(line, words, tense=tense, rng=rng)
            assert re.fullmatch(r"[A-Za-z][A-Za-z ,:;?'.-]*", text), (name, part, text)
            assert "  " not in text and " ," not in text and not text.startswith(","), (name, part, text)


def test_lines_name_what_their_glitch_is_about():
    for name, words in WORDINGS.items():
        glitch = GLITCHES[name]
        assert len(words.law) >= 3 and len(words.normally) >= 3 and len(words.titles) >= 5, name
        assert sum(variants(line) for line in words.says) >= 8, name
        assert sum(makes_a_phrase(line) for line in words.says) >= 2, name
        for line in words.says:
            assert ("{B}" in line) == bool(glitch.other), (name, line)
            two_ways = len(DIRECTIONS.get(name, ())) > 1
            assert ("{to" in line) == two_ways, (name, line)  # else the wrong direction would read like the right one


def test_stems_and_frames_settle():
    rng = random.Random(3)
    for lines in (*wording_frames.OPEN_STEMS.values(), *wording_frames.GLITCH_STEMS.values()):
        for line in lines:
            assert re.fullmatch(r"[A-Z][A-Za-z ,.:'-]*\?", pick(line, rng=rng)), line


def test_times_in_words():
    texts = {wording_frames.about_seconds(2.4, rng=random.Random(seed)) for seed in range(20)}
    assert texts == {"two and a half seconds", "2.5 seconds"}
    assert wording_frames.exact_seconds(1.0) == "1 second"
    assert wording_frames.exact_seconds(2.13) == "2.1 seconds"
    assert sentence("nothing moves") == "Nothing moves."
