"""A real gunicorn for tests and benchmarks, people who talk to it over kept connections, and clips in bulk.

python -m tests.real_server 8      make 8 annotators in the database of the environment, print their session ids
"""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CSRF = "c" * 32

INSERT_CLIPS = """
INSERT INTO annotator_clip (source, source_id, title, text, permalink, author, licence, retrieved_at, purpose,
    expected_category, created_at, original_name, original, size_bytes, sha256, state, failure, content, proxy, poster,
    filmstrip, filmstrip_tiles, filmstrip_columns, fps_num, fps_den, frame_count, width, height, has_audio, open_slots)
SELECT 'csv', 'id' || n, 'Title ' || n, '', '', '', '', now(), 'benchmark',
    (%(categories)s::text[])[1 + n %% cardinality(%(categories)s::text[])], now(), 'n.mp4', 'o/' || n, 1,
    lpad(n::text, 64, '0'), 'ready', '', 'unchecked', 'p/' || n, 'j/' || n, 'f/' || n, 40, 10, 30, 1, 300, 640, 360, false,
    %(slots)s
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
"""


def insert_clips(cursor, *, first, last, slots=1, categories=None):
    """Ready clips of 300 frames without files, spread over `categories` (all 12 and "unknown" unless told)."""
    from annotator.taxonomy import CATEGORIES

    parameters = {"first": first, "last": last, "slots": slots, "categories": categories or [*CATEGORIES, ""]}
    cursor.execute(INSERT_CLIPS, parameters)


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """gunicorn as in production; `environment` names its database. Use as a context manager."""

    def __init__(self, log, environment, *, workers=2, threads=4):
        self.log = Path(log)
        self.port = free_port()
        command = [
            *(sys.executable, "-m", "gunicorn", "studio.wsgi", "--bind", f"127.0.0.1:{self.port}"),
            *("--workers", str(workers), "--threads", str(threads), "--keep-alive", "900", "--log-level", "warning"),
        ]
        self.process = subprocess.Popen(
            command, env=environment, cwd=ROOT, stdout=self.log.open("ab"), stderr=subprocess.STDOUT, start_new_session=True
        )

    def __enter__(self):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"gunicorn ended at once:\n{self.log.read_text()[-4000:]}")
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            time.sleep(0.1)
        raise RuntimeError(f"gunicorn did not listen within 60 s:\n{self.log.read_text()[-4000:]}")

    def __exit__(self, *_failure):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, 9)
            self.process.wait()


class Person:
    """Somebody signed in, on one connection that is kept open. Not for several threads at once."""

    def __init__(self, port, session, **headers):
        self.port = port
        self.headers = {
            "Cookie": f"sessionid={session}; csrftoken={CSRF}",
            "X-CSRFToken": CSRF,
            "Content-Type": "application/json",
            "Accept": "application/json",
            **headers,
        }
        self.connection = None

    def ask(self, method, path, data=None):
        """(status, body); an OSError or HTTPException when no answer came."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            self.connection.request(method, path, None if data is None else json.dumps(data), self.headers)
            response = self.connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def post(self, path, data=None):
        """(status, parsed JSON or None)."""
        status, body = self.ask("POST", path, data or {})
        try:
            return status, json.loads(body)
        except ValueError:
            return status, None

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


def sessions_of(people):
    """Session ids for people who exist in this process's database."""
    from importlib import import_module

    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    engine = import_module(settings.SESSION_ENGINE)
    found = []
    for person in people:
        session = engine.SessionStore()
        session[SESSION_KEY] = str(person.pk)
        session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
        session[HASH_SESSION_KEY] = person.get_session_auth_hash()
        session.save()
        found.append(session.session_key)
    return found


def main(count):
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
    import django

    django.setup()
    from studio.models import User

    people = [User.objects.create(username=f"annotator{n}", roles=["annotator"], double_checks_left=0) for n in range(count)]
    print(json.dumps([[person.pk, session] for person, session in zip(people, sessions_of(people), strict=True)]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
