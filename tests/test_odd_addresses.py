"""Addresses and cookies that no page of ours makes: answered in words, never by a mistake of the server."""

import itertools
import re

import pytest
from django.test import Client
from django.urls import get_resolver

from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

BODIES = [
    ("application/json", "{}"),
    ("application/json", '{"version": 1, "content": {"spans": [[1, 99999999999999999999]]}, "client_key": "x"}'),
    ("application/x-www-form-urlencoded", "ids=99999999999999999999&before=x%00"),
    ("text/plain", "\x00"),
]


def routes(patterns, before=""):
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from routes(pattern.url_patterns, route)
        elif re.search(r"<(int|id):", route):
            yield re.sub(r"<[^>]*kind>", "proxy", "/" + route)


@pytest.mark.parametrize("number", ["0", "9" * 18, "9" * 40])  # the last one is too large for PostgreSQL
def test_a_number_that_is_no_row_is_never_a_mistake_of_the_server(client, number):
    client.force_login(UserFactory(roles=["annotator", "reviewer", "lead", "admin"]))
    for route in routes(get_resolver().url_patterns):
        address = re.sub(r"<(int|id):\w+>", number, route)
        methods = ("POST", "PATCH") if route.startswith("/api/") else ("POST",)
        for method, (kind, body) in [("GET", ("text/plain", "")), *itertools.product(methods, BODIES)]:
            answer = client.generic(method, address, body, content_type=kind)
            assert answer.status_code < 500, (method, address, body)


@pytest.mark.parametrize("name", ["sessionid", "csrftoken", "django_language", "messages"])
@pytest.mark.parametrize("value", ['"aaaaaaaabbbb\\000cc"', '"\\377aaaaaaaaaaa"', "a" * 5000, "' OR 1=1 --"])
def test_a_strange_cookie_only_means_that_nobody_is_signed_in(name, value):
    client = Client()
    assert client.get("/login/", headers={"cookie": f"{name}={value}"}).status_code == 200
    assert client.get("/write/", headers={"cookie": f"{name}={value}"}).status_code == 302


@pytest.mark.parametrize(
    "before", ["2024-01-01T00:00:00+23:59_1", "0001-01-01T00:00:00+15:00_1", "2024-01-01T00:00:00+00:00:30_1", "x_y", "_"]
)
def test_a_place_in_my_work_that_makes_no_sense_is_ignored(client, annotator, before):
    client.force_login(annotator)
    assert client.get("/work/", {"before": before}).status_code == 200
