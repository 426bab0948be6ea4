"""The split firewall: a clip, with all that look like it, is in one split of one purpose for ever.

Kept by the ledger `SplitClaim` and its triggers; what stands here says beforehand which clips are refused, and why.
Training data also keeps away from the benchmarks of others that `guard_benchmark` made known.
"""

from dataclasses import dataclass
from functools import partial

from django.utils.translation import gettext as _

from annotator.models import Clip, Fingerprint
from modelzoo.models import ForeignClip, Release, ReleaseClip, SplitClaim
from modelzoo.releases import families, foreign
from studio.sentences import say

BATCH = 5000
NAMED = 10  # clips that a refusal names


@dataclass(frozen=True)
class Conflict:
    clip_id: int
    sentence: str


def conflicts(clips, *, purpose, split):
    """`Conflict`s of `clips`, [(id, SHA-256)], with a new set of that purpose and split; one for each clip at most."""
    checks = [partial(_claimed, purpose=purpose, split=split), _straddling]
    return _first_of_each(clips, [*checks, _foreign, _not_compared] if purpose == "training" else [*checks, _not_compared])


def held_back(clips):
    """`Conflict`s of `clips`, [(id, SHA-256)], with training of any sort: they are of a benchmark, or look like one."""
    return _first_of_each(clips, [partial(_claimed, purpose="training", split=None), _foreign])


def _first_of_each(clips, checks):
    found = {}
    for start in range(0, len(clips), BATCH):
        part = clips[start : start + BATCH]
        relatives = families.relatives([pk for pk, _sha in part])
        for check in checks:
            for conflict in check(part, relatives):
                found.setdefault(conflict.clip_id, conflict)
    return list(found.values())


def _claimed(clips, relatives, *, purpose, split):
    """What the ledger says: another purpose, or where `split` is given another split."""
    wanted = [(pk, f"sha256:{sha}", None) for pk, sha in clips]
    wanted += [(pk, f"sha256:{sha}", other) for pk, other, sha in relatives]
    wanted += [(pk, f"family:{name}", 0) for pk, name in families.families_of([pk for pk, _sha in clips]).items()]
    claims = SplitClaim.objects.filter(key__in=[key for _pk, key, _kin in wanted]).select_related("release")
    claims = {claim.key: claim for claim in claims}
    for pk, key, kin in wanted:
        claim = claims.get(key)
        if claim is None or claim.purpose == purpose and split in (None, claim.split):
            continue
        words = {"release": claim.release.name, "purpose": Clip.Purpose(claim.purpose).label}
        words |= {"id": pk, "split": Release.Split(claim.split).label}
        if kin is None:
            yield Conflict(pk, say("Clip %(id)s is in %(release)s (%(purpose)s, %(split)s).", **words))
        else:
            words["other"] = kin or _first_clip(claim)
            told = say("Clip %(id)s looks like clip %(other)s of %(release)s (%(purpose)s, %(split)s).", **words)
            yield Conflict(pk, told)


def _first_clip(claim):
    """The clip by which a family came into the release."""
    named = ReleaseClip.objects.filter(release=claim.release, family=claim.key.removeprefix("family:"))
    return named.order_by("pk").values_list("clip_id", flat=True).first()


def _straddling(clips, _relatives):
    for pk, others in families.straddling([pk for pk, _sha in clips]):
        words = {"id": pk, "others": ", ".join(map(str, others[:NAMED]))}
        yield Conflict(pk, say("Clip %(id)s shows the same as %(others)s, which has another purpose.", **words))


def _foreign(clips, relatives):
    """Benchmarks of others: clips equal to a video of theirs, or that look like one, or in a family with such a clip."""
    by_hash = {sha: other for _pk, other, sha in relatives} | {sha: pk for pk, sha in clips}
    known = ForeignClip.objects.filter(sha256__in=by_hash).select_related("benchmark").defer("hashes", "quality", "keys")
    equal = {by_hash[one.sha256]: one for one in known}
    alike = foreign.lookalikes(by_hash.values())
    for pk, _sha in clips:
        if one := equal.get(pk):
            words = {"id": pk, "path": one.path, "name": one.benchmark.name}
            yield Conflict(pk, say("Clip %(id)s is %(path)s of the benchmark %(name)s.", **words))
        elif one := alike.get(pk):
            words = {"id": pk, "path": one.path, "name": one.benchmark.name}
            yield Conflict(pk, say("Clip %(id)s looks like %(path)s of the benchmark %(name)s.", **words))
    for pk, other, _sha in relatives:
        if one := equal.get(other) or alike.get(other):
            words = {"id": pk, "other": other, "path": one.path, "name": one.benchmark.name}
            told = say("Clip %(id)s shows the same as clip %(other)s: %(path)s of the benchmark %(name)s.", **words)
            yield Conflict(pk, told)
    if foreign.any_known():
        printed = set(Fingerprint.objects.filter(clip__in=[pk for pk, _sha in clips]).values_list("clip", flat=True))
        for pk in [pk for pk, _sha in clips if pk not in printed]:
            told = say("Clip %(id)s has no fingerprint to compare with foreign benchmarks: run fingerprint_clips.", id=pk)
            yield Conflict(pk, told)


def _not_compared(clips, _relatives):
    """Clips whose family is not known yet."""
    waiting = Fingerprint.objects.filter(clip__in=[pk for pk, _sha in clips], compared_at=None)
    for pk in waiting.order_by("clip").values_list("clip", flat=True):
        yield Conflict(pk, say("Clip %(id)s has not been compared with the other clips yet. Seal again in a moment.", id=pk))


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
