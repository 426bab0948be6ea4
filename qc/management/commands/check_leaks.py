"""Ask language models for the answers to questions without their clips; run again, it goes on where it was stopped."""

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Sum

from qc import leaks
from qc.leak_models import LeakCheck
from studio.llm import budget, endpoints
from studio.llm.models import LLMCall
from studio.waiting import refuse_unless_done, wait_for


class Command(BaseCommand):
    help = "Check questions for leaks: those without a verdict, or all with --all. Answered requests are never paid again."

    def add_arguments(self, parser):
        names = "names out of STUDIO_LLM_MODELS, all that have a key without it; their verdict counts"
        parser.add_argument("--model", action="extend", nargs="+", metavar="M", help=names)
        parser.add_argument("--all", action="store_true", help="those that have a verdict, too")
        parser.add_argument("--limit", type=int, metavar="N", help="at most this many questions")
        parser.add_argument("--batch", action="store_true", help="through the Batch API: half the price, within a day")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be asked, and what it can cost")

    def handle(self, *, model, all, limit, batch, dry_run, **options):  # noqa: A002 -- the name of the option
        leaks.tidy()
        try:
            ready = [endpoints.find(name) for name in model] if model else endpoints.ready()
            if not ready:
                raise endpoints.NoModel(endpoints.why_none())
            revisions = leaks.unchecked(again=all)
            revisions = list(revisions[: max(0, limit)] if limit is not None else revisions)
            self.tell_plan(revisions, ready, batch)
            if dry_run or not revisions:
                return
            job, _count = leaks.start([revision.pk for revision in revisions], models=model, batch=batch)
        except endpoints.NoModel as refusal:
            raise CommandError(str(refusal))
        if job is None:
            self.stdout.write("Somebody else is checking them just now.")
            return
        told = lambda job: f"{job.done} of {job.total} questions, ${job.cost_usd:.4f}"  # noqa: E731
        self.tell_found(wait_for(job, self.stdout, told))

    def tell_plan(self, revisions, ready, batch):
        rule = leaks.rule()
        names = ", ".join(endpoint.name for endpoint in leaks.asked_by(rule, ready))
        self.stdout.write(f"{len(revisions)} questions to check with {names}, rule “{rule.name}”.")
        prices = [leaks.most_usd(revision, ready, rule) for revision in revisions]
        bound, limit = budget.spent_today()
        if None in prices:
            self.stdout.write("A price is unknown, so nobody can say what it costs; give price_in and price_out.")
        elif prices:
            most = sum(prices) / (2 if batch else 1)
            self.stdout.write(f"It costs at most ${most:.4f}. Of today's ${limit:.2f}, ${bound:.4f} is spent or reserved.")

    def tell_found(self, job):
        checks = LeakCheck.objects.filter(job=job)
        states = list(checks.values_list("state", flat=True))
        told = ", ".join(f"{states.count(state)} {state.value}" for state in LeakCheck.State if state in states)
        lost = LLMCall.objects.filter(job=job).aggregate(Sum("lost_usd"))["lost_usd__sum"] or 0
        self.stdout.write(f"{told}. Spent ${job.cost_usd:.4f}.")
        if lost:
            self.stdout.write(f"${lost:.4f} of it is for requests without a reply, at the most they can have cost.")
        refuse_unless_done(job)
        if LeakCheck.State.FAILED in states:
            reason = checks.filter(state=LeakCheck.State.FAILED).first().reason
            raise CommandError(f"{states.count('failed')} checks failed; the first: {reason} Run it again to make them.")
