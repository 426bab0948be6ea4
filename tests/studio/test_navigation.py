"""The navigation: rooms in groups, none that refuses its visitor, few of them side by side."""

import re

import pytest
from django.test import RequestFactory
from django.urls import resolve, reverse

from studio.access import may
from studio.navigation import GROUPS, room_groups
from studio.roles import Role
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
EVERY = [name for _label, rooms in GROUPS for name, *_rest in rooms]


def groups(*roles, path="/"):
    request = RequestFactory().get(path)
    request.user = UserFactory(roles=list(roles))
    return room_groups(request)


def shown(*roles, path="/"):
    """The navigation as {group: [rooms]}, in English."""
    return {str(group["label"]): [str(room["label"]) for room in group["rooms"]] for group in groups(*roles, path=path)}


def current(path):
    return [
        str(room["label"])
        for group in groups(*Role, path=path)
        if group["current"]
        for room in group["rooms"]
        if room["current"]
    ]


def test_who_may_enter_few_rooms_sees_them_side_by_side():
    assert list(shown("annotator").values()) == [["Write"], ["My work"], ["Practice"], ["Clips"], ["Leaderboard"]]
    assert list(shown("annotator", "reviewer")) == ["Write", "My work", "Review", "Practice", "Clips", "Leaderboard"]
    assert shown() == {}


def test_more_rooms_are_folded_into_groups():
    assert shown(*Role) == {
        "Writing": ["Write", "My work"],
        "Cross-checking": ["Review", "Adjudication", "Practice"],
        "Clips and questions": ["Clips", "Content check", "Near-duplicates", "Questions"],
        "Quality control": ["Quality", "Leak checks", "Calibration"],
        "Data": ["Training data", "Releases", "Exports"],
        "Models": ["Training", "Evaluations", "Leaderboard", "Ask"],
        "System": ["Jobs", "People", "Health"],
    }
    assert "Writing" not in shown("lead") and shown("lead")["System"] == ["Jobs", "Health"]


@pytest.mark.parametrize("role", Role)
def test_a_room_is_shown_to_whoever_its_view_lets_in_and_to_nobody_else(role):
    urls = {room["url"] for group in groups(role) for room in group["rooms"]}
    person = UserFactory(roles=[role])
    # Everybody may look at jobs, their own; the room of all jobs is for those who run the Studio.
    open_to = {reverse(name) for name in EVERY if name != "jobs" and may(person, resolve(reverse(name)).func.access)}
    assert urls - {reverse("jobs")} == open_to


@pytest.mark.parametrize(
    ("path", "room"),
    [
        ("/clips/5/", "Clips"),
        ("/clips/check/", "Content check"),
        ("/leaks/baseline/", "Leak checks"),
        ("/calibration/gold/", "Calibration"),
        ("/questions/3/card/", "Questions"),
        ("/preference/9/", "Training data"),
        ("/truth/", "Clips"),
    ],
)
def test_the_room_one_is_in_is_marked(path, room):
    assert current(path) == [room]


def test_outside_all_rooms_none_is_marked():
    assert current("/") == current("/account/") == []


def test_a_group_with_one_room_is_a_plain_link_and_the_others_work_without_scripts(client):
    client.force_login(UserFactory(roles=["admin"]))
    text = client.get(reverse("people")).content.decode()
    bar = re.search(r'<nav aria-label="Rooms">(.*?)</nav>', text, re.DOTALL)[1]
    assert re.findall(r"<summary[^>]*>(.*?)</summary>", bar) == ["Data", "Models", "System"]
    assert '<summary aria-current="true">System' in bar and bar.count('aria-current="page"') == 1
    plain = re.sub(r"<details.*?</details>", "", bar, flags=re.DOTALL)
    assert re.findall(r">([^<]+)</a>", plain) == ["Clips", "Quality"]
    assert "<details" not in client_page(client, "annotator")


def client_page(client, role):
    client.force_login(UserFactory(roles=[role]))
    return re.search(r'<nav aria-label="Rooms">.*?</nav>', client.get("/").content.decode(), re.DOTALL)[0]
