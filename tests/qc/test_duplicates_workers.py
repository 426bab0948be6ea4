"""Real workers: one killed while it stores prints, then two that match the same new clips at the same moment."""

import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.db import connection

from annotator import prints
from annotator.ingest import fingerprint
from annotator.models import Clip, ClipFamily, Fingerprint
from qc.duplicates import grouping
from qc.duplicates.models import DuplicatePair
from studio.models import Job
from tests.conftest import wait_until
from tests.factories import ClipFactory
from tests.qc import duplicates

WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = %s"


@contextmanager
def held(lock):
    """Nobody else gets this advisory lock; yields a function that counts who waits for it."""

    def waiting():
        with connection.cursor() as cursor:
            cursor.execute(WAITING, [lock])
            return cursor.fetchone()[0]

    holder = connection.copy()
    try:
        with holder.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [lock])
        yield waiting
    finally:
        holder.close()


def clip_of(film):
    clip = ClipFactory(frame_count=150)
    path = Path(default_storage.path(clip.proxy))
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(film, path)
    return clip


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_leaves_no_half_print_and_two_at_once_find_each_pair_once(start_worker):
    films = [duplicates.scene("glitch"), duplicates.edited("half", "-vf", "scale=426:240")]
    films.append(duplicates.edited("coarse", "-crf", "34"))
    clips = [clip_of(film) for film in films]
    job = prints.start()

    with held(prints._ORDER) as waiting:
        first = start_worker(queues="cpu,io", concurrency=1)
        wait_until(waiting, seconds=240, what="the worker to store its first print")
        first.kill()
    wait_until(lambda: not waiting(), what="the dead worker's statement to end")
    assert not Fingerprint.objects.exists() and Job.objects.get(pk=job.pk).state == "running"

    with held(grouping._LOCK) as waiting:
        workers = [start_worker(queues="cpu,io", concurrency=1) for _ in range(2)]
        wait_until(lambda: waiting() == 2, seconds=240, what="both workers to have matched a clip")
    active = lambda: Job.objects.active().count()  # noqa: E731
    wait_until(lambda: not active(), seconds=120, moving=active, what="all jobs to end")
    for worker in workers:
        worker.stop()

    job.refresh_from_db()
    assert (job.state, job.attempts, job.result) == ("done", 2, {"made": 3}), job.error
    assert sorted(Fingerprint.objects.values_list("clip", flat=True)) == [clip.pk for clip in clips]
    kept = prints.of(Fingerprint.objects.get(clip=clips[0]))
    assert (kept.hashes == fingerprint.of_file(films[0]).hashes).all()
    assert not Fingerprint.objects.filter(compared_at=None).exists()
    a, b, c = (clip.pk for clip in clips)
    assert set(DuplicatePair.objects.values_list("first", "second", "together")) == {
        (a, b, True),
        (a, c, True),
        (b, c, True),
    }
    assert DuplicatePair.objects.count() == 3 and ClipFamily.objects.count() == 1
    assert Clip.objects.filter(family=ClipFamily.objects.get()).count() == 3
