"""The demo's finished chain: approved questions, sealed releases, SFT, DPO, a checkpoint."""

from django.core.management.base import BaseCommand

from modelzoo import demo_chain
from studio.models import User


class Command(BaseCommand):
    help = (
        "Take the demo's questions to a checkpoint, in the background: rows for training, sealed releases, and a short"
        " SFT and DPO of the tiny model. Run again, it goes on with what is missing and changes nothing else."
    )

    def handle(self, **options):
        job = demo_chain.start(by=User.objects.filter(username="lead").first())
        if job is None:
            self.stdout.write("The demo's training is there already; see the page Training.")
        else:
            self.stdout.write("A tiny model is being trained on the demo's questions; see the pages Releases and Training.")
