"""Bringing a file in: it is stored first, then one transaction makes the clip and its ingest job."""

from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator import truths
from annotator.ingest import sniff, store
from annotator.ingest.refusals import Refused
from annotator.models import Clip, ClipNote, WrongState
from studio import jobs
from studio.models import Job
from studio.sentences import say

KIND = "annotator.ingest"
TEXT_MAX_CHARS = 50_000  # PostgreSQL cannot index much more as one text


@dataclass(frozen=True)
class Story:
    """What is known about a clip besides its bytes. Text that is too long for its column is cut, never refused."""

    source_id: str = ""
    title: str = ""
    text: str = ""
    permalink: str = ""
    author: str = ""
    licence: str = ""
    retrieved_at: datetime = field(default_factory=timezone.now)
    purpose: str = Clip.Purpose.BENCHMARK
    expected_category: str = ""

    def as_fields(self):
        """Values for the clip's columns; NUL, which PostgreSQL cannot store, is left out."""
        values = {}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if isinstance(value, str):
                value = clean(value, Clip._meta.get_field(name).max_length or TEXT_MAX_CHARS)
            values[name] = value
        return values


def clean(text, limit=None):
    """Text as it can be stored: no NUL, no half surrogates, at most `limit` characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode().strip()[:limit]


def clean_name(name):
    """A file name as it is shown: one line, without the folders before it."""
    name = clean(name).replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c if c.isprintable() else " " for c in name).strip()[:500]


def bring(file, *, original_name, source, by=None, story=None, truth=None, **details):
    """Store a file (path, open binary file or `store.Incoming`) and start its ingest. Returns (clip, created).

    One clip per content: bringing the same bytes again returns the clip that has them, with a note on its page. Details
    are those of `Story`; `truth` (a `glitchworld.truth.ClipTruth`) is what really happens in the clip, where that is known.
    Raises Refused for what cannot be a video, and when the source id belongs to another file.
    """
    story = story or Story(**details)
    if story.purpose == Clip.Purpose.PRACTICE and truth is None:
        raise Refused("no_truth")
    incoming = file if isinstance(file, store.Incoming) else _receive(file)
    with incoming:
        found = sniff.look(incoming.finish().path)
        if found:
            raise Refused(found[0], **found[1])
        name = clean_name(original_name)
        known, created = Clip.objects.filter(sha256=incoming.sha256).first(), False
        if known is None:
            known, created = _create(incoming, name, source, by, story.as_fields(), truth)
            if created:
                return known, True
        if known.state == Clip.State.TAKEN_DOWN:
            raise Refused("taken_down", clip=known.pk)
        if not created and not store.exists(known.original):
            # Lost from the storage since; here it is again, under the same name by content.
            stored = store.keep(incoming.path, "originals", known.sha256, store.suffix_of(known.original or name))
            Clip.objects.filter(pk=known.pk).update(original=stored)
    if truth:
        truths.store(known, truth)
    _note_again(known, name, source, by)
    return known, False


def _receive(file):
    try:
        return store.Incoming.of(file)
    except store.TooBig:
        raise Refused("too_big")


def _create(incoming, name, source, by, story, truth):
    """The new clip with its truth and its job, or the clip that another process made from the same bytes a moment ago."""
    sha256, size = incoming.sha256, incoming.size
    stored = store.keep(incoming.path, "originals", sha256, store.suffix_of(name))
    try:
        with transaction.atomic():
            clip = Clip.objects.create(
                **story,
                source=source,
                brought_by=by,
                original_name=name,
                original=stored,
                size_bytes=size,
                sha256=sha256,
            )
            if truth:
                truths.store(clip, truth)
            enqueue(clip, by=by)
        return clip, True
    except IntegrityError:
        known = Clip.objects.filter(sha256=sha256).first()
        if known:
            return known, False
        other = Clip.objects.filter(~Q(source_id=""), source=source, source_id=story["source_id"]).first()
        if other is None:
            raise
        store.remove(stored)
        raise Refused("taken_id", source_id=story["source_id"], clip=other.pk)


def _note_again(clip, name, source, by):
    """Say on the clip's page that its file came again. Reading the same folder twice is not worth a line."""
    if source != Clip.Source.UPLOAD and (clip.source, clip.original_name) == (source, name):
        return
    text = say(
        "Brought again as “%(name)s” from %(source)s by %(who)s.",
        name=name or say("a file without a name"),
        source=Clip.Source(source).label,
        who=str(by) if by else say("a command"),
    )
    if source == Clip.Source.UPLOAD or not clip.notes.filter(text=text).exists():
        ClipNote.objects.create(clip=clip, text=text, by=by)


def job_key(clip_id):
    return f"ingest-{clip_id}"


def enqueue(clip, *, by=None):
    return jobs.enqueue(KIND, owner=by, key=job_key(clip.pk), title=say("Ingest %(clip)s", clip=clip.name), clip_id=clip.pk)


def latest_jobs(clip_ids):
    """{clip id: its newest ingest job}, in one query."""
    keys = {job_key(pk): pk for pk in clip_ids}
    newest = Job.objects.filter(key__in=keys).order_by("key", "-id").distinct("key").select_related("owner")
    return {keys[job.key]: job for job in newest}


def stopped_sentence(job):
    """Why a clip is still not ready though no job works on it."""
    if job is None:
        return _("Its ingest was never started. Start it again.")
    if job.state == Job.State.CANCELLED:
        return _("The ingest was cancelled.")
    return _("The ingest stopped before its end. Start it again.")


def ingest_again(clip, *, by):
    """Start the ingest of a clip that failed or whose job ended without it; WrongState when there is nothing to do."""
    with transaction.atomic():
        again = Clip.objects.filter(pk=clip.pk, state__in=[Clip.State.FAILED, Clip.State.INGESTING]).update(
            state=Clip.State.INGESTING, failure=""
        )
        if not again:
            raise WrongState(_("Clip %(id)s is ready; there is nothing to ingest again.") % {"id": clip.pk})
        return enqueue(clip, by=by)
