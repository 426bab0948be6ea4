"""A Studio with an empty database of its own, and pages asked for through all of Django."""

import os
import statistics
import time
from contextlib import contextmanager


@contextmanager
def empty_studio():
    """Django is set up within, over a migrated empty database that is gone afterwards. Import models within, too."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
    os.environ.setdefault("STUDIO_LOG_LEVEL", "WARNING")

    import django

    django.setup()
    from django.db import connection
    from django.test.utils import setup_databases, setup_test_environment, teardown_databases

    setup_test_environment(debug=False)
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        yield
    finally:
        connection.close()
        teardown_databases(databases, verbosity=0)


def ask(client, address, *, rounds, before=lambda: None):
    """(middle ms, slowest ms, SQL statements) of a page; `before` runs before each request, and the first warms up."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    times = []
    for _round in range(rounds + 1):
        before()
        started = time.perf_counter()
        response = client.get(address)
        times.append((time.perf_counter() - started) * 1000)
        if response.status_code != 200:
            raise SystemExit(f"{address} answered {response.status_code}")
    with CaptureQueriesContext(connection) as captured:
        client.get(address)
    return statistics.median(times[1:]), max(times[1:]), len(captured)
