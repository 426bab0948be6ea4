"""The Celery application. Workers announce themselves per queue in the cache, so that pages can say when one is missing."""

import logging
import os

from celery import Celery, signals

from studio import stopping

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")

app = Celery("studio")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

WORKER_TTL_S = 15


def worker_key(queue):
    return f"worker-{queue}"


@signals.heartbeat_sent.connect
def announce(sender=None, **kwargs):
    """Sent every 2 s by the worker's main process; a queue without a fresh mark has no worker."""
    from django.core.cache import cache

    consumer = getattr(sender, "eventer", None)
    hostname = getattr(consumer, "hostname", "worker")
    try:
        cache.set_many({worker_key(queue): hostname for queue in app.amqp.queues}, WORKER_TTL_S)
    except Exception:  # a broker that is away for a moment must not end the heartbeat thread
        logging.getLogger(__name__).warning("Could not announce this worker", exc_info=True)


@signals.worker_shutting_down.connect
def stop_in_good_order(**kwargs):
    """Sent in the worker's main process by the first SIGTERM or Ctrl-C."""
    stopping.ask_worker()


@signals.worker_process_init.connect
def begin_process(**kwargs):
    stopping.begin_pool_process()


@signals.setup_logging.connect
def use_our_logging(**kwargs):
    """Connected so that Celery leaves the logging of settings.LOGGING alone."""
