"""The heartbeat of a process that works on an evaluation: killed without a word, it is found by its silence.

    with Beating(evaluation):
        ...

Several processes may share an evaluation; it lives as long as one of them beats.
"""

import logging
import socket
import threading

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone

from modelzoo.evaluation.models import Evaluation

logger = logging.getLogger(__name__)
State = Evaluation.State


class Beating:
    """Beats at once and then from a thread of its own until the block ends. A pause that was taken for an end is undone."""

    def __init__(self, evaluation):
        self.pk = evaluation.pk
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name=f"heartbeat-evaluation-{self.pk}", daemon=True)

    def __enter__(self):
        self._beat(Evaluation.UNFINISHED)
        self._thread.start()
        return self

    def __exit__(self, *_failure):
        self._stop.set()
        self._thread.join()

    def _beat(self, states):
        Evaluation.objects.filter(pk=self.pk, state__in=states).update(
            state=State.RUNNING, error="", host=socket.gethostname()[:255], heartbeat_at=timezone.now()
        )

    def _go_on(self):
        try:
            while not self._stop.wait(settings.JOB_HEARTBEAT_S):
                try:
                    self._beat([State.RUNNING, State.LOST])
                except DatabaseError:  # PostgreSQL is away; if it stays away the work itself will say so
                    logger.warning("Evaluation %s could not say that it lives.", self.pk, exc_info=True)
                    close_old_connections()
        finally:
            connection.close()
