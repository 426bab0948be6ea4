"""Asking: the store first, else claim, reserve, send and settle, and again where that makes sense.

Whatever dies, an answer is paid once: a call is marked `sent` under its job's run token before the request leaves, and
nobody sends it again while that attempt of the job lives. When the sweep has found the job lost, the call is sent again;
what had left without a reply may be billed by the provider, and is counted as such.
"""

import logging
import random
import time

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from studio.jobs import JobFailed
from studio.llm import budget, pace, wire
from studio.llm.models import LLMBatch, LLMCall
from studio.models import Job

logger = logging.getLogger(__name__)
POLL_S = 0.2


class CallFailed(JobFailed):
    """A request that got no answer after all tries; the sentence says what the last one met."""


def ask(request, *, endpoint, purpose, run, repeat=0):
    """The answered `LLMCall` of a request: from the store, else bought now, by this or by another worker.

    Raises `CallFailed`, `budget.BudgetSpent`, or what `run.check()` raises.
    """
    call = stored(request, endpoint=endpoint, purpose=purpose, repeat=repeat)
    tries = 0
    while call.state != LLMCall.State.ANSWERED:
        run.check()
        if call.state == LLMCall.State.SENT and not _free().filter(pk=call.pk).exists():
            time.sleep(POLL_S)  # another worker has sent it and waits for the reply
        else:
            pace.wait_for_turn(endpoint, request.most_tokens_in + request.most_tokens_out, run)
            if claim(call, request, endpoint, run):
                _try(call, request, endpoint, run, last=tries + 1 >= settings.LLM_TRIES)
                tries += 1
        call.refresh_from_db()
        if call.state == LLMCall.State.FAILED and tries:
            raise CallFailed(call.error)
        if call.state == LLMCall.State.QUEUED and tries:
            pace.sleep(_backoff_s(tries), run)
    return call


def stored(request, *, endpoint, purpose, repeat=0):
    """The row of a request, made if it is new."""
    new = LLMCall(
        purpose=purpose,
        endpoint=endpoint.name,
        model=request.model,
        request_hash=request.hash,
        repeat=repeat,
        request=request.body(),
    )
    # `pk` is set where the row was really made; else it was there.
    if LLMCall.objects.bulk_create([new], ignore_conflicts=True)[0].pk:
        return new
    return LLMCall.objects.get(request_hash=new.request_hash, repeat=repeat)


def _free():
    """Calls that may be sent: nobody has, or whoever has is dead and no batch at a provider goes on with it."""
    alive = Job.objects.filter(pk=OuterRef("job_id"), state=Job.State.RUNNING, run_token=OuterRef("run_token"))
    in_batch = LLMBatch.objects.filter(
        pk=OuterRef("batch_id"),
        state__in=[LLMBatch.State.PREPARING, LLMBatch.State.SENT],
        job__state__in=[Job.State.QUEUED, Job.State.RUNNING],
    )
    waiting = Q(state__in=[LLMCall.State.QUEUED, LLMCall.State.FAILED])
    return LLMCall.objects.filter(waiting | Q(state=LLMCall.State.SENT) & ~Exists(alive) & ~Exists(in_batch))


@transaction.atomic
def claim(call, request, endpoint, run, *, batch=None):
    """Mark the call as sent by this attempt of the job and reserve its most money; False if somebody else was first."""
    before = _free().select_for_update(of=("self",)).filter(pk=call.pk).first()
    if before is None:
        return False
    if before.state == LLMCall.State.SENT:
        _settle_lost(before)
    most = endpoint.price(request.most_tokens_in, request.most_tokens_out, batch=batch is not None) or 0
    budget.reserve(run.job, most)
    LLMCall.objects.filter(pk=call.pk).update(
        state=LLMCall.State.SENT,
        job=run.job,
        run_token=run.job.run_token,
        batch=batch,
        endpoint=endpoint.name,
        attempts=F("attempts") + 1,
        reserved_usd=most,
        error="",
        sent_at=timezone.now(),
    )
    return True


def _settle_lost(call):
    """A request that left and whose reply never came: count it as spent at the most it can have cost."""
    logger.warning("The reply to %s was lost with its worker; the provider may bill it.", call)
    budget.settle(call.job_id, _day(call), reserved=call.reserved_usd, spent=call.reserved_usd)
    LLMCall.objects.filter(pk=call.pk).update(lost=F("lost") + 1, lost_usd=F("lost_usd") + F("reserved_usd"), reserved_usd=0)


def _day(call):
    return f"day {call.sent_at:%Y-%m-%d}"


def _try(call, request, endpoint, run, *, last):
    """Send one claimed call and store what came of it."""
    call.refresh_from_db()
    try:
        reply = wire.send(endpoint, request)
    except wire.Failure as failure:
        wait_s = failure.retry_after_s or 0
        if wait_s:
            pace.block(endpoint, wait_s)
        store_failure(call, failure, give_up=last or not failure.again or wait_s > settings.LLM_LONGEST_WAIT_S)
        logger.warning("%s, try %s: %s", call, call.attempts, failure)
    else:
        store_reply(call, reply, endpoint)


def _mine(call):
    return LLMCall.objects.filter(pk=call.pk, state=LLMCall.State.SENT, run_token=call.run_token)


@transaction.atomic
def store_failure(call, failure, *, give_up):
    """Put a claimed call back, or give it up; what may be billed all the same counts as spent."""
    spent = call.reserved_usd if failure.maybe_billed else 0
    state = LLMCall.State.FAILED if give_up else LLMCall.State.QUEUED
    changes = {"lost": F("lost") + 1, "lost_usd": F("lost_usd") + spent} if failure.maybe_billed else {}
    if _mine(call).update(state=state, error=failure.sentence, run_token=None, reserved_usd=0, **changes):
        budget.settle(call.job_id, _day(call), reserved=call.reserved_usd, spent=spent)


@transaction.atomic
def store_reply(call, reply, endpoint):
    """Keep a reply and settle its price; False, and nothing kept, where this attempt was taken for dead meanwhile."""
    price = endpoint.price(reply.tokens_in or 0, reply.tokens_out or 0, batch=call.batch_id is not None)
    if price is not None and (reply.tokens_in is None or reply.tokens_out is None):
        price = call.reserved_usd  # the server counted nothing, so it is taken for the most it can be
    stored = _mine(call).update(
        state=LLMCall.State.ANSWERED,
        reply=reply.body.replace("\x00", ""),
        text=reply.text,
        finish_reason=reply.finish_reason,
        served_model=reply.served_model,
        tokens_in=reply.tokens_in,
        tokens_out=reply.tokens_out,
        price_usd=price,
        reserved_usd=0,
        latency_s=reply.latency_s,
        answered_at=timezone.now(),
    )
    if stored:
        budget.settle(call.job_id, _day(call), reserved=call.reserved_usd, spent=price or 0)
    else:
        logger.warning("A reply to %s came after its attempt was taken for dead; it is not stored.", call)
    return bool(stored)


def _backoff_s(tries):
    """Seconds before the next try: doubling, with full jitter so that workers do not come back together."""
    return random.uniform(0, min(settings.LLM_LONGEST_WAIT_S, settings.LLM_BACKOFF_S * 2**tries))
