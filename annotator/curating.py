"""What leads decide about clips: is it gameplay, what is it for, try its ingest again."""

from django.db import transaction

from annotator import families, importing
from annotator.models import Clip, WrongState
from annotator.queue import free_places


@transaction.atomic
def judge(clip_ids, content):
    """Say of ready clips what they show; returns how many changed. History says who did it.

    Raises `families.Straddles` when that would leave a family both for the benchmark and for training.
    """
    families.keep_apart_after(clip_ids, content=content)
    chosen = Clip.objects.filter(pk__in=clip_ids, state=Clip.State.READY).exclude(content=content)
    ids = list(chosen.order_by("pk").select_for_update().values_list("pk", flat=True))  # in one order, whoever else does so
    return Clip.objects.filter(pk__in=ids).update(content=content)


@transaction.atomic
def give_purpose(clip_ids, purpose):
    """Change what clips are for and how many writers they take; returns how many changed.

    For practice only clips can be whose truth is known and about which nobody writes or wrote: practice shows their truth.
    A clip somebody has practised on stays for practice, for the same reason. Raises `families.Straddles` when that would
    leave a family both for the benchmark and for training.
    """
    families.keep_apart_after(clip_ids, purpose=purpose)
    chosen = Clip.objects.filter(pk__in=clip_ids, practice_attempts=None)
    if purpose == Clip.Purpose.PRACTICE:
        chosen = chosen.filter(truth__isnull=False, questions=None, leases=None)
    ids = list(
        Clip.objects.filter(pk__in=chosen)
        .exclude(purpose=purpose)
        .order_by("pk")
        .select_for_update()
        .values_list("pk", flat=True)
    )
    changes = {"purpose": purpose}
    if purpose == Clip.Purpose.PRACTICE:
        changes["expected_category"] = ""  # everybody can read it
    Clip.objects.filter(pk__in=ids).update(**changes)
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
