"""Fetching what waits at one site, one video after the other, and bringing each in like an upload."""

import shutil
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_noop

from annotator import importing
from annotator.ingest import store
from annotator.ingest.refusals import Refused
from annotator.models import Clip, SourceItem, WrongState
from annotator.sources import fetching, links, sites
from annotator.sources.faults import PAUSES, Fault
from studio import jobs
from studio.sentences import say

_UNIT = gettext_noop("clips")
State = SourceItem.State


@jobs.job(sites.KIND, queue="io")
def fetch(run, *, site):
    """Safe to run twice and beside itself: each video is fetched in the site's turn, and whoever holds the turn knows that
    what is marked as being fetched was left by somebody who died.
    """
    done = brought = 0
    while True:
        waiting = SourceItem.objects.filter(
            host=site, state__in=[State.WAITING, State.FETCHING], next_at__lte=timezone.now()
        )
        left = waiting.count()
        run.progress(done, done + left, unit=_UNIT)
        if not left:
            return {"brought": brought, "others": done - brought}
        with sites.turn(site, check=run.check) as turn:
            SourceItem.objects.filter(host=site, state=State.FETCHING).update(state=State.WAITING)
            item = _next(site)
            if item is None:
                continue
            brought += _one(run, turn, item)
            done += 1
            paused = turn.is_paused
        if paused:  # a sweep rings again when the site has rested
            run.log(f"{site} rests")
            return {"brought": brought, "others": done - brought}


def _next(site):
    ready = SourceItem.objects.filter(host=site, state=State.WAITING, next_at__lte=timezone.now()).order_by("next_at", "pk")
    item = ready.first()
    if item and SourceItem.objects.filter(pk=item.pk, state=State.WAITING).update(
        state=State.FETCHING, tries=F("tries") + 1
    ):
        item.refresh_from_db()
        return item
    return None


def _one(run, turn, item):
    """Fetch one item and say what became of it; whether a clip came of it."""
    mine = SourceItem.objects.filter(pk=item.pk, state=State.FETCHING)
    source = links.SOURCES.get(item.site, Clip.Source.LINK)
    known = _known(item, source)
    if known:
        clip, reason = known
        mine.update(state=State.LEFT_OUT, clip=clip, reason=reason)
        return False
    folder = store.work_dir() / f"source-{item.pk}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()

    def progress(count):
        run.check()
        turn.renew()

    try:
        path, info = fetching.video(item.url, folder, progress=progress)
        clip, info, size = _bring(run, item, source, Path(path), info)
    except Fault as fault:
        _failed(run, turn, item, fault)
        return False
    except Refused as refusal:
        run.log(f"{item}: {refusal}")
        mine.update(state=State.FAILED, reason=refusal.sentence, detail="", next_at=timezone.now())
        return False
    except jobs.Cancelled:
        mine.update(state=State.WAITING)
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    told = {"licence": clip.licence or item.licence, "info": info, "size_bytes": size, "fetched_at": timezone.now()}
    mine.update(state=State.BROUGHT, clip=clip, reason="", detail="", **told)
    run.log(f"{item}: clip {clip.pk}")
    return True


def _known(item, source):
    """(clip, sentence) when the Studio has this already, so that nothing need be fetched."""
    if item.source_id:
        clip = Clip.objects.filter(source=source, source_id=item.source_id).first()
        if clip:
            return clip, say("Clip %(clip)s has this source id already.", clip=clip.pk)
    if item.media_key:
        twin = SourceItem.objects.filter(media_key=item.media_key, state=State.BROUGHT).exclude(pk=item.pk).first()
        if twin:
            return twin.clip, say("The same video came already, as %(other)s.", other=str(twin))
    return None


def _bring(run, item, source, path, info):
    """The same door as for uploads. What the site says itself fills what the listing left open."""

    def said(*names):
        return next((str(info[name]) for name in names if info.get(name)), "")

    story = importing.Story(
        source_id=item.source_id,
        title=item.title or said("title"),
        text=item.text or said("description"),
        permalink=item.permalink or item.url,
        author=item.author or said("uploader", "channel"),
        licence=said("license") or item.licence,
        purpose=item.purpose,
        expected_category=item.expected_category,
    )
    size = path.stat().st_size
    by = item.sourcing.by if item.sourcing else None
    clip, _created = importing.bring(path, original_name=f"{item.key}{path.suffix}", source=source, by=by, story=story)
    return clip, info, size


def _failed(run, turn, item, fault):
    run.log(f"{item}: {fault} {fault.detail}"[:1000])
    wait = fault.after or settings.FETCH_BACKOFF_S * 2 ** max(0, item.tries - 1)
    again = fault.is_temporary and item.tries < settings.FETCH_TRIES
    SourceItem.objects.filter(pk=item.pk, state=State.FETCHING).update(
        state=State.WAITING if again else State.FAILED,
        reason=fault.sentence,
        detail=fault.detail[:2000],
        next_at=timezone.now() + timedelta(seconds=wait if again else 0),
    )
    if fault.code in PAUSES:
        turn.pause(wait, fault.sentence)


@transaction.atomic
def retry(item_ids):
    """Let failed items wait for another try, now; how many there were."""
    chosen = SourceItem.objects.select_for_update().filter(pk__in=item_ids, state=State.FAILED).order_by("pk")
    ids, hosts = [], set()
    for item in chosen:
        try:
            item.host = links.site_of(item.url)
        except links.NotAllowed as refusal:
            if len(item_ids) == 1:
                raise WrongState(str(Fault(refusal.code, refusal.what))) from None
            continue
        item.save(update_fields=["host"])
        ids.append(item.pk)
        hosts.add(item.host)
    count = SourceItem.objects.filter(pk__in=ids).update(state=State.WAITING, tries=0, next_at=timezone.now(), detail="")
    for host in sorted(hosts):
        sites.ring(host)
    return count
