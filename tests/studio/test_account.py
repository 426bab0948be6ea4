"""One's own page: language and theme at once, API tokens shown once."""

import pytest
from django.urls import reverse

from studio.account_views import MOST_TOKENS
from studio.models import ApiToken
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def look(client, **changes):
    return client.post(
        reverse("account_look"), {"first_name": "", "language": "", "theme": "system", **changes}, follow=True
    )


def test_language_and_theme_hold_from_the_next_page(client, annotator):
    client.force_login(annotator)
    assert b'lang="en"' in client.get(reverse("account")).content
    page = look(client, language="zh-hans", theme="dark", first_name="安")
    assert b'lang="zh-hans"' in page.content and b'data-theme="dark"' in page.content
    assert "安".encode() in page.content
    assert page["Content-Language"] == "zh-hans"
    assert b'lang="en"' in look(client, language="en").content


def test_without_a_choice_the_browser_decides(client, annotator):
    client.force_login(annotator)
    page = client.get(reverse("account"), headers={"Accept-Language": "zh-CN,zh;q=0.9"})
    assert b'lang="zh-hans"' in page.content


def test_an_unknown_language_or_theme_is_refused(client, annotator):
    client.force_login(annotator)
    assert look(client, language="xx").status_code == 422
    assert look(client, theme="pink").status_code == 422
    annotator.refresh_from_db()
    assert (annotator.language, annotator.theme) == ("", "system")


def test_roles_cannot_be_sneaked_in(client, annotator):
    client.force_login(annotator)
    look(client, roles="admin", is_superuser="1", theme="dark")
    annotator.refresh_from_db()
    assert annotator.roles == ["annotator"] and annotator.theme == "dark"


def test_a_token_is_shown_once_and_stored_as_a_hash(client, annotator):
    client.force_login(annotator)
    page = client.post(reverse("token_issue"), {"name": "laptop"})
    token = ApiToken.objects.get()
    secret = page.context["secret"]
    assert secret.encode() in page.content and secret not in (token.digest, token.prefix)
    assert "no-store" in page["Cache-Control"]
    again = client.get(reverse("account"))
    assert secret.encode() not in again.content and b"laptop" in again.content


def test_htmx_gets_the_tokens_alone(client, annotator):
    client.force_login(annotator)
    part = client.post(reverse("token_issue"), {"name": "laptop"}, headers={"HX-Request": "true"})
    assert b"<html" not in part.content and b'id="tokens"' in part.content
    wrong = client.post(reverse("token_issue"), {"name": ""}, headers={"HX-Request": "true"})
    assert wrong.status_code == 422 and b"errorlist" in wrong.content


def test_one_revokes_ones_own_tokens_only(client, annotator):
    mine, _ = ApiToken.issue(user=annotator, name="mine")
    theirs, _ = ApiToken.issue(user=UserFactory(), name="theirs")
    client.force_login(annotator)
    assert client.post(reverse("token_revoke", args=[theirs.pk])).status_code == 404
    assert client.post(reverse("token_revoke", args=[mine.pk])).status_code == 302
    assert list(ApiToken.objects.all()) == [theirs]


def test_nobody_collects_tokens_without_end(client, annotator):
    client.force_login(annotator)
    for number in range(MOST_TOKENS):
        ApiToken.issue(user=annotator, name=str(number))
    assert client.post(reverse("token_issue"), {"name": "one more"}).status_code == 422
    assert ApiToken.objects.count() == MOST_TOKENS
