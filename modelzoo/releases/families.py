"""Which clips show the same, as releases ask it. Names of families stay, though their members may change."""

from annotator import families
from annotator.models import Clip


def families_of(clip_ids):
    """{clip id: name of its family}; a clip that is alone is not in it."""
    found = Clip.objects.filter(pk__in=clip_ids, family__isnull=False).values_list("pk", "family_id")
    return {pk: str(family) for pk, family in found}


def relatives(clip_ids):
    """[(clip id, id of another clip of its family, SHA-256 of that), ...]."""
    ours = {}
    for pk, family in Clip.objects.filter(pk__in=clip_ids, family__isnull=False).values_list("pk", "family_id"):
        ours.setdefault(family, []).append(pk)
    others = Clip.objects.filter(family__in=ours).values_list("pk", "family_id", "sha256")
    return [(pk, other, sha256) for other, family, sha256 in others for pk in ours[family] if pk != other]


def straddling(clip_ids):
    """[(clip id, ids of clips of its family with another purpose), ...] among clips that are in use."""
    chosen = Clip.objects.filter(pk__in=clip_ids)
    found = []
    for sides in families.straddling(families.sides_of_purpose(chosen)):
        for side, pks in sides.items():
            others = sorted(pk for name, more in sides.items() if name != side for pk in more)
            found += [(pk, others) for pk in pks if pk in set(clip_ids)]
    return found
