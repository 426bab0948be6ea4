"""Celery's side of studio.jobs, and a harmless job that shows that workers work."""

import time

from celery import shared_task
from django.core.cache import cache
from django.utils import timezone
from django.utils.translation import gettext_noop

from studio import jobs, stopping
from studio.health import BEAT_KEY


@shared_task
def run_job(job_id):
    with stopping.working():
        jobs.run(job_id)


@shared_task
def sweep():
    jobs.sweep()
    cache.set(BEAT_KEY, timezone.now().isoformat(timespec="seconds"), 120)  # the health page looks for this mark


@jobs.job("studio.selfcheck", queue="io")
def selfcheck(run, *, steps=10, pause_s=0.2):
    """Count to `steps`: shows that a worker takes jobs, reports progress and stops when asked."""
    for step in range(steps):
        run.progress(step, steps, unit=gettext_noop("steps"))
        time.sleep(pause_s)
    run.progress(steps, steps, unit=gettext_noop("steps"))
    run.log(f"Counted to {steps}.")
    return {"steps": steps}
