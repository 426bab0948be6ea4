"""The leads' list of pairs and the page of one pair."""

import pytest
from django.urls import reverse

from annotator.models import Clip
from qc.duplicates.models import DuplicatePair
from tests.factories import ClipFactory, UserFactory
from tests.qc.duplicates import pair

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(client, lead):
    client.force_login(lead)
    return client


def test_the_list_shows_open_pairs_first_page_by_page(client, django_assert_num_queries):
    assert b"No pair is in this state" in client.get(reverse("duplicates")).content
    pairs = [pair(ClipFactory(), ClipFactory(), cover=0.5) for _ in range(35)]
    pair(ClipFactory(), ClipFactory(), "same")
    with django_assert_num_queries(5):  # session, person, clips without prints, prints to compare, pairs with both clips
        page = client.get(reverse("duplicates")).content.decode()
    assert page.count('class="card pair-row"') == 30 and f"?before={pairs[5].pk}" in page
    rest = client.get(reverse("duplicates"), {"before": pairs[5].pk}).content.decode()
    assert rest.count('class="card pair-row"') == 5 and "before=" not in rest
    assert client.get(reverse("duplicates"), {"show": "same"}).content.count(b'class="card pair-row"') == 1


def test_a_verdict_is_stored_and_the_next_pair_comes(client):
    first, second = (pair(ClipFactory(), ClipFactory()) for _ in range(2))
    page = client.get(reverse("duplicate", args=[second.pk])).content.decode()
    assert reverse("duplicate", args=[first.pk]) in page, "the way to the next pair"
    send = {"verdict": "same", "seen": "open"}
    answers = [client.post(reverse("duplicate_rule", args=[second.pk]), send) for _double_click in range(2)]
    assert {answer.url for answer in answers} == {reverse("duplicate", args=[first.pk])}
    second.refresh_from_db()
    assert (second.state, second.decided_by.username, second.together) == ("same", "lea", True)
    assert Clip.objects.get(pk=second.first_id).family_id == Clip.objects.get(pk=second.second_id).family_id is not None
    page = client.post(reverse("duplicate_rule", args=[first.pk]), {"verdict": "different", "seen": "open"}, follow=True)
    assert page.redirect_chain[-1][0] == reverse("duplicates")


def test_a_late_verdict_is_told_and_changes_nothing(client):
    one = pair(ClipFactory(), ClipFactory(), "different", by=UserFactory(username="other", roles=["lead"]))
    page = client.post(reverse("duplicate_rule", args=[one.pk]), {"verdict": "same", "seen": "open"}, follow=True)
    assert "other has ruled on this pair in between: different" in page.content.decode()
    assert DuplicatePair.objects.get().state == "different"


def test_nonsense_is_no_verdict(client):
    one = pair(ClipFactory(), ClipFactory())
    assert client.post(reverse("duplicate_rule", args=[one.pk]), {"verdict": "maybe", "seen": "open"}).status_code == 422
    assert client.post(reverse("duplicate_rule", args=[one.pk + 1]), {"verdict": "same", "seen": "open"}).status_code == 404
