"""One at a time per site, across all workers: whoever fetches holds the site's row until it lets go or falls silent."""

import time
import uuid
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from annotator.models import Site, SourceItem
from studio import jobs
from studio.sentences import say

KIND = "annotator.fetch"
HELD_S = 60  # a holder that is silent for so long is dead; its child process ended with it
LONGEST_PAUSE_S = 86400


class Turn:
    """The right to fetch from a site. `renew` it at least every HELD_S; it raises jobs.LostClaim once it is lost."""

    def __init__(self, site, holder):
        self.site = site
        self.holder = holder
        self._renewed = time.monotonic()
        self._pause = None

    def _mine(self):
        return Site.objects.filter(name=self.site, holder=self.holder)

    def renew(self):
        now = time.monotonic()
        if now - self._renewed < HELD_S / 6:
            return
        if not self._mine().update(held_until=timezone.now() + timedelta(seconds=HELD_S)):
            raise jobs.LostClaim
        self._renewed = now

    def pause(self, seconds, reason):
        """Let the whole site rest when this turn ends, and say why."""
        self._pause = min(seconds, LONGEST_PAUSE_S), reason

    @property
    def is_paused(self):
        return self._pause is not None

    def end(self):
        now = timezone.now()
        changes = {"holder": None, "held_until": now, "next_at": now + timedelta(seconds=settings.FETCH_SLEEP_S)}
        changes |= {"pauses": 0, "reason": ""}
        if self._pause:
            pauses = self._mine().values_list("pauses", flat=True).first() or 0
            rest = timedelta(seconds=max(self._pause[0], settings.FETCH_SLEEP_S))
            changes |= {"next_at": now + rest, "pauses": min(pauses + 1, 1000), "reason": self._pause[1]}
        self._mine().update(**changes)


def take(site):
    """A Turn if the site is free and rested, else None. One guarded UPDATE decides."""
    Site.objects.bulk_create([Site(name=site)], ignore_conflicts=True)
    now, holder = timezone.now(), uuid.uuid4()
    free = Q(holder=None) | Q(held_until__lt=now)
    taken = Site.objects.filter(free, name=site, next_at__lte=now).update(
        holder=holder, held_until=now + timedelta(seconds=HELD_S)
    )
    return Turn(site, holder) if taken else None


@contextmanager
def turn(site, *, check):
    """Wait for the site's turn; `check()` is called while waiting and may raise to stop."""
    while (got := take(site)) is None:
        check()
        time.sleep(0.2)
    try:
        yield got
    finally:
        got.end()


def ring(site):
    """Queue the job that fetches what waits at a site; one per site."""
    title = say("Fetch clips from %(site)s", site=site)
    return jobs.enqueue(KIND, key=f"fetch-{site}", title=title, site=site)


def ring_all():
    """Queue the jobs of all sites where something waits whose time has come; returns the sites."""
    now = timezone.now()
    waiting = SourceItem.objects.filter(
        Q(state=SourceItem.State.WAITING, next_at__lte=now) | Q(state=SourceItem.State.FETCHING)
    )
    later = now + timedelta(seconds=settings.FETCH_SLEEP_S)
    resting = set(Site.objects.filter(next_at__gt=later).values_list("name", flat=True))
    found = sorted(set(waiting.order_by().values_list("host", flat=True).distinct()) - resting)
    for site in found:
        ring(site)
    return found
