"""Make the fingerprints of clips that have none, as a background job."""

from django.core.management.base import BaseCommand

from annotator import prints
from studio.waiting import refuse_unless_done, wait_for


class Command(BaseCommand):
    help = "Make the fingerprints of ready clips that have none (or an older kind), so that near-duplicates are found."

    def add_arguments(self, parser):
        parser.add_argument("--again", action="store_true", help="of all ready clips, also of those that have one")

    def handle(self, *, again, **options):
        if not prints.missing(again).exists():
            self.stdout.write("Every ready clip has its fingerprint.")
            return
        job = wait_for(prints.start(again=again), self.stdout, lambda job: f"{job.done} of {job.total} clips")
        refuse_unless_done(job)
        self.stdout.write(f"{job.result['made']} fingerprints made; near-duplicates are looked for in the background.")
