"""Clips whose proxies are real and small, and a local server that speaks OpenAI's API."""

import json

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from tests.factories import ClipFactory
from tests.llm_server import KEY, LLMServer
from tests.modelzoo.films import film


@pytest.fixture
def training_clip(db):
    """`training_clip(title=...)`: a ready training clip of 10 frames, 64 by 48."""
    number = iter(range(1_000_000))

    def make(**fields):
        n = next(number)
        name = f"proxies/film-{n}.mp4"
        if not default_storage.exists(name):
            default_storage.save(name, ContentFile(film(n)))
        values = {"proxy": name, "fps_num": 10, "frame_count": 10, "width": 64, "height": 48, "purpose": "training"}
        return ClipFactory(**{**values, **fields})

    return make


@pytest.fixture
def server(settings, monkeypatch):
    monkeypatch.setenv("TEST_LLM_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    settings.LLM_BACKOFF_S = 0.01
    settings.LLM_TRIES = 2
    settings.JOB_HEARTBEAT_S = 60.0  # its thread cannot see what a test has not committed
    settings.LLM_PARALLEL = 1
    with LLMServer() as server:
        yield server


@pytest.fixture
def use(server, settings):
    """`use(talks({...}))`: the one model there is."""

    def configure(behaviour, **more):
        server.add("m", behaviour)
        settings.LLM_MODELS = json.dumps([server.entry("m", **more)])

    return configure
