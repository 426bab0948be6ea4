"""Many requests through OpenAI's Batch API: one file goes up, its answers come down within a day, at half the price.

Whatever dies here, the batch goes on at the provider. Its row is made before anything leaves and names itself in the batch's
metadata, so a new attempt of the job finds it there and goes on waiting instead of sending it again.
"""

import io
import json
import logging

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from studio.jobs import Cancelled, JobFailed
from studio.llm import ask, pace, wire
from studio.llm.models import LLMBatch, LLMCall
from studio.sentences import say

logger = logging.getLogger(__name__)
LARGEST = 10_000  # requests in one file; the provider takes 50,000 and 200 MB
LARGEST_WITH_PICTURES = 200
_ENDED = ("completed", "failed", "expired", "cancelled")
_MARK = "studio_batch"


def ask_batch(wanted, *, purpose, run):
    """Answer all of `wanted` [(endpoint, request), ...] that the store does not hold. Safe to run again after a crash.

    What a batch leaves unanswered is put back, and may be asked one by one.
    """
    by_hash = {request.hash: request for _endpoint, request in wanted}
    for batch in LLMBatch.objects.filter(job=run.job, state__in=[LLMBatch.State.PREPARING, LLMBatch.State.SENT]):
        endpoint = next(endpoint for endpoint, _request in wanted if endpoint.name == batch.endpoint)
        _go_on(batch, endpoint, run, by_hash)
    by_endpoint = {}
    for endpoint, request in wanted:
        by_endpoint.setdefault(endpoint, {})[request.hash] = request
    for endpoint, requests in by_endpoint.items():
        requests = list(requests.values())
        largest = LARGEST_WITH_PICTURES if any(request.pictures for request in requests) else LARGEST
        for start in range(0, len(requests), largest):
            batch = _prepare(endpoint, requests[start : start + largest], purpose, run)
            if batch:
                _go_on(batch, endpoint, run, by_hash)


def _prepare(endpoint, requests, purpose, run):
    """Claim the calls that need an answer and reserve their money; the LLMBatch, or None where all are answered."""
    calls = [(ask.stored(request, endpoint=endpoint, purpose=purpose), request) for request in requests]
    with transaction.atomic():
        batch = LLMBatch.objects.create(endpoint=endpoint.name, job=run.job)
        claimed = [
            call
            for call, request in calls
            if call.state != LLMCall.State.ANSWERED and ask.claim(call, request, endpoint, run, batch=batch)
        ]
        if not claimed:
            batch.delete()
            return None
    return batch


def _go_on(batch, endpoint, run, by_hash):
    """Bring a batch to its end from wherever it is: send it, wait for it, store what it answered."""
    client = wire.client_of(endpoint)
    import openai

    try:
        if not batch.remote_id:
            batch.remote_id = _find(client, batch) or _send(client, batch, by_hash)
            batch.state = LLMBatch.State.SENT
            batch.save(update_fields=["remote_id", "state"])
            run.log(f"Batch {batch.remote_id} of {batch.calls.count()} requests is at {endpoint.name}.")
        remote = client.batches.retrieve(batch.remote_id)
        while remote.status not in _ENDED:
            pace.sleep(settings.LLM_BATCH_POLL_S, run)
            remote = client.batches.retrieve(batch.remote_id)
        files = [name for name in (remote.output_file_id, remote.error_file_id) if name]
        lines = [line for name in files for line in client.files.content(name).text.splitlines() if line.strip()]
    except Cancelled:
        _cancel(batch, client)
        raise
    except openai.OpenAIError as error:
        sentence = say("The Batch API of %(name)s: %(why)s", name=endpoint.name, why=wire.words(error, endpoint))
        raise JobFailed(sentence) from None  # the batch may go on there; trying the job again finds it
    _store(batch, endpoint, lines)
    if remote.status != "completed":
        sentence = say("The batch ended as %(status)s at %(name)s.", status=remote.status, name=endpoint.name)
        LLMBatch.objects.filter(pk=batch.pk).update(state=LLMBatch.State.FAILED, error=sentence)
        run.log(str(sentence))


def _cancel(batch, client):
    """End a batch whose job somebody cancelled. What was done already may be billed, so it counts at its most."""
    client.batches.cancel(batch.remote_id)
    cancelled = wire.Failure(say("The job was cancelled."), again=True, maybe_billed=True)
    for call in batch.calls.filter(state=LLMCall.State.SENT):
        ask.store_failure(call, cancelled, give_up=False)
    LLMBatch.objects.filter(pk=batch.pk).update(state=LLMBatch.State.FAILED, finished_at=timezone.now())


def _send(client, batch, by_hash):
    """Upload the requests, pictures and all, and start the batch; its id at the provider."""

    def body(call):
        asked = by_hash.get(call.request_hash)
        return asked.body_with_pictures() if asked else call.request

    rows = (
        {"custom_id": str(call.pk), "method": "POST", "url": "/v1/chat/completions", "body": body(call)}
        for call in batch.calls.order_by("pk").iterator()
    )
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    file = client.files.create(file=(f"{_MARK}-{batch.pk}.jsonl", io.BytesIO(text.encode())), purpose="batch")
    started = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={_MARK: _name(batch)}
    )
    return started.id


def _name(batch):
    """What the batch is called in its metadata; other Studios may share the account."""
    return f"{batch.pk} {batch.created_at.isoformat()}"


def _find(client, batch):
    """The id of a batch that was started just before its worker died, or None."""
    for remote in client.batches.list(limit=100):
        if (remote.metadata or {}).get(_MARK) == _name(batch):
            return remote.id
    return None


def _store(batch, endpoint, lines):
    """Keep every answer, put back what has none, close the batch. Stored answers are left as they are."""
    calls = {str(call.pk): call for call in batch.calls.filter(state=LLMCall.State.SENT)}
    for line in lines:
        row = json.loads(line)
        call = calls.get(row.get("custom_id"))
        response = row.get("response") or {}
        if call is None or response.get("status_code") != 200:
            continue
        try:
            reply = wire.understand(endpoint, json.dumps(response["body"], ensure_ascii=False), latency_s=None)
        except wire.Failure as failure:
            logger.warning("%s in a batch: %s", call, failure)
            continue
        ask.store_reply(call, reply, endpoint)
        del calls[row["custom_id"]]
    for call in calls.values():
        sentence = say("The batch brought no answer.")
        ask.store_failure(call, wire.Failure(sentence, again=True), give_up=False)
    LLMBatch.objects.filter(pk=batch.pk).update(state=LLMBatch.State.DONE, finished_at=timezone.now())
