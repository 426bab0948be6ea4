"""Pairs and families over the API: filters, pages by key, and verdicts by the rules of the page."""

import pytest
from django.urls import reverse

from qc.duplicates import grouping
from tests.factories import ClipFactory, UserFactory
from tests.qc.duplicates import pair

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(client, lead):
    client.force_login(lead)
    return client


def ids(response):
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["results"]]


def ruled(client, one, verdict, seen="open"):
    address = reverse("api_duplicate_rule", args=[one.pk])
    return client.post(address, {"verdict": verdict, "seen": seen}, content_type="application/json")


def test_pairs_are_listed_by_state_clip_and_page(client, django_assert_num_queries):
    a, b, c = ClipFactory.create_batch(3)
    ab, bc = pair(a, b, cover=0.5), pair(b, c, "same")
    assert ids(client.get(reverse("api_duplicates"))) == [bc.pk, ab.pk]
    assert ids(client.get(reverse("api_duplicates"), {"state": "open"})) == [ab.pk]
    assert ids(client.get(reverse("api_duplicates"), {"clip": c.pk})) == [bc.pk]
    assert ids(client.get(reverse("api_duplicates"), {"clip": b.pk, "together": "false"})) == [bc.pk, ab.pk]
    assert client.get(reverse("api_duplicates"), {"state": "odd"}).status_code == 422
    with django_assert_num_queries(3):  # session, person, pairs with whoever decided
        page = client.get(reverse("api_duplicates"), {"page_size": 1}).json()
    assert [row["id"] for row in page["results"]] == [bc.pk] and ids(client.get(page["next"])) == [ab.pk]


def test_a_verdict_makes_a_family_and_another_takes_it_apart(client, lead):
    a, b = ClipFactory(purpose="training"), ClipFactory(purpose="training")
    one = pair(a, b, cover=0.5)
    told = ruled(client, one, "scene").json()
    assert (told["state"], told["together"], told["decided_by"]["username"]) == ("scene", True, lead.username)
    (family,) = client.get(reverse("api_families"), {"clip": b.pk}).json()["results"]
    assert (family["size"], family["clips"]) == (2, [a.pk, b.pk])
    assert ids(client.get(reverse("api_families"), {"purpose": "training"})) == [family["id"]]
    assert ids(client.get(reverse("api_families"), {"purpose": "benchmark"})) == []
    assert client.get(reverse("api_family", args=[family["id"]])).json() == family
    assert ruled(client, one, "different", seen="scene").status_code == 200
    assert ids(client.get(reverse("api_families"))) == []
    assert client.get(reverse("api_family", args=[family["id"]])).status_code == 404


def test_a_late_or_contradicting_or_unknown_verdict_changes_nothing(client):
    a, b, c = ClipFactory.create_batch(3)
    ab, bc, ac = pair(a, b, cover=0.5), pair(b, c, cover=0.5), pair(a, c, cover=0.5)
    other = UserFactory(roles=["lead"])
    grouping.rule(user=other, pair_id=ab.pk, verdict="same", seen="open")
    late = ruled(client, ab, "different")
    assert late.status_code == 409 and "has ruled on this pair in between" in late.json()["error"]["message"]
    grouping.rule(user=other, pair_id=bc.pk, verdict="same", seen="open")
    contradicting = ruled(client, ac, "different")
    assert contradicting.status_code == 409 and "one after the other" in contradicting.json()["error"]["message"]
    assert ruled(client, ac, "alike").status_code == 422
    assert client.post(reverse("api_duplicate_rule", args=[0]), {}, content_type="application/json").status_code == 422
    ac.refresh_from_db()
    assert (ac.state, ac.decided_by) == ("open", None)
