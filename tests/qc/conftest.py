"""Steps that the tests of the review room share."""

import json
import uuid

import pytest
from django.conf import settings

from annotator import letters
from qc import services
from tests.llm_server import KEY, LLMServer

RETURN = [{"field": "distractor_2", "code": "also_true"}]


def revision_of(question):
    return question.revisions.select_related("question__clip").get(number=question.revision_number)


def ruling(verdict="approve", *, reasons=(), comment=""):
    return services.Ruling(verdict, list(reasons), comment, uuid.uuid4())


def review(user, question, given, *, answer="correct"):
    """Both steps of a review, through the services."""
    question.refresh_from_db()
    revision = revision_of(question)
    services.answer_blind(user=user, revision=revision, answer=answer, watched_s=10, seconds=4)
    return services.rule(user=user, revision=revision, ruling=given)


def position_of(key, revision, user):
    """The number 1 to 4 at which this reader sees an option."""
    return letters.display_order(settings.LETTER_SEED, revision_id=revision.pk, reader_id=user.pk).index(key) + 1


@pytest.fixture
def post(client):
    """Send JSON as the desk does."""

    def send(address, **data):
        return client.post(address, data, content_type="application/json", headers={"Accept": "application/json"})

    return send


@pytest.fixture
def server(settings, monkeypatch):
    """A local server that speaks OpenAI's API, and settings that suit it."""
    monkeypatch.setenv("TEST_LLM_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    settings.LLM_BACKOFF_S = 0.01
    settings.LLM_TRIES = 2
    settings.JOB_HEARTBEAT_S = 3600.0  # its thread cannot see what a test has not committed, and would stop the job
    settings.LLM_PARALLEL = 1  # no threads, so that tests can be undone instead of cleared away
    with LLMServer() as server:
        yield server


@pytest.fixture
def use(server, settings):
    """`use(m=always("A"), ...)`: these models, each a family of its own, are all there are."""

    def configure(_families=None, **models):
        for name, behaviour in models.items():
            server.add(name, behaviour)
        families = _families or {}
        entries = [server.entry(name, family=families.get(name, name)) for name in models]
        settings.LLM_MODELS = json.dumps(entries)

    return configure
