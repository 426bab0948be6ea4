"""A server of our own for the checkpoint that is asked about, kept by the worker for the next question.

It is serve_physvlm on this machine, with a token that nobody else knows; it ends when it was idle for a while, when another
checkpoint is asked, or with its worker.
"""

import atexit
import os
import re
import secrets
import subprocess
import sys
import tempfile
from dataclasses import dataclass

from django.conf import settings

from modelzoo.runs import choices
from studio import jobs
from studio.llm import endpoints
from studio.sentences import say

ENDPOINT = "endpoint:"
_GRACE_S = 5
_READY = re.compile(r"Serving .* on (http://\S+/v1) ")


class CannotAsk(Exception):
    """This model cannot be asked; the sentence (`say(...)`) tells why and what to do."""


@dataclass
class Own:
    """A running server of our own."""

    model: str
    process: subprocess.Popen
    said: object
    base_url: str
    token: str

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.said.close()


_kept = None


def models():
    """[(choice, label)] of what can be asked: served checkpoints, then weights of this Studio."""
    served = [(ENDPOINT + one.name, one.name) for one in endpoints.ready() if one.physvlm]
    return served, [(choice.id, choice.label) for choice in choices.weights()]


def address(model, run):
    """(base_url, key, model id) of a server for this model, started first where it is one of our own."""
    if model.startswith(ENDPOINT):
        try:
            endpoint = endpoints.find(model.removeprefix(ENDPOINT))
        except endpoints.NoModel as refusal:
            raise CannotAsk(refusal.args[0]) from refusal
        return endpoint.base_url, endpoint.key(), endpoint.model
    own = _own(model, run)
    return own.base_url, own.token, ""


def _own(model, run):
    global _kept
    if _kept and (_kept.model != model or _kept.process.poll() is not None):
        end()
    if _kept is None:
        _kept = _start(model, run)
    return _kept


def end():
    """End the server that is kept, if any."""
    global _kept
    if _kept:
        _kept.end()
        _kept = None


atexit.register(end)


def _start(model, run):
    try:
        path = choices.path_of_weights(model)
    except choices.CannotTrain as refusal:
        raise CannotAsk(refusal.args[0]) from refusal
    token, said = secrets.token_urlsafe(32), tempfile.TemporaryFile()
    command = [
        sys.executable, str(settings.BASE_DIR / "manage.py"), "serve_physvlm", str(path), "--port", "0", "--name", model,
        "--idle-exit", str(round(settings.ASK_IDLE_S)), "--max-body-mb", "256", "--queue", "4", "--seconds", "300",
        "--with-parent",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=settings.BASE_DIR, env={**os.environ, "PHYSVLM_SERVE_TOKEN": token},
        stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
    )  # fmt: skip
    own = Own(model, process, said, "", token)
    try:
        while True:
            found = _READY.search(_text(said))
            if found:
                own.base_url = found[1]
                return own
            if process.poll() is not None:
                lines = [line for line in _text(said).splitlines() if line.strip()]
                why = lines[-1].removeprefix("CommandError: ") if lines else f"code {process.returncode}"
                raise jobs.JobFailed(say("The model did not start: %(why)s", why=why[:500]))
            run.check()
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
    except BaseException:
        own.end()
        raise


def _text(file):
    return os.pread(file.fileno(), 1 << 20, 0).decode("utf-8", "replace")
