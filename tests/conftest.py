"""Fixtures of the whole suite. It runs on a real PostgreSQL and Redis inside STUDIO_DATA_DIR (`make test` sets it)."""

import os
import shutil
import subprocess
import sys
import time

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection

# Playwright's synchronous API runs an event loop in the test's thread; Django would take that for async code.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


def pytest_sessionstart(session):
    if "STUDIO_DATA_DIR" not in os.environ and "DATABASE_URL" not in os.environ:
        pytest.exit("Run `make test`, or set STUDIO_DATA_DIR to a folder for the tests' own database.", returncode=2)
    mark = settings.DATA_DIR / "media-is-of-tests"
    if settings.MEDIA_ROOT.exists() and any(settings.MEDIA_ROOT.iterdir()) and not mark.exists():
        pytest.exit(f"{settings.MEDIA_ROOT} holds media that no test made; tests would delete them.", returncode=2)
    shutil.rmtree(settings.MEDIA_ROOT, ignore_errors=True)
    settings.MEDIA_ROOT.mkdir(parents=True)
    mark.touch()
    # Pages name static files by their content; what earlier runs left would be read again by every new client.
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    settings.GOLD_RATE = 0.0  # what a reviewer gets next is no matter of chance but where a test is about that
    cache._cache.get_client(write=True).flushdb()  # messages of an earlier run would wake a worker for rows that are gone


def environment_of_a_process(**extra):
    """The environment for a worker or server process that shares this test's database, Redis and media."""
    database = connection.settings_dict
    url = f"postgresql://{database['USER']}:{database['PASSWORD']}@/{database['NAME']}?host={database['HOST']}"
    return {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "studio.settings", **extra}


class Worker:
    """A real Celery worker with beat, in its own process group so that a test can kill all of it."""

    def __init__(self, log, *, queues, concurrency=2, **environment):
        self.log = log
        environment = {
            "STUDIO_JOB_HEARTBEAT_S": "0.5",
            "STUDIO_JOB_LOST_AFTER_S": "3",
            "STUDIO_JOB_SWEEP_S": "1",
            **environment,
        }
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "celery",
                "-A",
                "studio",
                "worker",
                "--beat",
                "-Q",
                queues,
                "-c",
                str(concurrency),
                "-s",
                str(log.with_suffix(".beat")),
                "--without-mingle",
                "--without-gossip",
                "-n",
                f"test-{os.getpid()}-{time.time_ns()}@here",
            ],
            env=environment_of_a_process(**environment),
            stdout=log.open("ab"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=settings.BASE_DIR,
        )

    def kill(self):
        """kill -9 of the worker and all its children."""
        os.killpg(self.process.pid, 9)
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


@pytest.fixture
def start_worker(transactional_db, tmp_path):
    """Start real workers: `start_worker(queues="cpu,io")`. All end with the test."""
    workers = []

    def start(queues="io,cpu,llm,gpu", **options):
        workers.append(Worker(tmp_path / f"worker-{len(workers)}.log", queues=queues, **options))
        return workers[-1]

    yield start
    for worker in workers:
        worker.stop()


def wait_until(condition, *, seconds=30, every=0.1, what="the condition", moving=None):
    """Poll until `condition()` is true and return its value; fail with `what` after `seconds`.

    With `moving`, a function, the time begins anew whenever its value changes: long work on a busy machine is no failure,
    work that stands still is.
    """
    end, last = time.monotonic() + seconds, moving and moving()
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        if moving and (now := moving()) != last:
            end, last = time.monotonic() + seconds, now
        time.sleep(every)
    pytest.fail(f"Waited {seconds} s for {what}.")


@pytest.fixture
def annotator(db):
    from tests.factories import UserFactory

    return UserFactory(username="ann", roles=["annotator"])


@pytest.fixture
def reviewer(db):
    from tests.factories import UserFactory

    return UserFactory(username="rea", roles=["reviewer"])


@pytest.fixture
def lead(db):
    from tests.factories import UserFactory

    return UserFactory(username="lea", roles=["lead"])


@pytest.fixture
def admin(db):
    from tests.factories import UserFactory

    return UserFactory(username="ada", roles=["admin"])
