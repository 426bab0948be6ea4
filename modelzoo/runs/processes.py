"""Processes of training runs on this machine: starting them, knowing them again, ending them.

A process is known by its id and by when it started, because an id is used again. All processes of one attempt carry its
token in their environment, so those that outlived their parent are found as well.
"""

import contextlib
import os
import signal
import socket
import subprocess
from datetime import UTC, datetime

import psutil
from django.conf import settings

from modelzoo.runs import folder

TOKEN = "STUDIO_RUN_TOKEN"  # noqa: S105 -- the name of a variable
_SAME_START_S = 2.0  # the kernel's boot time, from which starts are counted, moves as the clock is set


def host():
    return socket.gethostname()


def find(pid, started):
    """The living process of that id and start time, else None. A zombie is dead, and is laid to rest if it is ours."""
    if not pid or started is None or pid < 2:
        return None
    try:
        process = psutil.Process(pid)
        if abs(process.create_time() - started) > _SAME_START_S:
            return None
        if process.status() == psutil.STATUS_ZOMBIE:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            return None
    except psutil.Error:
        return None
    return process


def of_heartbeat(beat):
    """The living process that a run's heartbeat names, if it is one of this machine."""
    pid, started = beat.get("pid"), beat.get("process_started")
    if beat.get("host") != host() or not isinstance(pid, int) or not isinstance(started, int | float):
        return None
    return find(pid, started)


def with_token(token):
    """All living processes of one attempt."""
    found, wanted = [], str(token)
    for process in psutil.process_iter() if token else ():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(TOKEN) == wanted and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def start(command, *, path, token):
    """Start a trainer in a session of its own, so that it outlives whoever starts it. Returns (pid, start time)."""
    with open(path / folder.CONSOLE, "ab") as console:
        console.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} $ {' '.join(command)}\n".encode())
        console.flush()
        process = subprocess.Popen(
            command,
            cwd=settings.BASE_DIR,
            env={**os.environ, TOKEN: str(token), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    process.returncode = 0  # its end is noticed by `find`; Python should not warn that nobody waited
    return process.pid, psutil.Process(process.pid).create_time()


def terminate(process):
    """Ask a process to save and end. psutil makes sure that it is still the same process."""
    with contextlib.suppress(psutil.Error):
        process.send_signal(signal.SIGTERM)


def kill(processes):
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()


def family(process):
    """A process and what it started: for runs that carry no token of ours."""
    with contextlib.suppress(psutil.Error):
        return [process, *process.children(recursive=True)]
    return [process]
