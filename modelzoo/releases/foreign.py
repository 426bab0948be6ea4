"""Benchmarks of others: their videos by hash and by what they look like, and the clips of ours that are among them.

Prints are those of near-duplicates (annotator/ingest/fingerprint.py, qc/duplicates), so a copy that was re-encoded, scaled,
cut or mirrored is found. Only prints are kept, so the folder may go once it is known.
"""

import hashlib
import os
import threading

from django.conf import settings
from django.db.models import Count, Max
from django.utils.translation import gettext as _

from annotator import prints
from annotator.models import Clip, Fingerprint
from modelzoo.models import ForeignBenchmark, ForeignClip
from qc.duplicates.finding import near

BATCH = 1000
VIDEO_ENDINGS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi")
_lock = threading.Lock()
_cache = {"stamp": None}  # of this process: the index of foreign prints, and which of ours were looked up in it


def videos_in(folder):
    """Paths of the video files below a folder, relative to it, in order."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders.sort()
        found += [os.path.join(parent, name) for name in names if name.lower().endswith(VIDEO_ENDINGS)]
    return sorted(os.path.relpath(path, folder) for path in found)


def guard(name, folder, *, progress=lambda done, total: None):
    """Know every video below `folder` as part of the foreign benchmark `name`, in place of what was known of it.

    Returns (videos, paths of those that cannot be decoded and are known by their hash alone). `ValueError` when there is no
    video. Each video is stored when it was read: killed and run again, it goes on with the others.
    """
    paths = videos_in(folder)
    if not paths:
        raise ValueError(_("There is no video below %(folder)s.") % {"folder": folder})
    benchmark, _created = ForeignBenchmark.objects.update_or_create(name=name, defaults={"folder": str(folder)})
    blind = []
    for done, path in enumerate(paths):
        progress(done, len(paths))
        fields = _read(os.path.join(folder, path))
        if not fields["version"]:
            blind.append(path)
        ForeignClip.objects.update_or_create(benchmark=benchmark, path=path[:1000], defaults=fields)
    benchmark.clips.exclude(path__in=[path[:1000] for path in paths]).delete()
    progress(len(paths), len(paths))
    return len(paths), blind


def _read(path):
    """The fields of a `ForeignClip`. Reading it is what takes long, so a file that is known already is not read again."""
    from annotator.ingest import fingerprint

    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    names = "version", "hashes", "quality", "keys"
    known = ForeignClip.objects.filter(sha256=sha256, version=prints.VERSION).values(*names).first()
    if known:
        return {"sha256": sha256, **known}
    try:
        print_ = fingerprint.of_file(path)
    except OSError:
        return {"sha256": sha256, "version": 0, "hashes": b"", "quality": b"", "keys": b""}
    made = {name: getattr(print_, name).tobytes() for name in names[1:]}
    return {"sha256": sha256, "version": prints.VERSION, **made}


def any_known():
    """Whether there is a foreign video that clips have to be compared with by their looks."""
    return ForeignClip.objects.filter(version=prints.VERSION).exists()


def lookalikes(clip_ids, *, progress=lambda done, total: None):
    """{clip id: the `ForeignClip` it looks like} of those of the clips that look like one.

    What is held to be enough is what makes two clips of ours one family (settings.DUPLICATE_FAMILY).
    """
    if not any_known():
        return {}
    with _lock:
        _fill()
        index, looked = _cache["index"], _cache["looked"]
        ids, found = list(clip_ids), {}
        for start in range(0, len(ids), BATCH):
            progress(start, len(ids))
            rows = Fingerprint.objects.filter(clip__in=ids[start : start + BATCH], version=prints.VERSION)
            owners = dict(rows.values_list("pk", "clip_id"))
            for row in rows.filter(pk__in=owners.keys() - looked.keys()):  # only these are read whole
                looked[row.pk] = _compare(row, index)
            found.update({clip_id: looked[pk] for pk, clip_id in owners.items() if looked.get(pk)})
    named = ForeignClip.objects.select_related("benchmark").defer("hashes", "quality", "keys").in_bulk(found.values())
    return {clip_id: named[pk] for clip_id, pk in found.items() if pk in named}


def _fill():
    """Bring the index of this process up to date; prints of ours that were compared with another set are forgotten."""
    import numpy as np

    from qc.duplicates.index import CODE_BYTES, Index

    known = ForeignClip.objects.filter(version=prints.VERSION)
    stamp = tuple(known.aggregate(Count("pk"), Max("pk")).values())
    if _cache["stamp"] == stamp:
        return
    index = Index()
    rows = list(known.order_by("pk").values_list("pk", "keys"))
    codes = np.frombuffer(b"".join(bytes(keys) for _pk, keys in rows), np.uint8).reshape(-1, CODE_BYTES)
    index.add([pk for pk, _keys in rows], [len(keys) // CODE_BYTES for _pk, keys in rows], codes)
    index.sort()
    _cache.update(stamp=stamp, index=index, looked={})


def _compare(row, index):
    """The id of the foreign clip that most of this print is in or that is in it; None when there is none."""
    from qc.duplicates.compare import by_prints

    print_, best = prints.of(row), (settings.DUPLICATE_FAMILY, None)
    near_ones = near(print_, index)[: 5 * settings.DUPLICATE_CANDIDATES]
    for other in ForeignClip.objects.filter(pk__in=near_ones) if near_ones else ():
        shared = by_prints(print_, prints.of(other))
        if shared and (shared.most, -other.pk) >= (best[0], -(best[1] or other.pk)):
            best = shared.most, other.pk
    return best[1]


def ours_among(name, *, progress=lambda done, total: None):
    """[(clip, path)]: clips of ours for training that are, or look like, a video of the foreign benchmark `name`."""
    ours = Clip.objects.filter(purpose=Clip.Purpose.TRAINING)
    theirs = dict(ForeignClip.objects.filter(benchmark__name=name).values_list("sha256", "path"))
    found = {clip.pk: theirs[clip.sha256] for clip in ours.filter(sha256__in=theirs)}
    for pk, other in lookalikes(ours.order_by("pk").values_list("pk", flat=True), progress=progress).items():
        if other.benchmark.name == name:
            found.setdefault(pk, other.path)
    clips = Clip.objects.in_bulk(found)
    return [(clips[pk], found[pk]) for pk in sorted(found)]
