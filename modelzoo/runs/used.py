"""Which releases hold a clip and which training runs learned from it, by releases and by the hashes a run froze."""

import json
import os
from pathlib import Path

from django.conf import settings
from django.urls import reverse

from modelzoo.models import Checkpoint, Release, RunRelease, Takedown, TrainingRun


def by_releases(clip, takedown):
    """(kind, id, name, address) of the releases that hold the clip; exports leave its rows out from now on."""
    Takedown.objects.get_or_create(clip_sha256=clip.sha256, defaults={"reason": takedown.reason, "by": takedown.by})
    for release in Release.objects.filter(clips__sha256=clip.sha256).distinct().order_by("pk"):
        yield "release", release.pk, release.name, release.get_absolute_url()


def by_runs(clip, takedown):
    """(kind, id, name, address) of the runs whose frozen data hold a file of this clip, of all runs that went on from
    their weights, and of the checkpoints of both. Runs whose folder lies on another machine are not seen.
    """
    hashes = {clip.sha256}
    hashes |= {os.path.splitext(os.path.basename(name))[0] for name in takedown.files.values()}
    found = [run.pk for run in TrainingRun.objects.only("pk", "name").iterator() if _holds(run, hashes)]
    found += RunRelease.objects.filter(release__clips__sha256=clip.sha256).values_list("run", flat=True)
    family, newest = set(found), set(found)
    while newest:
        newest = set(TrainingRun.objects.filter(parent__in=newest).values_list("pk", flat=True)) - family
        family |= newest
    for run in TrainingRun.objects.filter(pk__in=family).only("pk", "name").order_by("pk"):
        yield "run", run.pk, run.name, reverse("run", args=[run.pk])
    for checkpoint in Checkpoint.objects.filter(run__in=family).select_related("run").order_by("pk"):
        name = f"{checkpoint.run.name}/{checkpoint.folder}"
        yield "checkpoint", checkpoint.pk, name, reverse("run", args=[checkpoint.run_id])


def _holds(run, hashes):
    try:
        with (Path(settings.RUNS_DIR) / run.name / "data" / "clips.jsonl").open(encoding="utf-8") as lines:
            return any(json.loads(line).get("sha256") in hashes for line in lines)
    except (OSError, ValueError, AttributeError):
        return False
