"""See how much of the key two local classifiers can tell from the text alone. Asks nobody, costs nothing."""

import time

from django.core.management.base import BaseCommand, CommandError

from qc.baseline import chance, probes, runs
from qc.baseline.models import BaselineRun
from studio.health import worker_command, worker_missing
from studio.models import Job
from studio.terminal import Line


class Command(BaseCommand):
    help = "Judge all submitted questions by the local text-only baseline, in a worker, and print its figures."

    def handle(self, **options):
        job = runs.start()
        try:
            job = self.wait(job)
        except KeyboardInterrupt:
            raise CommandError(f"Not waiting any more; job {job.pk} goes on in its worker.", returncode=130)
        if job.state != Job.State.DONE:
            raise CommandError(f"The job {job.get_state_display().lower()}: {job.error or 'see the job’s page.'}")
        self.tell(BaselineRun.objects.get(job=job))

    def wait(self, job):
        line, warned = Line(self.stdout), False
        while (job := Job.objects.get(pk=job.pk)).is_active:
            line.show(f"step {job.done} of {job.total or '?'}")
            if not warned and worker_missing("cpu"):
                warned = True
                line.end()
                self.stdout.write(f"No worker serves the queue “cpu”; start one with: {worker_command('cpu')}")
            time.sleep(0.3)
        line.end()
        return job

    def tell(self, made):
        self.stdout.write(f"{made.questions} questions of {made.families} clip families, {made.seconds:.1f} s.")
        if not made.learned:
            self.stdout.write("Too few clips to learn from; only the rules of thumb were tried.")
        elif made.learned < made.questions:
            self.stdout.write(f"Learned from {made.learned} of them, chosen at random; all were judged.")
        for name, figure in (made.figures | {p.name: made.probes[p.name] for p in probes.PROBES}).items():
            told = f"{100 * figure['share']:5.1f} %  [{100 * figure['low']:.1f}, {100 * figure['high']:.1f}]"
            self.stdout.write(f"{name:16s} {told}  n = {figure['n']}  p = {figure['p']:.3g}  {figure['verdict']}")
        if made.questions < chance.NEEDED:
            self.stdout.write(f"Below {chance.NEEDED} questions, 30 % cannot be told from 25 %.")
