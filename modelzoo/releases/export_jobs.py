"""Exports of sealed releases as background jobs: the formats that were chosen, packed into one zip in the media storage."""

import errno
import shutil
import time

from django.conf import settings
from django.core.files.storage import default_storage
from django.utils import translation
from django.utils.translation import gettext_noop

from annotator.ingest import store
from modelzoo import export_jobs, formats
from modelzoo.models import Release
from modelzoo.outdir import CannotWrite
from modelzoo.releases import writing
from studio import jobs
from studio.models import Job
from studio.sentences import say

KIND = export_jobs.OF_RELEASES
VIDEOS = ("copy", "none")


def start(release, *, by, wanted, videos="copy"):
    """Queue an export of a release; the same one asked for twice while it waits or runs is one job.

    `wanted` are names of formats, in any order. `CannotExport` when the release is not written as one of them.
    """
    wanted = [name for name in formats.FORMATS if name in set(wanted)]
    writing.check(release, wanted)
    about = {"name": release.name, "formats": ", ".join(wanted), "videos": say("no videos")}
    if videos != "none":
        about["videos"] = say("with videos")
    return jobs.enqueue(
        KIND,
        owner=by,
        key=f"release-export-{release.pk}-{videos}-{'+'.join(wanted)}",
        title=say("Export of %(name)s as %(formats)s, %(videos)s", **about),
        release_id=release.pk,
        wanted=wanted,
        videos=videos,
    )


def of(release):
    """The jobs that export a release, newest first."""
    found = Job.objects.filter(kind=KIND, arguments__release_id=release.pk)
    return found.select_related("owner").defer("log").order_by("-pk")


def file_of(job, gone):
    """The name in the storage of the zip; "" where there is none, or where clips were taken down since it was made.

    `gone`: how many clips of its release are taken down now.
    """
    name = export_jobs.file_of(job)
    return name if name and job.result.get("gone") == gone else ""


class _Progress(writing.Progress):
    """Videos are handled twice, written first and packed then, so there are twice as many steps."""

    def __init__(self, run, videos):
        self.run, self.with_videos = run, videos != "none"

    def videos(self, done, total):
        self.run.progress(done, 2 * total, unit=gettext_noop("steps"))

    def rows(self, done, total):
        if self.with_videos:
            self.run.check()
        else:
            self.run.progress(done, total, unit=gettext_noop("rows"))


@jobs.job(KIND, queue="io")
def export(run, *, release_id, wanted, videos):
    """Safe to run twice: an attempt that was killed left its videos, and the next goes on with those that are right."""
    owner, release = run.job.owner, Release.objects.get(pk=release_id)
    folder = store.work_dir() / f"release-export-{run.job.pk}"
    packed = folder.with_suffix(".zip")
    way = "none" if videos == "none" else "link" if store.has_paths() else "copy"
    with translation.override((owner and owner.language) or settings.LANGUAGE_CODE):
        try:
            done = _write(run, release, folder, wanted, way)
            name = export_jobs.pack(run, folder, packed, release.name)
            file = export_jobs.keep(packed, f"exports/{run.job.pk}/{name}")
        except (writing.CannotExport, CannotWrite) as error:
            raise jobs.JobFailed(str(error)) from error
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise jobs.JobFailed(say("The Studio's disk is full. Delete old exports, or ask an admin.")) from error
            raise
        finally:
            if run.holds():  # else the files belong to the attempt that has the claim now
                _clean(folder, packed)
    facts = {"rows": done.rows, "clips": done.clips, "left_out": done.left_out, "gone": done.gone}
    return {"file": file, "name": name, "bytes": default_storage.size(file), **facts}


def _write(run, release, folder, wanted, way):
    """Write the release to `folder`; waits for an attempt that was taken for dead and still holds the folder."""
    while True:
        try:
            return writing.write(release, folder, wanted=wanted, videos=way, replace=True, progress=_Progress(run, way))
        except writing.Busy:
            run.check()
            time.sleep(0.5)


def _clean(folder, packed):
    shutil.rmtree(folder, ignore_errors=True)
    for part in folder.parent.glob(f".{folder.name}.*"):
        shutil.rmtree(part, ignore_errors=True)
    packed.unlink(missing_ok=True)
