"""See how much of the key two local classifiers can tell from the text alone. Asks nobody, costs nothing."""

from django.core.management.base import BaseCommand

from qc.baseline import chance, probes, runs
from qc.baseline.models import BaselineRun
from studio.waiting import refuse_unless_done, wait_for


class Command(BaseCommand):
    help = "Judge all submitted questions by the local text-only baseline, in a worker, and print its figures."

    def handle(self, **options):
        job = wait_for(runs.start(), self.stdout, lambda job: f"step {job.done} of {job.total or '?'}")
        refuse_unless_done(job)
        self.tell(BaselineRun.objects.get(job=job))

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
