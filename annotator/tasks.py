from celery import shared_task

from annotator import queue


@shared_task
def free_expired_leases():
    queue.free_expired_leases()
