"""Make the fingerprints of clips that have none, as a background job."""

import time

from django.core.management.base import BaseCommand, CommandError

from annotator import prints
from studio.health import worker_command, worker_missing
from studio.models import Job
from studio.terminal import Line


class Command(BaseCommand):
    help = "Make the fingerprints of ready clips that have none (or an older kind), so that near-duplicates are found."

    def add_arguments(self, parser):
        parser.add_argument("--again", action="store_true", help="of all ready clips, also of those that have one")

    def handle(self, *, again, **options):
        if not prints.missing(again).exists():
            self.stdout.write("Every ready clip has its fingerprint.")
            return
        job = prints.start(again=again)
        line, warned = Line(self.stdout), False
        try:
            while (job := Job.objects.get(pk=job.pk)).is_active:
                line.show(f"{job.done} of {job.total} clips")
                if not warned and worker_missing("cpu"):
                    warned = True
                    line.end()
                    self.stdout.write(f"No worker serves the queue “cpu”; start one with: {worker_command('cpu')}")
                time.sleep(0.3)
        except KeyboardInterrupt:
            raise CommandError(f"Not waiting any more; job {job.pk} goes on in its worker.", returncode=130)
        line.end()
        if job.state != Job.State.DONE:
            raise CommandError(f"The job {job.get_state_display().lower()}: {job.error or 'see the job’s page.'}")
        self.stdout.write(f"{job.result['made']} fingerprints made; near-duplicates are looked for in the background.")
