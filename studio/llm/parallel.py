"""Several things at once, as long as each of them mostly waits for a language model."""

from concurrent.futures import ThreadPoolExecutor, as_completed

from django.conf import settings
from django.db import connection


def each(items, work):
    """Do the work for each item, `LLM_PARALLEL` at once, and yield as each is done; the first exception stops the rest."""
    if settings.LLM_PARALLEL == 1:
        yield from map(work, items)
        return

    def in_thread(item):
        try:
            return work(item)
        finally:
            connection.close()

    with ThreadPoolExecutor(settings.LLM_PARALLEL) as pool:
        futures = [pool.submit(in_thread, item) for item in items]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            for future in futures:
                future.cancel()
