"""Exports as background jobs: the same export as the command's, packed into one zip in the media storage."""

import errno
import os
import shutil
import zipfile
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from annotator.ingest import store
from annotator.models import Clip, WrongState
from modelzoo import exporting
from modelzoo.outdir import CannotWrite
from studio import jobs
from studio.models import Job
from studio.sentences import say

KIND = "modelzoo.export"
OF_RELEASES = "modelzoo.release_export"  # modelzoo/releases/export_jobs.py
_CHUNK = 1024 * 1024
_PACKED = (".mp4", ".jpg", ".parquet")
# The oldest time a zip can hold: the same export gives the same bytes whenever it is made.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def start(*, by, options):
    """Queue an export; the same one asked for twice while it waits or runs is one job."""
    words = {"original": say("original videos"), "proxy": say("proxy videos")}
    title = say(
        "Export of questions about clips for %(purpose)s, %(videos)s",
        purpose=say("everything") if options.purpose == "all" else Clip.Purpose(options.purpose).label,
        videos=words[options.video_file] if options.videos != "none" else say("no videos"),
    )
    return jobs.enqueue(
        KIND,
        owner=by,
        key=f"export-{options.purpose}-{options.videos}-{options.video_file}-{options.allow_unchecked:d}",
        title=title,
        purpose=options.purpose,
        video_file=options.video_file,
        videos=options.videos,
        allow_unchecked=options.allow_unchecked,
    )


def all_exports():
    return Job.objects.filter(kind=KIND).select_related("owner").defer("log").order_by("-pk")


def file_of(job):
    """The name in the storage of the zip an export made, "" when there is none (yet, or any more)."""
    return job.result.get("file", "") if job.kind in (KIND, OF_RELEASES) and job.state == Job.State.DONE else ""


def remove(job):
    """Delete the zip of a finished export; its row stays. `WrongState` when there is none."""
    name = file_of(job)
    if not name:
        raise WrongState(_("This export has no file."))
    default_storage.delete(name)
    Job.objects.filter(pk=job.pk, state=Job.State.DONE).update(result=job.result | {"file": "", "removed": True})


class _Progress(exporting.Progress):
    """Videos are handled twice, checked first and packed then, so there are twice as many steps."""

    def __init__(self, run):
        self.run = run

    def texts(self, done):
        self.run.check()  # no progress: inside the snapshot nothing may be written

    def videos(self, done, total):
        self.run.progress(done, 2 * total, unit=gettext_noop("steps"))


@jobs.job(KIND, queue="io")
def export(run, *, purpose, video_file, videos, allow_unchecked=False):
    """Safe to run twice: each attempt works in a folder of its own, and what it made is replaced whole."""
    owner = run.job.owner
    _remove_attempts(run.job.pk)
    folder = store.work_dir() / f"export-{run.job.pk}-{run.job.run_token.hex}"
    packed = folder.with_suffix(".zip")
    # In a folder the zip is the only copy that is made; elsewhere files have to be fetched first.
    way = "none" if videos == "none" else "link" if store.has_paths() else "copy"
    with translation.override((owner and owner.language) or settings.LANGUAGE_CODE):
        try:
            summary = exporting.export(
                folder,
                options=exporting.Options(way, video_file, purpose, allow_unchecked),
                progress=_Progress(run),
            )
            (annotation,) = folder.glob("PhysGame_*_annotation.json")
            name = pack(run, folder, packed, annotation.name.removesuffix("_annotation.json"))
            file = keep(packed, f"exports/{run.job.pk}/{name}")
        except (exporting.CannotExport, CannotWrite) as error:
            raise jobs.JobFailed(str(error)) from error
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise jobs.JobFailed(say("The Studio's disk is full. Delete old exports, or ask an admin.")) from error
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            packed.unlink(missing_ok=True)
    return {
        "file": file,
        "name": name,
        "bytes": default_storage.size(file),
        "questions": summary.questions,
        "clips": summary.clips,
        "changed_ids": summary.changed_ids,
        "left_out": summary.left_out,
    }


def _remove_attempts(pk):
    """Delete what killed attempts of this export left; one that only seems dead has lost its claim and stops."""
    for path in (*store.work_dir().glob(f"export-{pk}-*"), *store.work_dir().glob(f".export-{pk}-*")):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def pack(run, folder, packed, name):
    """Zip a finished export below a folder `name`; returns what people download it as. What is packed is stored as it is."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    videos = sum(path.suffix == ".mp4" for path in paths)
    done = 0
    with zipfile.ZipFile(packed, "w", allowZip64=True) as archive:
        for path in paths:
            entry = zipfile.ZipInfo(f"{name}/{path.relative_to(folder).as_posix()}", _ZIP_TIME)
            entry.compress_type = zipfile.ZIP_STORED if path.suffix in _PACKED else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            entry.file_size = path.stat().st_size  # lets the archive choose 64-bit fields where they are needed
            with path.open("rb") as source, archive.open(entry, "w") as target:
                while data := source.read(_CHUNK):
                    run.check()
                    target.write(data)
            if path.suffix == ".mp4":
                done += 1
                run.progress(videos + done, 2 * videos, unit=gettext_noop("steps"))
    return f"{name}.zip"


def keep(path, name):
    """Put the finished file under its name into the storage, in place of what an earlier attempt left there."""
    if store.has_paths():
        target = Path(default_storage.path(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        if settings.FILE_UPLOAD_PERMISSIONS is not None:
            os.chmod(path, settings.FILE_UPLOAD_PERMISSIONS)
        os.replace(path, target)
        return name
    default_storage.delete(name)
    with path.open("rb") as file:
        return default_storage.save(name, File(file))
