"""Whether the worker of this process is told to stop: by SIGTERM or Ctrl-C, as a deploy and `docker stop` do it.

`Run.check()` looks here. What is under way comes to its end, a request to a language model is answered and stored; nothing
new begins, and the job goes back to its queue for another worker.
"""

import mmap
import os
import signal
import threading
from contextlib import contextmanager

# One byte shared with the processes that a worker forks for its jobs. Where it does not fork them they are not told, and
# it waits until their jobs are done.
_worker = mmap.mmap(-1, 1)
_in_pool = False
_alone = False  # whether this process was told, by a signal of its own


def is_asked():
    return _alone or _worker[0] != 0


def ask_worker():
    """Tell all processes of this worker."""
    _worker[0] = 1


def begin_pool_process():
    """Say that this is a process of a worker's pool, which supervisord or systemd may signal beside the worker itself."""
    global _in_pool
    _in_pool = True


@contextmanager
def working():
    """Around a job in a worker: SIGTERM lets the job end in good order first; a second one ends the process at once."""
    if not _in_pool or threading.current_thread() is not threading.main_thread():
        yield
        return

    def told(_signal, _frame):
        global _alone
        _alone = True
        signal.signal(signal.SIGTERM, before)

    before = signal.signal(signal.SIGTERM, told)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        if _alone and not _worker[0]:  # the worker stays: it makes another process in place of this one
            os.kill(os.getpid(), signal.SIGTERM)
