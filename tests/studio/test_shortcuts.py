"""The registry of keyboard shortcuts and what a person changes in it."""

import itertools
import json

import pytest

from studio import shortcuts
from tests.factories import UserFactory


def test_no_default_clashes_with_another():
    keys = {action: shortcut.key for action, shortcut in shortcuts.SHORTCUTS.items()}
    assert {action: shortcuts.clashing(keys, action) for action in keys} == {action: [] for action in keys}


def test_every_default_is_spelled_as_it_is_stored():
    for shortcut in shortcuts.SHORTCUTS.values():
        assert shortcuts.normalise(shortcut.key) == shortcut.key


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("Shift+Ctrl+Z", "Ctrl+Shift+z"),
        ("K", "k"),
        ("", ""),
        ("Ctrl++", "Ctrl++"),
        ("+", "+"),
        ("Alt+ArrowLeft", "Alt+ArrowLeft"),
        ("ß", "ß"),
    ],
)
def test_keys_have_one_spelling(typed, stored):
    assert shortcuts.normalise(typed) == stored


@pytest.mark.parametrize(
    "key", ["Tab", "Escape", "Enter", "Ctrl+w", "Ctrl+Ctrl+k", "Hyper+k", " ", "ab", "x" * 50, None, 7, "F5"]
)
def test_some_keys_cannot_be_shortcuts(key):
    with pytest.raises(shortcuts.BadKey):
        shortcuts.normalise(key)


def test_what_a_key_types_and_where_it_lies_are_the_same_press():
    assert shortcuts.same_key("<", "Shift+,")
    assert shortcuts.same_key("Ctrl+?", "Ctrl+Shift+/")
    assert not shortcuts.same_key("<", ",")
    assert not shortcuts.same_key("", "")


def test_rooms_that_are_never_open_together_may_share_a_key():
    keys = {action: "" for action in shortcuts.SHORTCUTS} | {"write.skip": "q", "review.skip": "q", "player.mute": "q"}
    assert shortcuts.clashing(keys, "write.skip") == ["player.mute"]
    assert set(shortcuts.clashing(keys, "player.mute")) == {"write.skip", "review.skip"}


def post(client, url, data):
    return client.post(url, json.dumps(data), content_type="application/json", headers={"Accept": "application/json"})


@pytest.fixture
def person(client, db):
    user = UserFactory()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return user


def keys(reply):
    return {row["action"]: row["key"] for row in reply.json()["rows"]}


def test_a_change_is_stored_and_the_defaults_come_back(client, person):
    reply = post(client, "/account/shortcuts/set", {"action": "write.skip", "key": "Shift+B"})
    assert keys(reply)["write.skip"] == "Shift+b"
    person.refresh_from_db()
    assert person.shortcuts == {"write.skip": "Shift+b"}
    assert "Shift+b" in client.get("/account/shortcuts/").content.decode()
    reply = post(client, "/account/shortcuts/restore", {})
    assert keys(reply)["write.skip"] == "Shift+n"
    person.refresh_from_db()
    assert person.shortcuts == {}


def test_a_key_in_use_is_refused_by_name_and_can_be_moved(client, person):
    reply = post(client, "/account/shortcuts/set", {"action": "write.form", "key": "k"})
    assert reply.status_code == 409
    assert "“Pause”" in reply.json()["error"]["message"]
    person.refresh_from_db()
    assert person.shortcuts == {}
    reply = post(client, "/account/shortcuts/set", {"action": "write.form", "key": "k", "take": True})
    assert (keys(reply)["write.form"], keys(reply)["player.pause"]) == ("k", "")


@pytest.mark.parametrize(
    "data", [None, [], {}, {"action": "write.form"}, {"action": "fly", "key": "k"}, {"action": [], "key": "k"}]
)
def test_nonsense_is_refused(client, person, data):
    assert post(client, "/account/shortcuts/set", data).status_code == 422


def test_a_key_the_browser_keeps_is_refused_in_words(client, person):
    reply = post(client, "/account/shortcuts/set", {"action": "write.form", "key": "Ctrl+w"})
    assert reply.status_code == 422
    assert "keeps its meaning" in reply.json()["error"]["message"]


def test_nobody_changes_keys_without_signing_in(client, db):
    for url, method in itertools.product(["/account/shortcuts/set", "/account/shortcuts/restore"], ["get", "post"]):
        assert getattr(client, method)(url).status_code == 302


def test_what_was_stored_for_an_action_that_is_gone_does_no_harm(client, person):
    person.shortcuts = {"old.action": "k", "write.form": "q"}
    person.save()
    assert shortcuts.keys_of(person)["write.form"] == "q"
    assert "old.action" not in shortcuts.keys_of(person)
