from celery import shared_task

from annotator import leftovers, queue
from annotator.sources import sites


@shared_task
def free_expired_leases():
    queue.free_expired_leases()


@shared_task
def fetch_what_waits():
    sites.ring_all()


@shared_task
def remove_leftovers_by_night():
    leftovers.start()
