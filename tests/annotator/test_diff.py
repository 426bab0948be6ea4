"""What changed between two revisions, word by word."""

from hypothesis import given
from hypothesis import strategies as st

from annotator import diff
from annotator.diff import GONE, NEW, SAME
from annotator.models import Revision
from tests.factories import CONTENT


def test_one_changed_word_is_one_word_gone_and_one_new():
    assert diff.words("The red car floats.", "The blue car floats.") == [
        (SAME, "The "),
        (GONE, "red"),
        (NEW, "blue"),
        (SAME, " car floats."),
    ]


def test_a_rewritten_sentence_is_not_shown_as_confetti():
    old, new = "The crate hangs in the air.", "Water passes through a solid wall"
    assert diff.words(old, new) == [(GONE, old), (NEW, new)]


def test_chinese_is_compared_character_by_character():
    assert diff.words("红色汽车在空中", "蓝色汽车在空中") == [(GONE, "红"), (NEW, "蓝"), (SAME, "色汽车在空中")]


@given(st.text(max_size=60), st.text(max_size=60))
def test_both_texts_can_be_read_back_from_the_difference(old, new):
    parts = diff.words(old, new)
    assert "".join(text for kind, text in parts if kind != NEW) == old
    assert "".join(text for kind, text in parts if kind != GONE) == new


def test_only_fields_that_differ_are_listed_and_spans_are_frames():
    old, new = Revision(**CONTENT), Revision(**CONTENT | {"category": "Velocity", "spans": [[10, 20], [30, 40]]})
    assert [(change.field, change.parts) for change in diff.changes(old, new)] == [
        ("category", [(GONE, "Gravity"), (NEW, "Velocity")]),
        ("spans", [(GONE, "30–90"), (NEW, "10–20, 30–40")]),
    ]
