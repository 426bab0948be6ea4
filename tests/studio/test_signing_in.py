"""Signing in and out, passwords by e-mail, and the lock against guessing."""

import re

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import override_settings
from django.urls import reverse

from studio import people
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
NEW = "a quite different phrase"


@pytest.fixture(autouse=True)
def fresh_counters():
    cache.clear()


@pytest.fixture
def ann():
    return UserFactory(username="ann", with_password=True)


def sign_in(client, username="ann", password=PASSWORD, **more):
    return client.post(reverse("login"), {"username": username, "password": password, **more})


def test_signing_in_leads_to_where_one_was_going(client, ann):
    wanted = client.get(reverse("account"))
    assert wanted.status_code == 302 and wanted.url == "/login/?next=/account/"
    assert client.get(wanted.url).status_code == 200
    assert sign_in(client, next="/account/").url == "/account/"
    assert client.get(reverse("account")).status_code == 200


def test_a_foreign_address_is_never_the_next_page(client, ann):
    assert sign_in(client, next="https://evil.example/").url == "/"


def test_a_wrong_password_says_so_and_keeps_the_name(client, ann):
    response = sign_in(client, password="wrong")
    assert response.status_code == 422
    assert b'value="ann"' in response.content and b"wrong" not in response.content


def test_signing_out_takes_a_post(client, ann):
    client.force_login(ann)
    assert client.get(reverse("logout")).status_code == 405
    assert client.post(reverse("logout")).url == "/login/"
    assert client.get(reverse("account")).status_code == 302


def test_somebody_deactivated_is_out_at_the_next_click(client, ann):
    client.force_login(ann)
    ann.is_active = False
    ann.save()
    assert client.get(reverse("account")).status_code == 302
    assert sign_in(client).status_code == 422


@override_settings(AXES_FAILURE_LIMIT=3)
def test_guessing_is_locked_out_even_with_the_right_password_until_a_reset(client, ann):
    for _ in range(3):
        response = sign_in(client, password="guess")
    assert response.status_code == 429
    response = sign_in(client)
    assert response.status_code == 429 and b"Too many wrong passwords" in response.content
    assert sign_in(client, username=UserFactory(with_password=True).username).status_code == 302
    client.logout()
    people.unlock(ann)
    assert sign_in(client).status_code == 302


def test_an_address_that_posts_too_fast_is_slowed_down(client, ann):
    for _ in range(people.TRIES_PER_MINUTE):
        assert not people.too_fast(client.get("/login/").wsgi_request, "login")
    response = sign_in(client)
    assert response.status_code == 429 and b"Wait a minute" in response.content


@pytest.mark.parametrize(
    ("behind_proxy", "forwarded", "address"),
    [
        (False, "10.0.0.9", "127.0.0.1"),
        (True, "10.0.0.9", "10.0.0.9"),
        (True, "made-up, 6.6.6.6, 10.0.0.9", "10.0.0.9"),
        (True, "", "127.0.0.1"),
        (True, "rubbish", None),
    ],
)
def test_only_our_own_proxy_is_believed_about_who_sent_a_request(rf, settings, behind_proxy, forwarded, address):
    settings.BEHIND_PROXY = behind_proxy
    assert people.address_of(rf.get("/login/", headers={"X-Forwarded-For": forwarded})) == address


def link_in_mail():
    return re.search(r"https?://[^/\s]+(/account/reset/\S+)", mail.outbox[-1].body).group(1)


def test_a_new_password_by_mail(client, ann, settings):
    settings.SITE_URL = "https://studio.example"
    response = client.post(reverse("password_reset"), {"email": ann.email}, follow=True)
    assert b"Look into your mail" in response.content
    assert mail.outbox[0].to == [ann.email]
    assert "https://studio.example/account/reset/" in mail.outbox[0].body
    page = client.get(link_in_mail(), follow=True)
    form_url = page.redirect_chain[-1][0]
    refused = client.post(form_url, {"new_password1": "short", "new_password2": "short"})
    assert refused.status_code == 422
    done = client.post(form_url, {"new_password1": NEW, "new_password2": NEW}, follow=True)
    assert b"Sign in with it" in done.content
    assert sign_in(client, password=NEW).status_code == 302
    client.logout()
    assert b"used up" in client.get(link_in_mail(), follow=True).content


def test_an_unknown_address_gets_the_same_answer_and_no_mail(client, ann):
    response = client.post(reverse("password_reset"), {"email": "nobody@example.org"}, follow=True)
    assert b"Look into your mail" in response.content
    assert mail.outbox == []


def test_a_mail_server_that_is_away_changes_nothing_in_the_answer(client, ann, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    response = client.post(reverse("password_reset"), {"email": ann.email}, follow=True)
    assert b"Look into your mail" in response.content


def test_the_mail_is_in_the_language_of_whom_it_goes_to(ann):
    ann.language = "zh-hans"
    ann.save()
    people.send_password_link(ann)
    assert "/account/reset/" in mail.outbox[0].body
    assert "\n" not in mail.outbox[0].subject


def test_changing_the_password_keeps_this_session_and_ends_the_others(client, ann):
    from django.test import Client

    other = Client()
    for browser in (client, other):
        assert sign_in(browser).status_code == 302
    fields = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert client.post(reverse("password_change"), fields | {"old_password": "no"}).status_code == 422
    assert client.post(reverse("password_change"), fields).url == reverse("account")
    assert client.get(reverse("account")).status_code == 200
    assert other.get(reverse("account")).status_code == 302
