"""The page Sources: start a search, see what came and why the rest did not, try again."""

import json
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from annotator.models import SourceItem, Sourcing
from tests.sites import listing, post

pytestmark = pytest.mark.django_db


def asked(**fields):
    return {"kind": "reddit", "what": "GamePhysics", "purpose": "benchmark", "limit": 10} | fields


def test_a_lead_starts_a_search_and_bad_ones_come_back(client, lead):
    client.force_login(lead)
    assert client.post(reverse("sources_start"), asked()).status_code == 302
    assert Sourcing.objects.get().job.arguments["limit"] == 10
    response = client.post(reverse("sources_start"), asked(what="../../x"))
    assert response.status_code == 422 and "This is no subreddit" in response.content.decode()
    response = client.post(reverse("sources_start"), asked(kind="links", what="http://127.0.0.1/a.mp4"))
    assert response.status_code == 422 and "not on the list of hosts" in response.content.decode()
    file = SimpleUploadedFile("saved.json", json.dumps(listing(post("1abc2de"))).encode())
    assert client.post(reverse("sources_start"), asked(what="", listing=file)).status_code == 302
    assert SourceItem.objects.get().key == "1abc2de"


def test_what_failed_says_why_and_is_tried_again(client, lead, django_assert_max_num_queries):
    client.force_login(lead)
    url = "https://www.reddit.com/r/x/comments/abc/"
    SourceItem.objects.bulk_create(
        SourceItem(site="reddit", key=f"k{n}", url=url, host="reddit", state="failed", reason=f"Why {n}") for n in range(60)
    )
    with django_assert_max_num_queries(9):
        page = client.get(reverse("sources")).content.decode()
    assert "Why 59" in page and "Why 9<" not in page and "before=" in page
    item = SourceItem.objects.first()
    client.post(reverse("sources_retry"), {"item": item.pk})
    item.refresh_from_db()
    assert (item.state, SourceItem.objects.filter(state="failed").count()) == ("waiting", 59)


def test_a_row_links_to_where_it_comes_from_and_says_when_it_is_tried_again(client, lead):
    client.force_login(lead)
    later = timezone.now() + timedelta(hours=2)
    for key, url, more in (
        ("one", "https://clips.example/a.mp4", {"state": "waiting", "reason": "It broke off.", "next_at": later}),
        ("two", "javascript:alert(1)", {"state": "failed", "reason": "This is no web address."}),
    ):
        SourceItem.objects.create(site="clips.example", host="clips.example", key=key, url=url, **more)
    page = client.get(reverse("sources"), {"state": "waiting"}).content.decode()
    assert f'Next try: <time datetime="{later:%Y-%m-%dT%H:%M}' in page and 'href="https://clips.example/a.mp4"' in page
    page = client.get(reverse("sources"), {"state": "failed"}).content.decode()
    assert "javascript:alert(1)" in page and 'href="javascript' not in page and "Next try" not in page
