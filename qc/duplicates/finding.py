"""Finding the clips that look like a given one: the index names candidates, prints and films are compared, pairs stored.

State is in PostgreSQL: a print whose `compared_at` is empty has not been compared, whatever happened to its job. Two clips
that come in at once both look after both prints are visible, or the later one does, and a pair is stored once.
"""

import threading

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from annotator import prints
from annotator.ingest import store
from annotator.models import Clip, Fingerprint
from qc.duplicates import grouping
from qc.duplicates.models import DuplicatePair
from studio import jobs
from studio.sentences import say

KIND = "qc.duplicates"
LEAST_VOTES = 2  # codes of a clip that are near ones of another, before their prints are compared
_READ_AT_ONCE = 20_000
_cache = {"index": None, "seen": 0}
_lock = threading.Lock()


def on_ready(clip_id):
    """Told when a clip has its print, inside that transaction."""
    jobs.enqueue(
        KIND, key=f"duplicates-{clip_id}", title=say("Look for clips like clip %(clip)d", clip=clip_id), clip_id=clip_id
    )


def index():
    """This process's index, with every print that is visible now."""
    import numpy as np

    from qc.duplicates.index import CODE_BYTES, Index

    with _lock:
        if _cache["index"] is None:
            _cache.update(index=Index(), seen=0)
        while True:
            rows = Fingerprint.objects.filter(pk__gt=_cache["seen"], version=prints.VERSION).order_by("pk")
            rows = list(rows.values_list("pk", "clip_id", "keys")[:_READ_AT_ONCE])
            if not rows:
                return _cache["index"]
            counts = [len(keys) // CODE_BYTES for _pk, _clip, keys in rows]
            codes = np.frombuffer(b"".join(bytes(keys) for _pk, _clip, keys in rows), np.uint8).reshape(-1, CODE_BYTES)
            _cache["index"].add([clip for _pk, clip, _keys in rows], counts, codes)
            _cache["seen"] = rows[-1][0]


def forget_index():
    """Let the next search read everything anew (tests empty the database under us)."""
    with _lock:
        _cache.update(index=None, seen=0)


def candidates(clip_id, print_):
    """Ids of the clips with most frames near this one's or its mirror image's, most first."""
    return [found for found in near(print_, index()) if found != clip_id][: 5 * settings.DUPLICATE_CANDIDATES]


def near(print_, among):
    """Owners in the `Index` with most frames near this print's or its mirror image's, most first."""
    import numpy as np

    from annotator.ingest.fingerprint import KEY_BYTES, LEAST_QUALITY, mirrored

    frames = print_.hashes[print_.quality >= LEAST_QUALITY]
    if not len(frames):
        return []
    codes = np.concatenate([frames, mirrored(frames)]).reshape(-1, 32)[:, :KEY_BYTES]
    found, votes = among.search(np.unique(codes, axis=0))
    few = min(LEAST_VOTES, max(1, len(frames)))
    return list(dict.fromkeys(int(owner) for owner, count in zip(found, votes, strict=True) if count >= few))


@jobs.job(KIND, queue="cpu")
def find(run, *, clip_id):
    """Compare one clip with all others. Safe to run twice: a pair that is there keeps what people decided."""
    row = Fingerprint.objects.filter(clip_id=clip_id, version=prints.VERSION, clip__state=Clip.State.READY).first()
    if row is None:
        return {}
    print_ = prints.of(row)
    found = []
    for other, shared in _alike(clip_id, print_, candidates(clip_id, print_)):
        run.check()
        looked = _look(clip_id, other, shared, print_)
        if looked.most >= settings.DUPLICATE_ASK:
            found.append(store_pair(clip_id, other, looked))
    grouping.regroup({clip_id, *(pair.first_id for pair in found), *(pair.second_id for pair in found)})
    Fingerprint.objects.filter(pk=row.pk).update(compared_at=timezone.now())
    return {"pairs": len(found)}


def _alike(clip_id, print_, ids):
    """[(clip id, Shared by prints)], those that share most first."""
    from qc.duplicates.compare import by_prints

    rows = Fingerprint.objects.filter(clip_id__in=ids, version=prints.VERSION, clip__state=Clip.State.READY)
    shared = [(row.clip_id, by_prints(print_, prints.of(row))) for row in rows]
    shared = [(other, what) for other, what in shared if what and what.most >= settings.DUPLICATE_ASK / 2]
    return sorted(shared, key=lambda each: -each[1].most)[: settings.DUPLICATE_CANDIDATES]


def _look(clip_id, other_id, shared, print_):
    """The same with the films laid on each other; as it was when a film cannot be read."""
    from qc.duplicates.compare import by_films

    clips = Clip.objects.in_bulk([clip_id, other_id])
    if len(clips) < 2:
        return shared
    one, other = clips[clip_id], clips[other_id]
    theirs = Fingerprint.objects.filter(clip=other_id, version=prints.VERSION).first()
    if theirs is None:
        return shared
    with store.local(one.proxy) as path, store.local(other.proxy) as other_path:
        try:
            return by_films(shared, (path, other_path), (float(one.fps), float(other.fps)), (print_, prints.of(theirs)))
        except (OSError, ValueError):
            return shared


def store_pair(one_id, other_id, shared):
    """Store (or measure anew) the pair of two clips; what was decided stays. Returns it."""
    speed, offset_s, picture, differs = shared.speed, shared.offset_s, shared.picture, shared.differs
    covers = shared.cover_one, shared.cover_other
    if one_id > other_id:  # the pair is told from its older clip
        differs = [(speed * a + offset_s, speed * b + offset_s) for a, b in differs]
        speed, offset_s = 1 / speed, -offset_s / speed
        if picture:
            sx, tx, sy, ty = picture
            if shared.mirror:  # it is the other picture that is turned over now
                tx = 1 - sx - tx
            picture = (1 / sx, -tx / sx, 1 / sy, -ty / sy)
        covers = covers[::-1]
    measured = {
        "cover_first": covers[0],
        "cover_second": covers[1],
        "cover_most": shared.most,
        "frames": shared.frames,
        "mirror": shared.mirror,
        "speed": speed,
        "offset_s": offset_s,
        "picture": list(picture) if picture else None,
        "differs": [[round(max(0.0, a), 2), round(max(0.0, b), 2)] for a, b in differs],
        "looked_s": shared.looked_s,
    }
    ids = {"first_id": min(one_id, other_id), "second_id": max(one_id, other_id)}
    try:
        with transaction.atomic():
            pair = DuplicatePair(**ids, **measured)
            _judge_alone(pair)
            pair.save(force_insert=True)
            return pair
    except IntegrityError:
        DuplicatePair.objects.filter(**ids).update(**measured)
        pair = DuplicatePair.objects.get(**ids)
        if pair.decided_by_id is None:
            _judge_alone(pair)
            DuplicatePair.objects.filter(pk=pair.pk, decided_by=None).update(state=pair.state, decided_at=pair.decided_at)
        return pair


def _judge_alone(pair):
    """What needs no person: a copy, most of which is in the other clip and in which nothing passing differs."""
    copy = pair.suggestion == DuplicatePair.State.SAME
    pair.state = DuplicatePair.State.SAME if copy else DuplicatePair.State.OPEN
    pair.decided_at = timezone.now() if copy else None
