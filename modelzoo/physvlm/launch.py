"""Several processes of one run on this machine: start them, pass signals on, end them together.

`torchrun` does the same for many machines; the trainer reads the same variables of the environment from either.
"""

import os
import signal
import socket
import subprocess
import time

_GRACE_S = 120  # a process that was told to stop may still have a large checkpoint to write


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(command, *, processes, grace_s=_GRACE_S):
    """Run `command` as `processes` processes; the exit code of the first that failed, else 0.

    SIGTERM and SIGINT go to all of them. When one fails the others are asked to end, and killed after `grace_s`.
    """
    shared = {
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes))),
    }
    children = []
    previous = {}

    def pass_on(number, _frame):
        for child in children:
            if child.poll() is None:
                child.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        previous[number] = signal.signal(number, pass_on)
    try:
        for rank in range(processes):
            environment = {**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)}
            children.append(subprocess.Popen(command, env=environment))
        return _watch(children, grace_s)
    finally:
        for child in children:
            if child.poll() is None:
                child.kill()
                child.wait()
        for number, handler in previous.items():
            signal.signal(number, handler)


def _watch(children, grace_s):
    failed, since = 0, None
    while any(child.poll() is None for child in children):
        codes = [child.returncode for child in children if child.returncode]
        if codes and since is None:
            failed, since = codes[0], time.monotonic()
            for child in children:
                if child.poll() is None:
                    child.terminate()
        if since is not None and time.monotonic() - since > grace_s:
            for child in children:
                if child.poll() is None:
                    child.kill()
        time.sleep(0.1)
    return failed or next((child.returncode for child in children if child.returncode), 0)
