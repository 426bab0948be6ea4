"""Headers, cookies, CSRF and limits: what a browser is told, and what is refused before a view runs."""

import subprocess
import sys

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from studio import jobs
from tests.conftest import environment_of_a_process
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def everybody(client):
    """A client of somebody with all roles."""
    client.force_login(UserFactory(roles=["annotator", "reviewer", "lead", "admin"]))
    return client


def test_every_kind_of_answer_carries_the_headers(everybody):
    job = jobs.enqueue("studio.selfcheck")
    addresses = [reverse("home"), reverse("account"), reverse("jsi18n"), reverse("healthz"), reverse("job", args=[job.pk])]
    addresses += ["/nowhere/", reverse("token_issue")]  # 404 and 405
    for address in addresses:
        response = everybody.get(address)
        policy = response["Content-Security-Policy"]
        for directive in (
            "default-src 'self'",
            "script-src 'self'",
            "style-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
        ):
            assert directive in policy, address
        assert "unsafe" not in policy and "*" not in policy
        assert response["X-Frame-Options"] == "DENY"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Referrer-Policy"] == "same-origin"
        assert response["Cross-Origin-Opener-Policy"] == "same-origin"
        assert response["X-Request-ID"]


def test_no_page_needs_what_the_policy_forbids(everybody):
    person = UserFactory()
    job = jobs.enqueue("studio.selfcheck")
    names = ["home", "account", "jobs", "people", "person_new", "health", "password_change"]
    addresses = [reverse(name) for name in names]
    addresses += [reverse("person", args=[person.pk]), reverse("job", args=[job.pk])]
    for address in addresses:
        html = everybody.get(address).content.decode()
        for forbidden in (" style=", " onclick=", " onchange=", " onsubmit=", "javascript:", "hx-on", "<style"):
            assert forbidden not in html, (address, forbidden)


def test_a_form_without_its_key_is_refused_in_words():
    UserFactory(username="ann", with_password=True)
    strict = Client(enforce_csrf_checks=True)
    response = strict.post(reverse("login"), {"username": "ann", "password": PASSWORD})
    assert response.status_code == 403 and b"too old" in response.content
    strict.get(reverse("login"))
    token = strict.cookies["csrftoken"].value
    fields = {"username": "ann", "password": PASSWORD, "csrfmiddlewaretoken": token}
    assert strict.post(reverse("login"), fields).status_code == 302
    assert strict.post(reverse("account_look"), {"theme": "dark"}).status_code == 403
    htmx = {"X-CSRFToken": strict.cookies["csrftoken"].value, "HX-Request": "true"}
    assert strict.post(reverse("token_issue"), {"name": "x"}, headers=htmx).status_code == 200


def test_the_session_cookie_is_closed_to_scripts_and_other_sites(client):
    UserFactory(username="ann", with_password=True)
    client.post(reverse("login"), {"username": "ann", "password": PASSWORD})
    cookie = client.cookies["sessionid"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"


def test_behind_https_cookies_are_secure_and_browsers_stay():
    code = (
        "import django; django.setup(); from django.conf import settings as s; from django.test import Client; "
        "r = Client().get('/login/', secure=True, HTTP_HOST='studio.example'); "
        "print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, r.cookies['csrftoken']['secure'], "
        "r['Strict-Transport-Security'])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=environment_of_a_process(STUDIO_HTTPS="1", STUDIO_ALLOWED_HOSTS="studio.example"),
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
    )
    assert run.stdout.split() == ["True", "True", "True", "max-age=31536000"], run.stderr


def test_a_form_that_is_too_large_or_has_too_many_fields_is_refused(everybody):
    large = {"name": "x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)}
    assert everybody.post(reverse("token_issue"), large).status_code in (400, 413)
    many = {f"f{n}": "" for n in range(settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1)}
    assert everybody.post(reverse("token_issue"), many).status_code in (400, 413)


def test_a_foreign_host_name_is_refused(client):
    assert client.get("/login/", headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize(
    "address",
    [
        "/jobs/99999999999999999999999999/",
        "/jobs/?before=99999999999999999999999999",
        "/jobs/?state=%00&kind=%00",
        "/people/?text=%00",
        "/people/?after=%00&role=%00",
        "/people/99999999999999999999999999/",
        "/account/reset/%00/x/",
        "/login/?next=%00",
        "/%00",
        "/jsi18n/?%ff",
    ],
)
def test_strange_addresses_never_break_a_page(everybody, address):
    assert everybody.get(address).status_code < 500


def test_a_request_id_is_kept_only_when_it_is_harmless(client):
    assert client.get("/healthz", headers={"X-Request-ID": "abc-123"})["X-Request-ID"] == "abc-123"
    assert client.get("/healthz", headers={"X-Request-ID": "a b\tc"})["X-Request-ID"] != "a b\tc"
