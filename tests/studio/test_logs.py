"""Structured logs: one JSON object a line with the ids it belongs to, and never a secret."""

import io
import json
import logging
import re

import pytest
from django.core import mail
from django.urls import reverse

from studio import jobs, logs, people
from studio.models import ApiToken
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def lines():
    """What the Studio's own handler would write, from every logger, at every level."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonFormatter())
    handler.addFilter(logs.ContextFilter())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.removeHandler(handler)
    root.setLevel(level)


def test_a_request_is_one_line_with_its_id_and_person(client, annotator, lines):
    client.force_login(annotator)
    response = client.get(reverse("account") + "?secret=1", headers={"X-Request-ID": "abc"})
    line = next(line for line in lines() if line["logger"] == "studio.request")
    assert line["request_id"] == response["X-Request-ID"] == "abc"
    assert (line["method"], line["path"], line["status"]) == ("GET", "/account/", 200)
    assert line["user_id"] == annotator.pk and line["ms"] >= 0 and "secret" not in json.dumps(line)


def test_what_a_job_logs_carries_its_id(lines):
    job = jobs.enqueue("studio.selfcheck", steps="many")
    jobs.run(job.pk)
    line = next(line for line in lines() if "failed" in line["message"] and line.get("exception"))
    assert line["job_id"] == str(job.pk) and "TypeError" in line["exception"]


def test_line_breaks_cannot_forge_a_line(lines):
    logging.getLogger("x").warning('one\n{"level": "ERROR"}')
    assert [line["message"] for line in lines() if line["logger"] == "x"] == ['one\n{"level": "ERROR"}']


def test_passwords_tokens_and_links_never_reach_the_log(client, lines):
    person = UserFactory(username="ann", with_password=True)
    client.post(reverse("login"), {"username": "ann", "password": "wrong-" + PASSWORD})
    client.post(reverse("login"), {"username": "ann", "password": PASSWORD})
    session = client.cookies["sessionid"].value
    secret = client.post(reverse("token_issue"), {"name": "laptop"}).context["secret"]
    client.get("/api/v1/me/", headers={"Authorization": f"Bearer {secret}"})
    client.get("/api/v1/me/", headers={"Authorization": "Bearer pgs_unknown-secret"})
    client.post(reverse("password_change"), {"old_password": PASSWORD, "new_password1": "n3w-phrase", "new_password2": "x"})
    people.send_password_link(person)
    link = re.search(r"/account/reset/\S+", mail.outbox[-1].body).group(0)
    client.get(link)
    assert ApiToken.objects.get().digest
    written = json.dumps(lines())
    assert "/login/" in written
    for hidden in (PASSWORD, session, secret, "unknown-secret", "n3w-phrase", link.split("/")[-2]):
        assert hidden not in written
