"""Make PhysInstruct conversations about training clips; run again, it goes on where it was stopped."""

from django.core.management.base import BaseCommand, CommandError

from modelzoo.instruct import building, figures
from modelzoo.instruct.terminal import tell_plan, wait
from studio.llm import endpoints


class Command(BaseCommand):
    help = "Ask a vision model for conversations about training clips. Answered requests are never paid again."

    def add_arguments(self, parser):
        parser.add_argument("--model", metavar="M", help="a name out of STUDIO_LLM_MODELS; the first with a key without it")
        parser.add_argument("--frames", type=int, default=building.FRAMES, help="frames shown of each clip (8)")
        parser.add_argument("--limit", type=int, metavar="N", help="at most this many clips")
        parser.add_argument("--again", action="store_true", help="also clips that were asked about")
        parser.add_argument("--accept", action="store_true", help="accept what passes the rules, without a person")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be asked, and what it can cost")

    def handle(self, *, model, frames, limit, again, accept, dry_run, **options):
        if frames < 1:
            raise CommandError("A model must see at least one frame.")
        try:
            plan = building.plan(model=model, wanted=frames, limit=limit, again=again)
        except endpoints.NoModel as refusal:
            raise CommandError(str(refusal))
        tell_plan(self.stdout, plan, f"{len(plan.clips)} training clips", "GlitchWorld's own pairs are used instead.")
        if dry_run or not plan.clips:
            return
        job = building.start(plan, wanted=frames, accept=accept)
        wait(self.stdout, job)
        self.stdout.write(figures.told(job))
