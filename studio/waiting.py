"""How a command waits for the job it started: one line of progress, and a word where no worker would ever take it."""

import time

from django.core.management.base import CommandError

from studio.health import worker_command, worker_missing
from studio.models import Job
from studio.terminal import Line

LOOK_S = 0.3


def wait_for(job, stdout, told):
    """Wait until the job ends and return it as it is then. `told(job)` is the line of progress.

    CommandError with code 130 where somebody stops waiting; the job goes on in its worker.
    """
    line, warned = Line(stdout), False
    try:
        while (job := Job.objects.get(pk=job.pk)).is_active:
            line.show(told(job))
            if not warned and worker_missing(job.queue):
                warned = True
                line.end()
                stdout.write(f"No worker serves the queue “{job.queue}”; start one with: {worker_command(job.queue)}")
            time.sleep(LOOK_S)
    except KeyboardInterrupt:
        raise CommandError(f"Not waiting any more; job {job.pk} goes on in its worker.", returncode=130) from None
    line.end()
    return job


def refuse_unless_done(job):
    """CommandError with the job's own sentence, unless it ended well."""
    if job.state != Job.State.DONE:
        raise CommandError(f"The job {job.get_state_display().lower()}: {job.error or 'see the job’s page.'}")
