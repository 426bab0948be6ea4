"""Requests and tokens a minute, shared by all workers through one row an endpoint.

Each request books its place in time with one UPDATE (a leaky bucket: places are 60 / rpm seconds apart, and a few may go
together after a pause). A provider's Retry-After moves the row on for everybody.
"""

import time
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from studio.llm.models import LLMPace

BURST_S = 6.0  # a tenth of the minute's allowance may go at once
_BOOK = """
UPDATE studio_llmpace SET
    requests_at = greatest(requests_at, clock_timestamp() - %(burst)s) + %(request)s,
    tokens_at = greatest(tokens_at, clock_timestamp() - %(burst)s) + %(tokens)s
WHERE endpoint = %(endpoint)s
RETURNING extract(epoch FROM greatest(requests_at - %(request)s, tokens_at - %(tokens)s) - clock_timestamp())::float
"""


def wait_for_turn(endpoint, tokens, run):
    """Sleep until a request of so many tokens may leave; `run.check()` may end the wait."""
    if endpoint.rpm or endpoint.tpm:
        LLMPace.objects.bulk_create([LLMPace(endpoint=endpoint.name)], ignore_conflicts=True)
        with connection.cursor() as cursor:
            cursor.execute(
                _BOOK,
                {
                    "endpoint": endpoint.name,
                    "burst": timedelta(seconds=BURST_S),
                    "request": timedelta(seconds=60 / endpoint.rpm if endpoint.rpm else 0),
                    "tokens": timedelta(seconds=60 * tokens / endpoint.tpm if endpoint.tpm else 0),
                },
            )
            sleep(cursor.fetchone()[0], run)
    while (blocked := _blocked_s(endpoint)) > 0:
        sleep(blocked, run)


def _blocked_s(endpoint):
    until = LLMPace.objects.filter(pk=endpoint.name).values_list("blocked_until", flat=True).first()
    return (until - timezone.now()).total_seconds() if until else 0


def block(endpoint, seconds):
    """Nobody asks this endpoint for so long."""
    until = timezone.now() + timedelta(seconds=seconds)
    LLMPace.objects.bulk_create([LLMPace(endpoint=endpoint.name)], ignore_conflicts=True)
    LLMPace.objects.filter(pk=endpoint.name, blocked_until__lt=until).update(blocked_until=until)


def sleep(seconds, run):
    """Sleep in small pieces, so that a cancelled job ends soon."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        run.check()
        time.sleep(min(left, 0.5))
