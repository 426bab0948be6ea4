"""What both builds share: options, the plan that says what it costs, and a job that goes through its steps."""

from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import Avg
from django.utils import timezone

from modelzoo.instruct import firewall
from modelzoo.instruct.models import BuildStep
from studio.llm import endpoints
from studio.llm.models import LLMCall
from studio.llm.parallel import each


@dataclass
class Plan:
    """What a build would ask. Tokens and dollars are the most it can be; `usual_usd` goes by earlier calls, None: none."""

    endpoint: object = None
    calls: int = 0
    judge_calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    most_usd: Decimal | None = Decimal(0)
    usual_usd: Decimal | None = None
    refused: dict = field(default_factory=dict)  # {why: clips}
    no_model: str = ""
    clips: list = field(default_factory=list)
    steps: list = field(default_factory=list)

    def take(self, clips):
        """Keep those of the clips that may be used, and count why the others may not."""
        clips = list(clips)
        refusals = firewall.refusals(clips)
        for why in refusals.values():
            self.refused[str(why)] = self.refused.get(str(why), 0) + 1
        self.clips = [clip for clip in clips if clip.pk not in refusals]

    def add(self, request, times=1):
        self.tokens_in += request.most_tokens_in * times
        self.tokens_out += request.most_tokens_out * times

    def price(self, purposes):
        """Set the dollars, once everything is added."""
        self.most_usd = self.endpoint.price(self.tokens_in, self.tokens_out)
        usual = Decimal(0)
        for purpose, calls in purposes.items():
            before = LLMCall.objects.filter(
                purpose=purpose, endpoint=self.endpoint.name, state="answered", price_usd__isnull=False
            )
            price = before.aggregate(mean=Avg("price_usd"))["mean"]
            if price is None and calls:
                return
            usual += (price or 0) * calls
        self.usual_usd = usual


def endpoint_of(name):
    """The endpoint to ask: of that name, else the first that is ready; `NoModel` where none is."""
    ready = [endpoints.find(name)] if name else endpoints.ready()
    if not ready:
        raise endpoints.NoModel(endpoints.why_none())
    return ready[0]


def end(step, *, reason="", detail="", call=None):
    BuildStep.objects.filter(pk=step.pk, state=BuildStep.State.WAITING).update(
        state=BuildStep.State.FAILED if reason else BuildStep.State.DONE,
        reason=reason,
        detail=detail,
        call=call,
        finished_at=timezone.now(),
    )


def go_through(run, work):
    """Do every waiting step of a job; after a crash or a retry what is done stays done."""
    steps = BuildStep.objects.filter(job=run.job)
    total = steps.count()
    # A retried job makes again what only lacked a reply.
    steps.filter(state=BuildStep.State.FAILED, reason="no_reply").update(
        state=BuildStep.State.WAITING, reason="", detail="", finished_at=None
    )
    waiting = list(steps.filter(state=BuildStep.State.WAITING).select_related("clip", "sample").order_by("id"))
    done = total - len(waiting)
    run.progress(done, total, unit="calls")
    for _made in each(waiting, work):
        done += 1
        run.progress(done, total)
    return total
