"""Celery's side of training runs and evaluations."""

from celery import shared_task

from modelzoo.evaluation.models import Evaluation
from modelzoo.runs import watch


@shared_task
def watch_runs():
    watch.look()


@shared_task
def lose_silent_evaluations():
    Evaluation.objects.lose_silent()
