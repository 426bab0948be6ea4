"""What leads decide about clips: is it gameplay, what is it for, try its ingest again."""

from django.conf import settings
from django.db import transaction
from django.db.models import Case, Count, IntegerField, OuterRef, Subquery, Value, When
from django.db.models.functions import Coalesce, Greatest

from annotator import importing
from annotator.models import Clip, Lease, Question, WrongState


@transaction.atomic
def judge(clip_ids, content):
    """Say of ready clips what they show; returns how many changed. History says who did it."""
    chosen = Clip.objects.filter(pk__in=clip_ids, state=Clip.State.READY).exclude(content=content)
    ids = list(chosen.order_by("pk").select_for_update().values_list("pk", flat=True))  # in one order, whoever else does so
    return Clip.objects.filter(pk__in=ids).update(content=content)


def _counted(rows):
    counts = rows.order_by().values("clip").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counts, output_field=IntegerField()), 0)


def free_places():
    """SQL for the places a clip offers to writers: only clips for `settings.WRITE_PURPOSES` have any.

    Work in hand keeps its place, and so do questions that came with the clip in an imported set.
    """
    leases = Lease.objects.filter(clip=OuterRef("pk"))
    taking = Question.objects.exclude(state__in=[Question.State.DRAFT, Question.State.REJECTED])
    written = taking.filter(clip=OuterRef("pk"))
    free = Greatest(Value(settings.WRITERS_PER_CLIP) - _counted(leases) - _counted(written), 0)
    return Case(When(purpose__in=settings.WRITE_PURPOSES, then=free), default=Value(0), output_field=IntegerField())


@transaction.atomic
def give_purpose(clip_ids, purpose):
    """Change what clips are for and how many writers they take; returns how many changed."""
    ids = list(
        Clip.objects.filter(pk__in=clip_ids)
        .exclude(purpose=purpose)
        .order_by("pk")
        .select_for_update()
        .values_list("pk", flat=True)
    )
    Clip.objects.filter(pk__in=ids).update(purpose=purpose)
    Clip.objects.filter(pk__in=ids, state=Clip.State.READY).update(open_slots=free_places())
    return len(ids)


def ingest_again(clip_ids, *, by):
    """Start the ingest of those clips that are not ready; returns how many were started."""
    started = 0
    for clip in Clip.objects.filter(pk__in=clip_ids, state__in=[Clip.State.FAILED, Clip.State.INGESTING]):
        try:
            importing.ingest_again(clip, by=by)
        except WrongState:
            continue  # it became ready in between
        started += 1
    return started
