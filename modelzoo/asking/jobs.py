"""The work on an `Ask`: a server is asked over HTTP, its words are stored as they come, then the pictures are made.

Done again after its worker died, it begins anew; what an attempt that lost its claim still writes is refused.
"""

import base64
import hashlib
import logging
import queue
import threading
import time
from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from annotator.ingest import store
from annotator.models import Clip
from modelzoo import guarded_video
from modelzoo.asking import heat, serving
from modelzoo.asking.models import Ask
from studio import jobs
from studio.sentences import say

logger = logging.getLogger(__name__)
OWN, SERVED = "modelzoo.ask", "modelzoo.ask_served"
WORDS = 200  # tokens of a free answer
_WRITE_EVERY_S = 0.3
_MOST_SECONDS = 300
FOLDER = "asks"


@transaction.atomic
def start(ask, *, by):
    """Store a new `Ask` and queue the work on it."""
    ask.owner = by
    ask.save()
    kind = SERVED if ask.model.startswith(serving.ENDPOINT) else OWN
    title = say("Asking %(model)s about %(clip)s", model=ask.model_name, clip=str(ask.about)[:120])
    ask.job = jobs.enqueue(kind, owner=by, key=f"ask-{ask.pk}", title=title, ask=ask.pk)
    ask.save(update_fields=["job"])
    return ask


def _handle(run, *, ask):
    found = Ask.objects.select_related("clip").filter(pk=ask).first()
    if found is None or found.answered_at:
        return {}
    _write(run, found, phase=Ask.Phase.LOADING, answer="", error="", begun_at=timezone.now(), probabilities=None, mass=None)
    try:
        data = _video(found)
        base_url, key, name = serving.address(found.model, run)
        _write(run, found, phase=Ask.Phase.READING)
        _answer(run, found, data, base_url, key, name)
    except serving.CannotAsk as refusal:
        raise jobs.JobFailed(refusal.args[0]) from refusal
    return {"ask": found.pk}


def _write(run, ask, **changes):
    """Store what is new of an answer; LostClaim where another attempt has the job by now."""
    run.check()
    mine = Ask.objects.filter(pk=ask.pk, answered_at=None, job__run_token=run.job.run_token)
    if not mine.update(**changes):
        raise jobs.LostClaim
    for name, value in changes.items():
        setattr(ask, name, value)


def _video(ask):
    """The bytes of the clip's proxy, or of the uploaded file."""
    if ask.clip and ask.clip.state != Clip.State.READY:
        raise jobs.JobFailed(say("The clip is not ready, or was taken down."))
    name = ask.clip.proxy if ask.clip else ask.video
    if not store.exists(name):
        raise jobs.JobFailed(say("The clip's file is gone. Choose another clip, or upload it again."))
    with store.local(name) as path:
        return Path(path).read_bytes()


def _events(run, stream):
    """What the server sends, read in a thread so that a stop is noticed while nothing comes."""
    found, end = queue.Queue(), time.monotonic() + _MOST_SECONDS

    def read():
        try:
            for piece in stream:
                found.put(piece)
            found.put(None)
        except Exception as error:  # told to the one who waits
            found.put(error)

    threading.Thread(target=read, daemon=True).start()
    try:
        while True:
            run.check()
            if time.monotonic() > end:
                raise jobs.JobFailed(say("The server did not finish within %(seconds)s s.", seconds=_MOST_SECONDS))
            try:
                piece = found.get(timeout=0.2)
            except queue.Empty:
                continue
            if piece is None:
                return
            if isinstance(piece, Exception):
                raise piece
            yield piece
    finally:
        stream.close()


def _answer(run, ask, data, base_url, key, name):
    import openai

    url = "data:video/mp4;base64," + base64.b64encode(data).decode()
    content = [{"type": "text", "text": ask.block}, {"type": "video_url", "video_url": {"url": url}}]
    own, more, messages = {"heat": True}, {}, [{"role": "user", "content": content}]
    if ask.options:
        own["letters"], more = list(ask.letters), {"continue_final_message": True}
        messages.append({"role": "assistant", "content": "("})
    client = openai.OpenAI(base_url=base_url, api_key=key, timeout=_MOST_SECONDS, max_retries=0)
    told, text, reason, written = {}, "", "", 0.0
    try:
        weights, can_heat = _about(client, name)
        if not can_heat:
            del own["heat"]
        stream = client.chat.completions.create(
            model=name, messages=messages, stream=True, temperature=0, max_tokens=WORDS,
            extra_body={**more, "physvlm": {**own, "weights": weights}},
        )  # fmt: skip
        for piece in _events(run, stream):
            told |= (piece.model_extra or {}).get("physvlm") or {}
            for choice in piece.choices:
                text, reason = text + (choice.delta.content or ""), choice.finish_reason or reason
            if text and time.monotonic() - written > _WRITE_EVERY_S and not ask.options:
                written = time.monotonic()
                _write(run, ask, phase=Ask.Phase.ANSWERING, answer=text)
    except openai.OpenAIError as error:
        raise jobs.JobFailed(_why(error, key)) from None
    letters = told.get("letters") or {}
    changes = {
        "answer": text.replace("\x00", ""), "finish_reason": reason, "frames": told.get("frames") or {},
        "probabilities": letters.get("probabilities"), "mass": letters.get("mass"),
    }  # fmt: skip
    _write(run, ask, phase=Ask.Phase.DRAWING, **changes)
    pictures = _pictures(run, ask, data, told)
    _write(run, ask, phase="", weights=weights, answered_at=timezone.now(), **pictures)


def _about(client, name):
    """(hash of the weights, whether they pool by the question) of the model that will answer."""
    found = client.models.retrieve(name) if name else next(iter(client.models.list().data), None)
    told = ((found and found.model_extra) or {}).get("physvlm")
    if not isinstance(told, dict) or not told.get("weights"):
        raise jobs.JobFailed(say("%(name)s is not served by serve_physvlm.", name=name))
    return told["weights"], bool(told.get("heat"))


def _why(error, key):
    """The sentence of a server's refusal, without its key."""
    body = getattr(error, "body", None)
    text = body.get("message") if isinstance(body, dict) else None
    text = str(text or error or type(error).__name__).replace(key or "\x00", "…").strip().splitlines()
    return say("The server could not answer: %(why)s", why=(text[0] if text else "–")[:300])


def _pictures(run, ask, data, told):
    """Files and figures of the heat map; {} for a model that has none. The answer does not fail with its pictures."""
    weights = (told.get("heat") or {}).get("weights")
    numbers = (told.get("frames") or {}).get("numbers")
    if not weights or not numbers:
        return {}
    try:
        pixels, again, _seconds = guarded_video.read_video(
            data, frames=len(numbers), size=heat.SIDE, max_s=600, max_pixels=4096 * 2304
        )
        if again != numbers:
            raise guarded_video.BadVideo("broken")
        found = heat.figures(weights)
        files = {"frames_image": (heat.frames_image(pixels), ".jpg")}
        if not found["flat"]:
            files["heat_image"] = (heat.heat_image(weights, high=found["high"]), ".png")
    except guarded_video.BadVideo as refusal:
        logger.warning("No heat map for ask %s: %s", ask.pk, refusal)
        return {}
    run.check()
    return {"heat": found, **{field: _keep(content, suffix) for field, (content, suffix) in files.items()}}


def _keep(content, suffix):
    """The name of a made picture in the storage, by its content."""
    name = f"{FOLDER}/{hashlib.sha256(content).hexdigest()}{suffix}"
    return name if default_storage.exists(name) else default_storage.save(name, ContentFile(content))


jobs.job(OWN, queue="gpu")(_handle)
jobs.job(SERVED, queue="llm")(_handle)
