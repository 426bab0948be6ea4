"""The demo's finished chain: approved questions, sealed releases, SFT, DPO, a checkpoint and its figures."""

from django.core.management.base import BaseCommand, CommandError

from modelzoo import demo_chain
from studio.models import User


class Command(BaseCommand):
    help = (
        "Take the demo's questions to a checkpoint, in the background: rows for training, sealed releases, and a short"
        " SFT and DPO of the tiny model, measured under every protocol. Run again, it goes on with what is missing and"
        " changes nothing else."
    )

    def add_arguments(self, parser):
        how_many = f"steps of each of the two runs ({demo_chain.STEPS})"
        parser.add_argument("--steps", type=int, default=demo_chain.STEPS, metavar="N", help=how_many)

    def handle(self, *, steps, **options):
        if steps < 1:
            raise CommandError(f"--steps {steps}: must be 1 or more.")
        job = demo_chain.start(by=User.objects.filter(username="lead").first(), steps=steps)
        if job is None:
            self.stdout.write("The demo's training is there already; see the page Training.")
        else:
            self.stdout.write(
                "A tiny model is being trained on the demo's questions; see the pages Releases, Training and Leaderboard."
            )
