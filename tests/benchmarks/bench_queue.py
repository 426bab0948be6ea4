"""How fast is "next, submit" for 8 annotators? `python -m tests.benchmarks.bench_queue [--clips N] [--rounds N]`

Four contestants take turns, round after round, on one private PostgreSQL: the Studio behind gunicorn (2 workers with 4
threads), the same with many clips, a bare Django view with the same transaction behind the same gunicorn, and the bare
SQL through psycopg. Every round does the same number of cycles and then puts all rows back. Medians over the rounds.

Aims: at least 0.4 of the bare view's cycles a second; p95 with 1,000,000 clips under 1.5 times that with 1,000; the
writing page under 250 kB cold.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import statistics
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path
from urllib.parse import urljoin

import psutil
import psycopg

from studio import local
from tests.benchmarks import bare_sql
from tests.real_server import Person, Server, insert_clips, sessions_of

PEOPLE, CYCLES = 8, 50
SMALL, LARGE = 1_000, 1_000_000
AIM_RATIO, AIM_GROWTH, AIM_BYTES = 0.4, 1.5, 250_000
CONTENT = {
    "category": "Gravity",
    "sub_label": "floating",
    "stem": "What best describes the glitch observed in the video?",
    "correct": "The crate hangs in the air after the shelf below it has gone.",
    "distractor_1": "The crate slides uphill without being pushed by anybody.",
    "distractor_2": "The crate turns invisible behind the second pillar.",
    "distractor_3": "The crate stretches like rubber when it lands on the floor.",
    "spans": [[30, 90]],
    "note": "",
}
_SQL_CONTENT = CONTENT | {"spans": json.dumps(CONTENT["spans"])}
# What was written already when the bench begins: three clips of ten, the oldest, as in a project that is under way.
_HISTORY = """
SET session_replication_role = replica;
INSERT INTO annotator_question (clip_id, author_id, state, version, revision_number, published_id, published_order,
    created_at, saved_at, submitted_at, settled_at, review_slots, reviews_given, category, sub_label, stem, correct,
    distractor_1, distractor_2, distractor_3, spans, note)
SELECT id, %(author)s, 'approved', 3, 1, '', '', now(), now(), now(), now(), 0, 1,
    coalesce(nullif(expected_category, ''), 'Gravity'), '', 'What is odd?', 'a', 'b', 'c', 'd', '[[1, 2]]', ''
FROM annotator_clip ORDER BY id LIMIT %(written)s;
UPDATE annotator_clip SET open_slots = 0 WHERE id IN (SELECT clip_id FROM annotator_question);
SET session_replication_role = origin;
"""
_BACK = """
SET session_replication_role = replica;
DELETE FROM annotator_lease;
DELETE FROM annotator_revision;
WITH gone AS (DELETE FROM annotator_question WHERE state <> 'approved' RETURNING clip_id)
UPDATE annotator_clip SET open_slots = 1 WHERE id IN (SELECT clip_id FROM gone);
TRUNCATE annotator_questionevent, annotator_clipevent, qc_countmark;
SET session_replication_role = origin;
"""


class Round:
    """What one round measured: seconds of each request and of all of it, and the processor time the servers spent."""

    def __init__(self):
        self.takes, self.submits, self.seconds, self.cpu_s = [], [], 0.0, 0.0

    @property
    def rate(self):
        return len(self.submits) / self.seconds

    @staticmethod
    def p95(seconds):
        return statistics.quantiles(seconds, n=20)[-1] * 1000


def timed(seconds, call, *arguments):
    started = time.perf_counter()
    result = call(*arguments)
    seconds.append(time.perf_counter() - started)
    return result


class Studio:
    def __init__(self, server, people):
        self.clients = [Person(server.port, session, **{"X-User": str(pk)}) for pk, session in people]

    def cycle(self, index, round_):
        client = self.clients[index]
        piece = self.good(timed(round_.takes, client.post, "/write/next/"))["piece"]
        data = {"version": piece["version"], "content": CONTENT, "client_key": str(uuid.uuid4())}
        self.good(timed(round_.submits, client.post, piece["urls"]["submit"], data))

    @staticmethod
    def good(reply):
        if reply[0] != 200:
            raise SystemExit(f"The server answered {reply[0]}: {reply[1]}")
        return reply[1]


class BareView(Studio):
    def cycle(self, index, round_):
        client = self.clients[index]
        clip = self.good(timed(round_.takes, client.post, "/next/"))["clip"]
        data = {"version": 0, "content": CONTENT, "client_key": str(uuid.uuid4())}
        self.good(timed(round_.submits, client.post, f"/{clip}/submit", data))


class BareSql:
    def __init__(self, url, people):
        self.connections = [(pk, psycopg.connect(url)) for pk, _session in people]

    def cycle(self, index, round_):
        user, connection = self.connections[index]

        def take():
            with connection.transaction(), connection.cursor() as cursor:
                return bare_sql.take(cursor, user)

        def submit(clip):
            with connection.transaction(), connection.cursor() as cursor:
                bare_sql.submit(cursor, user, clip, _SQL_CONTENT, uuid.uuid4())

        clip = timed(round_.takes, take)
        timed(round_.submits, submit, clip)


def cpu_s(trees):
    """{process id: processor seconds so far} of the processes with these ids and of all they started."""
    found = {}
    for pid in trees:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                found[process.pid] = times.user + times.system
    return found


def run_round(contestant, trees):
    round_, barrier, failures = Round(), threading.Barrier(PEOPLE + 1), []

    def work(index):
        barrier.wait()
        try:
            for _ in range(CYCLES):
                contestant.cycle(index, round_)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=[index]) for index in range(PEOPLE)]
    for thread in threads:
        thread.start()
    before = cpu_s(trees)
    barrier.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    round_.seconds = time.perf_counter() - started
    round_.cpu_s = sum(seconds - before.get(pid, 0.0) for pid, seconds in cpu_s(trees).items())
    if failures:
        raise failures[0]
    return round_


def put_back(url):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_BACK)
        for table in ("annotator_clip", "annotator_question", "annotator_revision", "annotator_lease", "django_session"):
            connection.execute(f"VACUUM ANALYZE {table}")


def fill(url, clips, author):
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for first in range(1, clips + 1, 200_000):
            insert_clips(cursor, first=first, last=min(clips, first + 199_999))
        # Client-side parameters: the text holds several statements.
        cursor = psycopg.ClientCursor(connection)
        cursor.execute(_HISTORY, {"author": author, "written": clips * 3 // 10})
    put_back(url)


def page_bytes(client):
    """Bytes of the writing page and of every script, style and image of ours it needs, compressed as they are sent."""
    clip = client.post("/write/next/")[1]["piece"]["clip"]["id"]
    client.headers = client.headers | {"Accept": "text/html"}
    sizes, waiting = {}, [f"/write/{clip}/"]
    while waiting:
        path = waiting.pop()
        if path in sizes:
            continue
        client.headers["Accept-Encoding"] = "br, gzip"
        sizes[path] = len(client.ask("GET", path)[1])
        client.headers["Accept-Encoding"] = "identity"
        status, body = client.ask("GET", path)
        if status != 200:
            raise SystemExit(f"{path} answered {status}")
        text = body.decode("utf-8", "replace")
        if path.endswith(".js"):
            waiting += [urljoin(path, found) for found in re.findall(r"""(?:from|import)\s*["'](\.[^"']+)["']""", text)]
        elif path.endswith("/"):
            waiting += re.findall(r'(?:src|href)="(/(?:static|jsi18n)/[^"]+)"', text)
    return sum(sizes.values())


def report(results, page):
    def cpu(rounds):
        return statistics.median(r.cpu_s / len(r.submits) for r in rounds) * 1000

    def show(name, rounds):
        take, submit = (statistics.median(Round.p95(getattr(r, kind)) for r in rounds) for kind in ("takes", "submits"))
        rates = [r.rate for r in rounds]
        print(
            f"{name:<34}{statistics.median(rates):>8.0f} cycles/s ({min(rates):.0f}..{max(rates):.0f})"
            f"   p95 next {take:>6.1f} ms, submit {submit:>6.1f} ms   servers' processor time {cpu(rounds):>5.1f} ms a cycle"
        )
        return take, submit

    print(f"\n{PEOPLE} annotators, {CYCLES} cycles each a round, median of {len(results['studio'])} rounds")
    small = show(f"Studio, {SMALL:,} clips", results["studio"])
    large = show(f"Studio, {results['clips']:,} clips", results["large"])
    show(f"bare Django view, {SMALL:,} clips", results["view"])
    show(f"bare SQL, {SMALL:,} clips", results["sql"])

    def ratio(other):
        return statistics.median(a.rate / b.rate for a, b in zip(results["studio"], results[other], strict=True))

    growth = [b / a for a, b in zip(small, large, strict=True)]
    verdicts = [
        (f"ratio to the bare view   {ratio('view'):.2f} (aim at least {AIM_RATIO})", ratio("view") >= AIM_RATIO),
        (f"p95 next grows           {growth[0]:.2f}x (aim under {AIM_GROWTH})", growth[0] < AIM_GROWTH),
        (f"p95 submit grows         {growth[1]:.2f}x (aim under {AIM_GROWTH})", growth[1] < AIM_GROWTH),
        (f"writing page, cold       {page:,} bytes without video (aim under {AIM_BYTES:,})", page < AIM_BYTES),
    ]
    print(f"ratio to the bare SQL    {ratio('sql'):.2f}")
    print(f"processor time           {cpu(results['view']) / cpu(results['studio']):.2f} of it is what the bare view needs")
    for line, good in verdicts:
        print(line, "" if good else "  MISSED")
    return 0 if all(good for _line, good in verdicts) else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=LARGE, help="clips of the large database")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir="/tmp"))
    folder.chmod(0o755)  # PostgreSQL runs as somebody else when we are root
    try:
        url = local.start(folder)["database_url"]
        return measure(folder, url, options)
    finally:
        local.stop(folder)
        shutil.rmtree(folder, ignore_errors=True)


def measure(folder, url, options):
    os.environ.pop("DATABASE_URL", None)
    os.environ |= {
        "STUDIO_DATA_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "studio.settings",
        "STUDIO_ALLOWED_HOSTS": "127.0.0.1",
        "STUDIO_LOG_LEVEL": os.environ.get("STUDIO_LOG_LEVEL", "INFO"),
    }
    import django
    from django.core.management import call_command

    django.setup()
    from django.db import connection

    from studio.models import User

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    users = [User.objects.create(username=f"annotator{n}", roles=["annotator"], double_checks_left=0) for n in range(PEOPLE)]
    author = User.objects.create(username="author", roles=["annotator"])
    people = [(user.pk, session) for user, session in zip(users, sessions_of(users), strict=True)]
    connection.close()
    large_url = url.replace(f"/{local.DATABASE}?", "/large?")
    with psycopg.connect(url.replace(f"/{local.DATABASE}?", "/postgres?"), autocommit=True) as maintenance:
        maintenance.execute(f"CREATE DATABASE large TEMPLATE {local.DATABASE}")
    for address, clips in ((url, SMALL), (large_url, options.clips)):
        started = time.monotonic()
        fill(address, clips, author.pk)
        print(f"{clips:,} clips inserted in {time.monotonic() - started:.0f} s", flush=True)

    here = dict(os.environ)
    bare = here | {"DJANGO_SETTINGS_MODULE": "tests.benchmarks.bare_settings"}
    with (
        Server(folder / "studio.log", here) as studio,
        Server(folder / "large.log", here | {"DATABASE_URL": large_url}) as large,
        Server(folder / "bare.log", bare) as view,
    ):
        database = int((folder / "postgres" / "postmaster.pid").read_text().split()[0])
        contestants = {
            "studio": (Studio(studio, people), url, [studio.process.pid, database]),
            "view": (BareView(view, people), url, [view.process.pid, database]),
            "large": (Studio(large, people), large_url, [large.process.pid, database]),
            "sql": (BareSql(url, people), url, [database]),
        }
        results = {name: [] for name in contestants}
        for number in range(options.rounds + 1):
            for name, (contestant, address, trees) in contestants.items():
                round_ = run_round(contestant, trees)
                put_back(address)
                if number:  # the first round only warms up
                    results[name].append(round_)
            print("." if number else "warm", end="", flush=True)
        page = page_bytes(contestants["studio"][0].clients[0])
    return report(results | {"clips": options.clips}, page)


if __name__ == "__main__":
    sys.exit(main())
