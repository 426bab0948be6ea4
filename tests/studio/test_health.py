"""Health: one answer for machines, a page and `doctor` for people; all of it with everything down."""

import json
import subprocess
import sys
import time

import pytest
from django.conf import settings
from django.core.cache import cache
from django.urls import reverse

from studio import health
from studio.celery import worker_key
from tests.conftest import environment_of_a_process

DOWN = {
    "DATABASE_URL": "postgresql://studio:dbsecret@127.0.0.1:1/studio",
    "REDIS_URL": "redis://:redissecret@127.0.0.1:1/0",
    "STUDIO_FFMPEG": "/nowhere/ffmpeg",
    "STUDIO_MEDIA_ROOT": "/proc/nowhere",
    "STUDIO_EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
    "STUDIO_EMAIL_HOST": "127.0.0.1",
    "STUDIO_EMAIL_PORT": "1",
    "STUDIO_SECRET_KEY": "short",
    "STUDIO_ALLOWED_HOSTS": "studio.example",
}


def doctor(**environment):
    started = time.monotonic()
    run = subprocess.run(
        [sys.executable, "manage.py", "doctor"],
        env=environment_of_a_process(**environment),
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return run, time.monotonic() - started


@pytest.fixture
def found(db, settings):
    """The report in a well-run Studio, by part; `found()` looks again after a change."""
    cache.clear()
    for queue in settings.QUEUES:
        cache.set(worker_key(queue), f"{queue}@here", 15)
    cache.set(health.BEAT_KEY, "2026-01-01T00:00:00", 60)

    def look():
        report = health.report()
        return {finding.part: finding for finding in report.findings}

    return look


def test_with_everything_down_doctor_says_so_quickly_without_a_traceback():
    run, seconds = doctor(**DOWN)
    assert run.returncode == 1
    assert "Traceback" not in run.stdout + run.stderr
    assert seconds < 60  # not the minutes of a connection that nobody answers
    for words in (
        "PostgreSQL does not answer",
        "Redis does not answer",
        "ffmpeg does not run",
        "/proc/nowhere cannot be written",
        "mail server 127.0.0.1 does not answer",
        "STUDIO_SECRET_KEY is missing or shorter",
        "Links in mails point at",
    ):
        assert words in run.stdout
    assert "dbsecret" not in run.stdout and "redissecret" not in run.stdout


def test_doctor_says_what_is_missing_even_without_any_set_up(tmp_path):
    run, _seconds = doctor(STUDIO_DATA_DIR=str(tmp_path), DATABASE_URL="postgresql:///x?host=/nowhere", REDIS_URL="")
    assert run.returncode == 1 and "Traceback" not in run.stdout + run.stderr
    assert "PostgreSQL does not answer" in run.stdout


def test_a_well_run_studio_is_fine(found):
    levels = {part: finding.level for part, finding in found().items()}
    assert levels.pop("Language models") in (health.OK, health.WARNING)
    for part in ("Addresses", "Translations", "Free disk"):  # these differ between the machines that run tests
        levels.pop(part)
    assert levels.pop("E-mail") == health.WARNING  # tests keep mail in memory
    assert set(levels.values()) == {health.OK}, levels


def test_a_missing_worker_is_an_error_but_for_the_gpu(found):
    for queue in settings.QUEUES:
        cache.delete(worker_key(queue))
    findings = found()
    assert findings["Worker for “cpu”"].level == health.ERROR
    assert findings["Worker for “cpu”"].command.endswith("-Q cpu")
    assert findings["Worker for “gpu”"].level == health.WARNING


def test_a_stopped_clock_is_an_error(found):
    cache.delete(health.BEAT_KEY)
    assert found()["Clock"].level == health.ERROR


def test_missing_migrations_are_an_error(found):
    from django.db.migrations.recorder import MigrationRecorder

    MigrationRecorder.Migration.objects.filter(app="qc").delete()
    finding = found()["Database"]
    assert finding.level == health.ERROR and "migration" in finding.text and "migrate" in finding.command


def test_an_ffmpeg_without_our_encoders_is_an_error(found, settings, tmp_path):
    binary = tmp_path / "ffmpeg"
    binary.write_text("#!/bin/sh\necho ' A....D aac   AAC'\n")
    binary.chmod(0o755)
    settings.FFMPEG = str(binary)
    finding = found()["ffmpeg"]
    assert finding.level == health.ERROR and "libx264" in finding.text and "aac" not in finding.text.split("encoders")[1]


def test_stale_translations_are_named(found, settings, tmp_path):
    file = tmp_path / "zh_Hans" / "LC_MESSAGES" / "django.po"
    file.parent.mkdir(parents=True)
    file.write_text('msgid "a"\nmsgstr "b"\n')
    settings.LOCALE_PATHS = [tmp_path]
    assert "zh_Hans/django" in found()["Translations"].text


def test_a_missing_key_of_a_language_model_is_only_a_warning(found, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    finding = found()["Language models"]
    assert finding.level == health.WARNING and "OPENAI_API_KEY" in finding.mend
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    finding = found()["Language models"]
    assert finding.level == health.OK and "gpt-4o" in finding.text and "sk-secret" not in finding.text


def test_a_language_model_without_a_price_is_a_warning(found, settings):
    settings.LLM_MODELS = '[{"name": "llama", "base_url": "http://localhost:11434/v1"}]'
    finding = found()["Language models"]
    assert finding.level == health.WARNING and "price of llama is unknown" in finding.text


def test_debug_is_a_warning(found, settings):
    settings.DEBUG = True
    assert found()["DEBUG"].level == health.WARNING


def test_a_full_disk_is_a_warning(found, settings):
    assert found()["Free disk"].level == health.OK
    before, health.LEAST_FREE_BYTES = health.LEAST_FREE_BYTES, 10**18
    try:
        assert found()["Free disk"].level == health.WARNING
    finally:
        health.LEAST_FREE_BYTES = before


def test_healthz_tells_machines_and_nothing_more(client, db):
    response = client.get(reverse("healthz"))
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_healthz_fails_when_redis_or_the_database_is_away():
    code = (
        "import django; django.setup(); from django.test import Client; "
        "r = Client().get('/healthz', HTTP_HOST='studio.example'); print(r.status_code, r.content.decode()); "
        "r = Client().get('/login/', HTTP_HOST='studio.example'); print(r.status_code)"
    )
    for variable in ("DATABASE_URL", "REDIS_URL"):
        run = subprocess.run(
            [sys.executable, "-c", code],
            env=environment_of_a_process(**{variable: DOWN[variable]}, STUDIO_ALLOWED_HOSTS="studio.example"),
            cwd=settings.BASE_DIR,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert run.stdout.splitlines()[:2] == ['503 {"status": "failing"}', "200"], run.stderr


def test_a_page_without_database_is_503_in_words():
    code = (
        "import django; django.setup(); from django.test import Client; "
        "c = Client(raise_request_exception=False); c.cookies['sessionid'] = 'x' * 32; "
        "r = c.get('/', HTTP_HOST='studio.example'); print(r.status_code); print(r.content.decode())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=environment_of_a_process(**DOWN),
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.stdout.startswith("503\n") and "The database does not answer" in run.stdout, run.stderr
    assert "dbsecret" not in run.stdout + run.stderr


def test_the_page_is_for_leads_and_admins(client, lead, found):
    client.force_login(lead)
    page = client.get(reverse("health"))
    assert page.status_code == 200 and b"PostgreSQL" in page.content
    levels = json.dumps([finding.level for finding in page.context["report"].findings])
    assert health.ERROR not in levels
