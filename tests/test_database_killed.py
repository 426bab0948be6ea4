"""kill -9 of PostgreSQL while people save: what was acknowledged is there afterwards, and the server mends itself."""

import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

import psycopg
import pytest

from studio import local
from tests.factories import CONTENT
from tests.real_server import ROOT, Person, Server, insert_clips

pytestmark = pytest.mark.slow
WRITERS = 8


@pytest.fixture
def own_studio():
    """A database and Redis of its own, migrated; yields (folder, environment). pytest's own database stays alone."""
    folder = Path(tempfile.mkdtemp(prefix="pgs-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        local.start(folder)
        environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        environment |= {"STUDIO_DATA_DIR": str(folder), "STUDIO_LOG_LEVEL": "CRITICAL"}
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
        yield folder, environment
    finally:
        local.stop(folder)
        shutil.rmtree(folder, ignore_errors=True)


def kill_postgres(folder):
    """SIGKILL to the postmaster and to every process it started: nobody gets to tidy up."""
    pid = int((folder / "postgres" / "postmaster.pid").read_text().split()[0])
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    for each in (pid, *children):
        try:
            os.kill(each, 9)
        except ProcessLookupError:
            pass


class Writer(threading.Thread):
    """Saves without pause, submits every tenth time, and sends again whatever got no answer."""

    def __init__(self, client, user_id, stop):
        super().__init__()
        self.client, self.user_id, self.stop = client, user_id, stop
        self.acknowledged = {}  # clip id -> (version, note, submitted)
        self.statuses, self.lost, self.failure = [], 0, None
        self.answered_at = time.monotonic()

    def insist(self, path, data):
        """POST until the answer is 200; only "the database is away" and a dropped connection are waited out."""
        while True:
            try:
                status, reply = self.client.post(path, data)
            except (OSError, http.client.HTTPException):
                self.lost += 1
                time.sleep(0.1)
                continue
            self.statuses.append(status)
            if status == 200:
                self.answered_at = time.monotonic()
                return reply
            assert status == 503, (status, reply)
            assert time.monotonic() - self.answered_at < 60, "nothing but 503 for a minute"
            time.sleep(0.1)

    def run(self):
        try:
            while not self.stop.is_set():
                self.write_one()
        except BaseException as failure:
            self.failure = failure

    def write_one(self):
        piece = self.insist("/write/next/", {})["piece"]
        clip, version = piece["clip"]["id"], piece["version"]
        for number in range(10):
            note = f"{self.user_id} {clip} {number} {uuid.uuid4()}"
            saved = self.insist(piece["urls"]["save"], {"version": version, "content": CONTENT | {"note": note}})
            assert saved["version"] == version + 1
            version = saved["version"]
            self.acknowledged[clip] = (version, note, False)
            if self.stop.is_set():
                return
        data = {"version": version, "content": CONTENT | {"note": note}, "client_key": str(uuid.uuid4())}
        self.insist(piece["urls"]["submit"], data)
        self.acknowledged[clip] = (version + 1, note, True)


def stored(url):
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT author_id, clip_id, version, note, state FROM annotator_question").fetchall()
    return {(author, clip): (version, note, state) for author, clip, version, note, state in rows}


def check(writers, found, *, exact):
    saves = 0
    for writer in writers:
        for clip, (version, note, submitted) in writer.acknowledged.items():
            saves += version
            there = found[writer.user_id, clip]
            # One save more may have reached the disk whose answer was never heard.
            assert there[0] in ((version,) if exact else (version, version + 1))
            if there[0] == version:
                assert there[1] == note
            if submitted:
                assert there[2] == "submitted"
    return saves


def test_no_acknowledged_save_is_lost_when_postgres_is_killed(own_studio, tmp_path):
    folder, environment = own_studio
    url = local.addresses(folder)["database_url"]
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        insert_clips(cursor, first=1, last=2000)
    made = subprocess.run(
        [sys.executable, "-m", "tests.real_server", str(WRITERS)], cwd=ROOT, env=environment, check=True, capture_output=True
    )
    people = json.loads(made.stdout)
    stop = threading.Event()
    with Server(tmp_path / "gunicorn.log", environment) as server:
        writers = [Writer(Person(server.port, session), pk, stop) for pk, session in people]
        for writer in writers:
            writer.start()
        try:
            for _ in range(2):
                time.sleep(2)
                kill_postgres(folder)
                time.sleep(1)  # people go on saving while nothing answers
                before = [dict(writer.acknowledged) for writer in writers]
                assert local.start_postgres(folder) == url
                back_at = time.monotonic()
                found = stored(url)
                for writer, acknowledged in zip(writers, before, strict=True):
                    assert all(found[writer.user_id, clip][0] >= version for clip, (version, *_) in acknowledged.items())
                end = time.monotonic() + 15
                while time.monotonic() < end and not all(writer.answered_at > back_at for writer in writers):
                    assert not any(writer.failure for writer in writers), [w.failure for w in writers if w.failure]
                    time.sleep(0.1)
                assert all(writer.answered_at > back_at for writer in writers), "the server did not come back by itself"
            time.sleep(1)
        finally:
            stop.set()
            for writer in writers:
                writer.join(30)
    assert not any(writer.failure for writer in writers), [writer.failure for writer in writers if writer.failure]
    assert any(503 in writer.statuses for writer in writers), "nobody was saving while the database was away"
    assert set().union(*(writer.statuses for writer in writers)) <= {200, 503}
    saves = check(writers, stored(url), exact=True)
    assert saves > 30  # enough to have been in the middle of many, even on a busy machine
