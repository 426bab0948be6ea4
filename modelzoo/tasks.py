"""Celery's side of the training runs."""

from celery import shared_task

from modelzoo.runs import watch


@shared_task
def watch_runs():
    watch.look()
