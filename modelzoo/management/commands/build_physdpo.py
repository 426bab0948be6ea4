"""Make PhysDPO pairs of accepted PhysInstruct answers; run again, it goes on where it was stopped."""

from fractions import Fraction

from django.core.management.base import BaseCommand, CommandError

from modelzoo.instruct import figures, opposing
from modelzoo.instruct.terminal import tell_plan, wait
from studio.llm import endpoints


class Command(BaseCommand):
    help = "Let a misled model answer questions whose true answer is accepted, and let a judge say whether it erred."

    def add_arguments(self, parser):
        parser.add_argument("--model", metavar="M", help="a name out of STUDIO_LLM_MODELS; the first with a key without it")
        parser.add_argument("--judge", metavar="M", help="who judges; the same model without it")
        ways = "meta, temporal, spatial, or several at once with +; meta temporal spatial without it"
        parser.add_argument("--ways", nargs="+", default=list(opposing.WAYS), metavar="WAY", help=ways)
        parser.add_argument("--frames", type=int, default=1, help="frames shown where the way is temporal (1)")
        parser.add_argument("--scale", default="1/16", help="of each side where the way is spatial (1/16)")
        parser.add_argument("--limit", type=int, metavar="N", help="at most this many samples")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be asked, and what it can cost")

    def handle(self, *, model, judge, ways, frames, scale, limit, dry_run, **options):
        try:
            settings = opposing.Settings.read(ways=ways, frames=frames, scale=Fraction(scale))
            plan = opposing.plan(settings, model=model, judge=judge, limit=limit)
        except (ValueError, ZeroDivisionError) as fault:
            raise CommandError(str(fault))
        except endpoints.NoModel as refusal:
            raise CommandError(str(refusal))
        tell_plan(self.stdout, plan, f"{len(plan.clips)} clips", "Only pairs that need no model are made.")
        if dry_run or not plan.clips:
            return
        job = opposing.start(plan, settings, judge=judge)
        wait(self.stdout, job)
        self.stdout.write(figures.told(job))
