"""`make demo` as a new user starts it, with a data folder of its own, and ways to look into it.

with make_demo(tmp_path, "DEMO_CLIPS=0") as demo:
    demo.manage("import_clips", folder, "--wait")
    lead = demo.visitor("lead")
    lead.get("/releases/")

with demo.database(django_db_blocker):
    Release.objects.count()
"""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path

from django.conf import settings
from django.db import connection

from studio.demo import PASSWORD
from studio.env import postgres_config
from tests.conftest import wait_until
from tests.real_server import free_port

# The suite's own services; and what `make test` hands to a make below it, which says more then than a user sees.
_OF_THE_SUITE = ("DATABASE_URL", "REDIS_URL", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")


@dataclass
class Demo:
    address: str
    environment: dict
    data_dir: Path

    def manage(self, *arguments):
        """What a command of manage.py prints."""
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "manage.py", *map(str, arguments)],
            cwd=settings.BASE_DIR, env=self.environment, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def visitor(self, name):
        return Visitor(self.address, name)

    @contextmanager
    def database(self, blocker):
        """Let this process's models read the demo's database; `blocker` is pytest-django's."""
        address = json.loads((self.data_dir / "services.json").read_text())["database_url"]
        there, before = postgres_config(address), dict(connection.settings_dict)
        connection.close()
        connection.settings_dict.update({name: there[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")})
        try:
            with blocker.unblock():
                yield
                connection.close()
        finally:
            connection.settings_dict.update(before)


class Visitor:
    """Somebody signed in with a browser that keeps cookies and follows redirects, without a picture."""

    def __init__(self, address, name):
        self.address, self.cookies = address, CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        self.get("/login/")
        assert "login" not in self.post("/login/", {"username": name, "password": PASSWORD}).url

    def get(self, path):
        """The text of a page."""
        with self.opener.open(self.address + path, timeout=60) as response:
            return response.read().decode()

    def json(self, path):
        return json.loads(self.get(path))

    def post(self, path, form):
        """Send a form; the response of the page that it ended at, whose `text` is there."""
        token = next(cookie.value for cookie in self.cookies if cookie.name == "csrftoken")
        data = urllib.parse.urlencode({"csrfmiddlewaretoken": token, **form}, doseq=True).encode()
        request = urllib.request.Request(self.address + path, data, {"Referer": self.address + path})
        try:
            with self.opener.open(request, timeout=60) as response:
                response.text = response.read().decode()
                return response
        except urllib.error.HTTPError as error:
            words = re.sub(r"<[^>]*>|\s+", " ", error.read().decode())
            raise AssertionError(f"{path} answered {error.code}: {words[:2000]}") from error


@contextmanager
def make_demo(folder, *variables, **environment):
    """`make demo` with these variables of make, once it says that it runs; Ctrl-C at the end, which must stop all of it."""
    port, log, data_dir = free_port(), folder / "demo.log", folder / "data"
    inherited = {name: value for name, value in os.environ.items() if name not in _OF_THE_SUITE}
    environment = {**inherited, "STUDIO_DATA_DIR": str(data_dir), **environment}
    process = subprocess.Popen(
        ["make", "demo", f"PORT={port}", *variables],
        cwd=settings.BASE_DIR, env=environment, stdout=log.open("wb"), stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        wait_until(
            lambda: "Stop: Ctrl-C" in log.read_text() or process.poll() is not None,
            seconds=180, moving=log.read_text, what="the demo to start",
        )  # fmt: skip
        assert process.poll() is None, log.read_text()
        yield Demo(f"http://127.0.0.1:{port}", environment, data_dir)
    finally:
        os.killpg(process.pid, signal.SIGINT)  # Ctrl-C reaches every process of the terminal
        process.wait(120)
    assert log.read_text().rstrip().endswith("Everything is stopped."), log.read_text()
    assert not (data_dir / "postgres/postmaster.pid").exists()
