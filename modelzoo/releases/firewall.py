"""The split firewall: a clip, with all that look like it, is in one split of one purpose for ever.

Kept by the ledger `SplitClaim` and its triggers; what stands here says beforehand which clips are refused, and why.
Training data also keeps away from the benchmarks of others that `guard_benchmark` made known.
"""

import hashlib
import os
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from annotator.models import Clip
from modelzoo.models import ForeignBenchmark, ForeignClip, SplitClaim
from modelzoo.releases import families

BATCH = 5000
NAMED = 10  # clips that a refusal names
VIDEO_ENDINGS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi")


@dataclass(frozen=True)
class Conflict:
    clip_id: int
    sentence: str


def conflicts(clips, *, purpose, split):
    """`Conflict`s of `clips`, [(id, SHA-256)], with a new set of that purpose and split; one for each clip at most."""
    found = {}
    for start in range(0, len(clips), BATCH):
        part = clips[start : start + BATCH]
        for conflict in _of_part(part, purpose=purpose, split=split):
            found.setdefault(conflict.clip_id, conflict)
    return list(found.values())


def _of_part(clips, *, purpose, split):
    ids = [pk for pk, _sha in clips]
    wanted = [(pk, f"sha256:{sha}", "") for pk, sha in clips]
    wanted += [(pk, f"family:{name}", name) for pk, name in families.families_of(ids).items()]
    wanted += [(pk, f"sha256:{sha}", sha) for pk, sha in families.relatives(ids)]
    claims = SplitClaim.objects.filter(key__in=[key for _pk, key, _kin in wanted]).select_related("release")
    claims = {claim.key: claim for claim in claims}
    for pk, key, kin in wanted:
        claim = claims.get(key)
        if claim and (claim.purpose, claim.split) != (purpose, split):
            words = {"id": pk, "purpose": Clip.Purpose(claim.purpose).label, "split": claim.get_split_display()}
            words["release"] = claim.release.name
            if kin:
                told = _("Clip %(id)s looks like a clip of %(release)s (%(purpose)s, %(split)s).") % words
            else:
                told = _("Clip %(id)s is in %(release)s (%(purpose)s, %(split)s).") % words
            yield Conflict(pk, told)
    for pk, others in families.straddling(ids):
        words = {"id": pk, "others": ", ".join(map(str, others[:NAMED]))}
        yield Conflict(pk, _("Clip %(id)s shows the same as %(others)s, which has another purpose.") % words)
    if purpose == "training":
        yield from _foreign(clips)


def _foreign(clips):
    by_hash = {sha: pk for pk, sha in clips}
    for one in ForeignClip.objects.filter(sha256__in=by_hash).select_related("benchmark"):
        words = {"id": by_hash[one.sha256], "path": one.path, "name": one.benchmark.name}
        yield Conflict(words["id"], _("Clip %(id)s is %(path)s of the benchmark %(name)s.") % words)


def in_words(found):
    """One sentence about refused clips that names them."""
    told = " ".join(conflict.sentence for conflict in found[:NAMED])
    more = len(found) - NAMED
    return told + (" " + _("And %(count)s more.") % {"count": more} if more > 0 else "")


def claim(release, clips):
    """Write the clips, [(SHA-256, family)], into the ledger where they are not yet."""
    keys = {f"sha256:{sha}" for sha, _family in clips} | {f"family:{family}" for _sha, family in clips if family}
    keys = sorted(keys)
    for start in range(0, len(keys), BATCH):
        part = keys[start : start + BATCH]
        known = set(SplitClaim.objects.filter(key__in=part).values_list("key", flat=True))
        SplitClaim.objects.bulk_create(
            SplitClaim(key=key, purpose=release.purpose, split=release.split, release=release)
            for key in part
            if key not in known
        )


# ---- Benchmarks of others


def videos_in(folder):
    """Paths of the video files below a folder, relative to it, in order."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders.sort()
        found += [os.path.join(parent, name) for name in names if name.lower().endswith(VIDEO_ENDINGS)]
    return sorted(os.path.relpath(path, folder) for path in found)


def guard(name, folder, *, progress=lambda done, total: None):
    """Know every video below `folder` as part of the foreign benchmark `name`, in place of what was known of it.

    Returns (videos, clips of ours that are for training and equal to one of them). `ValueError` when there is no video.
    """
    paths = videos_in(folder)
    if not paths:
        raise ValueError(_("There is no video below %(folder)s.") % {"folder": folder})
    rows = []
    for done, path in enumerate(paths, 1):
        digest = hashlib.sha256()
        with open(os.path.join(folder, path), "rb") as file:
            while data := file.read(1 << 20):
                digest.update(data)
        rows.append((path, digest.hexdigest()))
        progress(done, len(paths))
    with transaction.atomic():
        benchmark, _created = ForeignBenchmark.objects.update_or_create(name=name, defaults={"folder": str(folder)})
        benchmark.clips.all().delete()
        ForeignClip.objects.bulk_create(
            [ForeignClip(benchmark=benchmark, path=path[:1000], sha256=sha) for path, sha in rows], batch_size=BATCH
        )
    touched = Clip.objects.filter(purpose=Clip.Purpose.TRAINING, sha256__in=[sha for _path, sha in rows])
    return len(rows), list(touched.order_by("pk"))
