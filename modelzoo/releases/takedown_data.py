"""What this room keeps of a clip and has not sealed goes when the clip is taken down; sealed rows stay, and are marked."""

import json
import shutil
import zipfile
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import Q
from django.utils import timezone

from annotator.models import Question
from modelzoo import export_jobs
from modelzoo.exporting import MANIFEST
from modelzoo.instruct.models import BuildStep, InstructSample, PreferencePair
from modelzoo.models import Release
from modelzoo.releases import training
from studio.models import Job
from studio.sentences import say


def remove(clip, takedown):
    """Delete rows for training, exports that hold the clip, and the folders they were unpacked to. Safe to do twice.

    One of annotator.takedown.USERS; it marks nothing, for nothing of what it deletes is left to be marked.
    """
    _rows(clip)
    _exports(clip, takedown)
    for release in Release.objects.filter(clips__sha256=clip.sha256).distinct():
        for folder in training.folders_of(release):
            shutil.rmtree(folder, ignore_errors=True)
    return ()


def _rows(clip):
    """Samples and pairs of the clip, and pairs that were misled by its title; what still waits to be asked is not asked."""
    PreferencePair.objects.filter(Q(clip=clip) | Q(conditions__title_clip=clip.pk)).delete()
    InstructSample.objects.filter(clip=clip).delete()
    BuildStep.objects.filter(clip=clip, state=BuildStep.State.WAITING).update(
        state=BuildStep.State.FAILED,
        reason="clip_refused",
        detail=say("The clip was taken down."),
        finished_at=timezone.now(),
    )


def _exports(clip, takedown):
    hashes = {clip.sha256} | {Path(name).stem for name in takedown.files.values()}
    of_releases = list(Release.objects.filter(clips__sha256=clip.sha256).values_list("pk", flat=True))
    approved = any(state == Question.State.APPROVED for _pk, state in takedown.questions)
    purposes = {clip.purpose, "all"} if approved else set()
    done = Job.objects.filter(state=Job.State.DONE).only("pk", "kind", "state", "arguments", "result")
    for job in done.filter(kind=export_jobs.OF_RELEASES, arguments__release_id__in=of_releases):
        _delete(job)
    for job in done.filter(kind=export_jobs.KIND):
        if (name := export_jobs.file_of(job)) and _holds(name, hashes, texts=job.arguments.get("purpose") in purposes):
            _delete(job)


def _delete(job):
    if export_jobs.file_of(job):
        export_jobs.remove(job)
    shutil.rmtree(Path(settings.DATA_DIR) / "training-exports" / str(job.pk), ignore_errors=True)


def _holds(name, hashes, *, texts):
    """Whether the zip has a file of the clip; one without videos does not tell, so `texts` says whether it may."""
    try:
        with default_storage.open(name) as file, zipfile.ZipFile(file) as archive:
            path = next(path for path in archive.namelist() if path.endswith(f"/{MANIFEST}"))
            about = json.loads(archive.read(path))
    except (OSError, zipfile.BadZipFile, StopIteration, ValueError):
        return texts
    if about.get("videos") == "none":
        return texts
    return any(entry["sha256"] in hashes for entry in about["files"].values())
