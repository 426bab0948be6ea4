"""The background job that makes a clip ready: look at the original, transcode it, count, store, one UPDATE."""

import json
import logging
import os
import shutil
import subprocess
import sys
import uuid
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import OperationalError, transaction
from django.utils.translation import gettext_noop

from annotator import prints, takedown
from annotator.ingest import count, store
from annotator.ingest.refusals import Refused
from annotator.ingest.transcode import TILE_COLUMNS, Plan, tiles_made, transcode
from annotator.models import Clip, ClipNote
from annotator.queue import free_places
from studio.jobs import Cancelled, JobFailed, LostClaim, job
from studio.models import Job
from studio.sentences import say

logger = logging.getLogger(__name__)
_PROBE_WALL_S = 120


@job("annotator.ingest", queue="cpu")
def ingest(run, *, clip_id):
    """Safe to run twice: until the last UPDATE nothing refers to what was made, and files are named by content."""
    clip = Clip.objects.filter(pk=clip_id).first()
    if clip is None or clip.state in (Clip.State.READY, Clip.State.TAKEN_DOWN):
        return {}
    try:
        Clip.objects.filter(pk=clip_id, state=Clip.State.FAILED).update(state=Clip.State.INGESTING, failure="")
        return _ingest(run, clip)
    except Refused as refusal:
        _fail(run, clip_id, refusal.sentence)
        raise JobFailed(refusal.sentence)
    except Cancelled:
        _fail(run, clip_id, say("The ingest was cancelled."))
        raise
    except (LostClaim, OperationalError):
        raise
    except Exception:
        logger.exception("Ingest of clip %s broke down", clip_id)
        _fail(
            run, clip_id, say("The ingest itself broke down; its job's page has the details. Try again, or tell an admin.")
        )
        raise


def _fail(run, clip_id, sentence):
    # Stored only while this attempt owns the job: a later attempt may be doing well.
    with transaction.atomic():
        mine = Job.objects.filter(pk=run.job.pk, state=Job.State.RUNNING, run_token=run.job.run_token)
        if mine.select_for_update().first():
            Clip.objects.filter(pk=clip_id, state=Clip.State.INGESTING).update(state=Clip.State.FAILED, failure=sentence)


@contextmanager
def _work_folder(clip_id):
    """An empty folder for this attempt; what killed attempts of the same clip left is removed."""
    start = f"ingest-{clip_id}-"
    for old in store.work_dir().glob(start + "*"):
        shutil.rmtree(old, ignore_errors=True)
    folder = store.work_dir() / f"{start}{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def probe(path):
    """The facts about a file, found in a process of its own; Refused when it is not one plain video."""
    command = [sys.executable, "-m", "annotator.ingest.probe", str(path)]
    command += ["--max-s", str(settings.CLIP_MAX_S), "--max-pixels", str(settings.CLIP_MAX_PIXELS)]
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_WALL_S,
            cwd=settings.BASE_DIR,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Refused("too_hard")
    if done.returncode < 0:
        raise Refused("too_hard")
    if done.returncode:
        logger.warning("The probe of %s failed: %s", path, done.stderr.decode(errors="replace")[-2000:])
        raise Refused("broken")
    answer = json.loads(done.stdout)
    if "refused" in answer:
        raise Refused(answer["refused"], **answer["numbers"])
    return answer


def _ingest(run, clip):
    store.remove_leftovers()
    if not store.exists(clip.original):
        raise Refused("missing")
    with _work_folder(clip.pk) as folder, store.local(clip.original) as source:
        facts = probe(source.absolute())
        run.check()
        plan = Plan.of(facts, cut=clip.cut)
        run.log(f"{facts['codec']} {facts['width']}×{facts['height']}, about {plan.frames} frames at {plan.fps} a second")
        run.progress(0, plan.frames, unit=gettext_noop("frames"))
        complaints = transcode(
            source,
            folder,
            plan,
            progress=lambda frames: run.progress(min(frames, plan.frames), plan.frames, unit=gettext_noop("frames")),
            log=run.log,
        )
        measured = count.count(folder / "proxy.mp4", plan.fps) if (folder / "proxy.mp4").is_file() else {"frames": 0}
        if measured["frames"] == 0:
            raise Refused("broken")
        if measured["frames"] > plan.fps * int(settings.CLIP_MAX_S) + 1:
            raise Refused("too_long", limit_s=settings.CLIP_MAX_S)
        made = _store(folder)
        print_ = _print_of(folder / "grey.raw")
    _finish(run, clip, plan, measured, made, complaints, print_)
    return {"frames": measured["frames"], "fps": str(plan.fps)}


def _print_of(path):
    from annotator.ingest import fingerprint

    return fingerprint.of_frames(fingerprint.read_frames(path))


def _store(folder):
    """Move what was made into the storage; {field of Clip: name}."""
    made = {}
    for field, directory, file in (
        ("proxy", "proxies", "proxy.mp4"),
        ("poster", "posters", "poster.jpg"),
        ("filmstrip", "filmstrips", "filmstrip.jpg"),
    ):
        path = Path(folder) / file
        if not path.is_file() or not path.stat().st_size:
            raise Refused("broken")
        made[field] = store.keep(path, directory, store.sha256_of(path), path.suffix)
    return made


def _finish(run, clip, plan, measured, made, complaints, print_):
    frames = measured["frames"]
    with transaction.atomic():
        run.progress(frames, frames, unit=gettext_noop("frames"))  # locks the job's row, or raises if this attempt lost it
        changed = Clip.objects.filter(pk=clip.pk, state=Clip.State.INGESTING).update(
            state=Clip.State.READY,
            failure="",
            **made,
            filmstrip_tiles=tiles_made(plan, frames),
            filmstrip_columns=TILE_COLUMNS,
            fps_num=plan.fps.numerator,
            fps_den=plan.fps.denominator,
            frame_count=frames,
            width=measured["width"],
            height=measured["height"],
            has_audio=measured["has_audio"],
            open_slots=free_places(),
        )
        if changed:
            prints.keep(clip.pk, print_)
        elif Clip.objects.filter(pk=clip.pk, state=Clip.State.TAKEN_DOWN).exists():
            takedown.remove_made(clip.pk, made)
        if changed and complaints:
            run.log(f"The decoder complained {len(complaints)} times; first: {complaints[0][:300]}")
            text = say(
                "The decoder met damage in the file (%(count)d messages). What looks wrong in the picture may come from it.",
                count=len(complaints),
            )
            ClipNote.objects.create(clip=clip, text=text)
