"""Sealed releases as what a run is trained on, and which runs were.

A release is written out once below the Studio's data folder, in the public format; the run freezes it from there into its
own folder, hash by hash, and names the release in its spec and in each checkpoint. Nodes that train need no database.
"""

import hashlib
from pathlib import Path

from django.conf import settings

from modelzoo.models import Release, RunRelease
from modelzoo.outdir import CannotWrite, glob_escape
from modelzoo.releases import writing
from studio.sentences import say

PLACE, BENCHMARKS = "training-releases", "benchmark-releases"  # below the data folder; what is measured on is kept apart


class CannotUse(Exception):
    """The release cannot be trained on; the sentence says why."""


def find(name):
    """The sealed release of that name, `CannotUse` if there is none or it is a benchmark."""
    release = Release.objects.filter(name=name, state=Release.State.SEALED).first()
    if release is None:
        raise CannotUse(say("There is no release %(name)s.", name=name))
    if release.kind == Release.Kind.BENCHMARK:
        raise CannotUse(
            say("%(name)s is a benchmark: a model is not measured on what it was trained on. Choose another.", name=name)
        )
    return release


def folder_of(release, *, below=PLACE):
    """Where the release lies on this machine; it is written there first. What was taken down since is not in it."""
    gone = sorted(writing.gone_clips(release))
    mark = f"-without-{hashlib.sha256(repr(gone).encode()).hexdigest()[:8]}" if gone else ""
    target = Path(settings.DATA_DIR) / below / f"{_stem(release)}{mark}"
    if (target / writing.MANIFEST).is_file():
        return target
    try:
        writing.write(release, target, videos="link")
    except (writing.CannotExport, CannotWrite) as error:
        if (target / writing.MANIFEST).is_file():  # another process was quicker
            return target
        raise CannotUse(str(error)) from error
    return target


def _stem(release):
    return f"{release.name}-{release.sha256[:12]}"


def folders_of(release):
    """The folders of a release on this machine, those of half a write included."""
    name, below = glob_escape(_stem(release)), (PLACE, BENCHMARKS)
    return [path for place in below for dot in ("", ".") for path in (Path(settings.DATA_DIR) / place).glob(f"{dot}{name}*")]


def sources_of(run):
    """[(what a run says of a folder it was trained on, what it says of the release there or {}), ...]; whoever wrote it."""
    sources = [source for source in run.spec.get("data") or [] if isinstance(source, dict)]
    told = [source.get("release") for source in sources]
    return [(source, said if isinstance(said, dict) else {}) for source, said in zip(sources, told, strict=True)]


def link(run):
    """Remember which releases a run says it was trained on; those of another Studio are not ours to link."""
    for _source, told in sources_of(run):
        release = Release.objects.filter(name=str(told.get("name")), sha256=str(told.get("sha256"))).only("pk").first()
        if release:
            RunRelease.objects.get_or_create(run=run, release_id=release.pk, defaults={"sha256": str(told["sha256"])})
