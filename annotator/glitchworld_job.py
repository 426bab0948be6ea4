"""Clips of GlitchWorld made in the background: rendered by the command, then brought in with their truth."""

import os
import re
import shutil
import subprocess
import sys

from django.conf import settings
from django.utils.translation import gettext_noop

from annotator import importing
from annotator.ingest import store
from annotator.models import Clip
from annotator.sources.files import find
from studio import jobs
from studio.jobs import JobFailed
from studio.sentences import say

KIND = "annotator.glitchworld"
MOST = 1000
_UNIT = gettext_noop("clips")
_DONE = re.compile(r"(\d+)/(\d+)")


def start(*, by, clips, seed, purpose, twins):
    """Queue the making of `clips` clips; the same ones asked for twice while they are made are one job."""
    return jobs.enqueue(
        KIND,
        owner=by,
        key=f"glitchworld-{seed}-{clips}-{purpose}-{int(twins)}",
        title=say("Clips made by GlitchWorld: %(count)s with the seed %(seed)s", count=clips, seed=seed),
        total=clips * (2 if twins else 1),
        unit=_UNIT,
        clips=clips,
        seed=seed,
        purpose=purpose,
        twins=twins,
    )


@jobs.job(KIND, queue="cpu")
def make(run, *, clips, seed, purpose, twins):
    """Safe to run twice: each attempt renders into a folder of its own, and the same clips come in once."""
    for old in store.work_dir().glob(f"glitchworld-{run.job.pk}-*"):
        shutil.rmtree(old, ignore_errors=True)
    folder = store.work_dir() / f"glitchworld-{run.job.pk}-{run.job.attempts}"
    try:
        _render(run, folder, ["--clips", str(clips), "--seed", str(seed), *(["--twins"] if twins else [])])
        brought = 0
        defaults = {"purpose": purpose, "expected_category": "", "licence": ""}
        for found in find([str(folder)], kind="folder", defaults=defaults):
            run.check()
            _clip, created = importing.bring(
                found.path,
                original_name=found.path.name,
                source=Clip.Source.GLITCHWORLD,
                by=run.job.owner,
                story=found.story,
                truth=found.truth,
            )
            brought += created
        run.progress(run.job.total, run.job.total, unit=_UNIT)
        return {"clips": brought}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _render(run, folder, options):
    """Run make_glitchworld as a process of its own: a worker's child may not start the processes that render."""
    command = [sys.executable, "manage.py", "make_glitchworld", str(folder), *options]
    with subprocess.Popen(
        command,
        cwd=settings.BASE_DIR,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            for line in process.stdout:
                if counted := _DONE.match(line):
                    run.progress(int(counted[1]), int(counted[2]), unit=_UNIT)
            complaint = process.stderr.read()
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise JobFailed(complaint.removeprefix("CommandError: ").strip()[-1000:] or f"Exit status {process.returncode}.")
