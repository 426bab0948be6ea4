"""The folder of one training run: what was asked, where it stands, and what it measured.

One process writes it, the first trainer, which holds a lock on it. Files that are replaced are replaced whole; lines are
appended whole. So pages and people may read at any time.
"""

import fcntl
import json
import os
import socket
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil

from modelzoo.physvlm.files import write_json, write_text

FORMAT = "physvlm-run-1"
STATES = ("queued", "running", "finished", "failed", "stopped", "interrupted")
_BEAT_S = 2.0


class RunError(Exception):
    """The run cannot start or go on; the sentence says why and what to do."""


def now():
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_json(path, default=None):
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return default


def read_lines(path):
    """The objects of a file of JSON lines; a last line that is still being written is left out."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.split("\n")[:-1]]


class RunFolder:
    """Paths and writers of a run. Use `with folder.held():` around the work."""

    def __init__(self, path):
        self.path = Path(path)
        self.checkpoints = self.path / "checkpoints"
        self.data = self.path / "data"
        self.model = self.path / "model"
        self._beat = {"phase": "starting", "done": 0, "total": 0, "step": 0, "steps": 0, "eta_s": None}
        self._over = threading.Event()
        self._lock = self._thread = None

    # ---- the lock and the sign of life

    def __enter__(self):
        """Take the folder; RunError if another trainer has it."""
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = open(self.path / "lock", "a")  # noqa: SIM115
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise RunError(
                f"{self.path} is being trained by another process. Wait for it, or choose another --out."
            ) from None
        self._thread = threading.Thread(target=self._beats, daemon=True, name="heartbeat")
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._over.set()
        self._thread.join()
        self._write_beat()
        self._lock.close()

    def _beats(self):
        while not self._over.is_set():
            self._write_beat()
            self._over.wait(_BEAT_S)

    def _write_beat(self):
        process = {"pid": os.getpid(), "process_started": psutil.Process().create_time(), "host": socket.gethostname()}
        write_json(self.path / "heartbeat.json", {**process, "time": time.time(), **self._beat})

    def beat(self, **values):
        """What the next sign of life says: phase, done, total, step, steps, eta_s."""
        self._beat = {**self._beat, **values}

    # ---- what was asked, and the state

    @property
    def spec(self):
        return read_json(self.path / "spec.json")

    def write_spec(self, spec):
        write_json(self.path / "spec.json", {"format": FORMAT, **spec})

    @property
    def state(self):
        return read_json(self.path / "state.json", {"state": "", "attempt": 0, "step": 0, "steps": 0, "error": ""})

    def write_state(self, state, *, error="", **values):
        write_json(self.path / "state.json", {**self.state, "state": state, "since": now(), "error": error, **values})

    def asked_to_stop(self):
        return (self.path / "stop").exists()

    # ---- lines

    def append(self, name, value):
        """One more line of a file; a line that a killed process left unfinished is cut off first."""
        path = self.path / name
        with open(path, "ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    file.seek(0)
                    whole = file.read().rfind(b"\n") + 1
                    file.truncate(whole)
            file.write(json.dumps(value, ensure_ascii=False).encode() + b"\n")

    def cut_after(self, step):
        """Forget what was measured after `step`: a resumed run measures it again."""
        for name in ("metrics.jsonl", "samples.jsonl"):
            lines = read_lines(self.path / name)
            kept = [line for line in lines if line["step"] <= step]
            if len(kept) != len(lines) or (self.path / name).exists():
                write_text(self.path / name, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in kept))

    def log(self, text):
        with open(self.path / "log.txt", "a", encoding="utf-8") as file:
            file.write(f"{now()} {text}\n")
