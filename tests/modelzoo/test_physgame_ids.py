"""Ids that can be names of files on every system."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelzoo import physgame


@pytest.mark.parametrize(
    "name", ["1abc2de", "Skyrim - the horse (2011) & more", "漂浮", "a.b", "CONTROL", "com10", "x" * 150]
)
def test_ordinary_ids_stay(name):
    assert physgame.safe_id(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a/b",
        "a\\b",
        "a:b",
        "a?b",
        "a*b",
        'a"b',
        "a<b",
        "a>b",
        "a|b",
        "a\nb",
        "a\x7fb",
        "a\u202eb",
        ".hidden",
        "-rf",
        "~x",
    ]
    + ["x.", "x ", " x", "..", "con", "CON", "con.txt", "aux .x", "com1", "LPT9.a.b", "com¹", "conin$", "é" * 76, "x" * 151],
)
def test_other_ids_change_into_safe_ones_always_the_same_way(name):
    safe = physgame.safe_id(name)
    assert safe != name
    assert physgame.is_safe_id(safe)
    assert physgame.safe_id(name) == safe == physgame.safe_id(safe)


@given(st.lists(st.text(max_size=200), max_size=12))
def test_a_register_gives_ids_that_differ_even_where_case_and_unicode_form_do_not_count(wanted):
    register = physgame.IdRegister()
    given_ids = [register.give(text, salt=number) for number, text in enumerate(wanted)]
    assert all(map(physgame.is_safe_id, given_ids))
    assert len({register._fold(name) for name in given_ids}) == len(wanted)
    assert {name: text for name, text in zip(given_ids, wanted, strict=True) if name != text} == register.changed


def test_combining_and_composed_letters_collide():
    register = physgame.IdRegister()
    assert register.give("caf\u00e9", salt=1) == "caf\u00e9"
    assert register.give("cafe\u0301", salt=2) != "cafe\u0301"
