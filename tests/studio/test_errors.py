"""Error pages: a page for people, JSON for scripts, a notice for htmx; a lost race is 409 with its sentence."""

import pytest
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import include, path, reverse

from studio.access import ANYONE, allow
from studio.errors import Conflict


@allow(ANYONE)
def lost_race(request):
    raise Conflict("Somebody was faster.")


@allow(ANYONE)
def bug(request):
    raise ValueError("secret inside")


def unmarked(request):
    return HttpResponse("never shown")


urlpatterns = [
    path("", include("studio.urls")),
    path("lost-race/", lost_race),
    path("bug/", bug),
    path("unmarked/", unmarked),
]
handler400 = "studio.error_views.bad_request"
handler403 = "studio.error_views.forbidden"
handler404 = "studio.error_views.not_found"
handler500 = "studio.error_views.server_error"

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]
CODES = {"/lost-race/": (409, "conflict"), "/unmarked/": (403, "forbidden"), "/nowhere/": (404, "not_found")}


@pytest.fixture
def browser():
    return Client(raise_request_exception=False)


@pytest.mark.parametrize("address", [*CODES, "/bug/"])
def test_each_error_in_the_form_that_was_asked_for(browser, annotator, address):
    browser.force_login(annotator)
    status, code = CODES.get(address, (500, "server_error"))
    page = browser.get(address)
    assert page.status_code == status and b"<html" in page.content
    data = browser.get(address, headers={"Accept": "application/json"})
    assert data.status_code == status and data.json()["error"]["code"] == code
    assert data.json()["error"]["message"]
    part = browser.get(address, headers={"HX-Request": "true"})
    assert part.status_code == status and b"<html" not in part.content and b"notice bad" in part.content
    for response in (page, data, part):
        assert b"secret inside" not in response.content and b"never shown" not in response.content


def test_a_lost_race_says_what_happened(browser):
    assert b"Somebody was faster." in browser.get("/lost-race/").content


def test_a_mistake_shows_the_number_that_stands_in_the_log(browser):
    response = browser.get("/bug/", headers={"X-Request-ID": "find-me"})
    assert b"find-me" in response.content


def test_a_view_without_a_rule_is_closed_to_everybody(browser, admin):
    browser.force_login(admin)
    assert browser.get("/unmarked/").status_code == 403


def test_signed_out_each_is_told_in_its_own_way(browser):
    address = reverse("account")
    assert browser.get(address).url == f"/login/?next={address}"
    assert browser.get(address, headers={"Accept": "application/json"}).status_code == 401
    htmx = browser.get(address, headers={"HX-Request": "true"})
    assert htmx.status_code == 204 and htmx["HX-Redirect"].startswith("/login/")


@override_settings(LANGUAGE_CODE="en")
def test_error_pages_speak_the_persons_language(browser, annotator):
    annotator.language = "zh-hans"
    annotator.save()
    browser.force_login(annotator)
    assert b'lang="zh-hans"' in browser.get("/nowhere/").content
