"""Loaded before Django reads its settings: each process of `pytest -n` gets PostgreSQL, Redis and media of its own."""

import atexit
import os
import subprocess
import sys
from pathlib import Path


def _local(what):
    subprocess.run([sys.executable, "-m", "studio.local", what], check=True, stdout=subprocess.DEVNULL)


if "PYTEST_XDIST_WORKER" in os.environ and "STUDIO_DATA_DIR" in os.environ:
    os.environ["STUDIO_DATA_DIR"] = str(Path(os.environ["STUDIO_DATA_DIR"]) / os.environ["PYTEST_XDIST_WORKER"])
    _local("start")
    atexit.register(_local, "stop")
