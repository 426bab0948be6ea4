"""The wall between what is measured and what is learned from: one family of clips lies on one side of it.

    families.keep_apart({"train": train_clips, "test": test_clips})

Whoever freezes, exports or splits anything asks this one function.
"""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from annotator.models import Clip, WrongState

_NAMED = 5  # families a sentence names
_SIDES = {
    "benchmark": gettext_lazy("for the benchmark"),
    "training": gettext_lazy("for training"),
    "train": gettext_lazy("in train"),
    "val": gettext_lazy("in val"),
    "test": gettext_lazy("in test"),
}


class Straddles(WrongState):
    """Clips that show the same are on two sides; `families` is [{side: [clip ids]}, ...]."""

    def __init__(self, families):
        self.families = families
        named = "; ".join(
            _(" and ").join(
                _("clip %(ids)s %(side)s") % {"ids": ", ".join(map(str, ids[:_NAMED])), "side": _SIDES.get(side, side)}
                for side, ids in sides.items()
            )
            for sides in families[:_NAMED]
        )
        count = len(families)
        super().__init__(
            ngettext(
                "%(count)d family of clips that show the same lies on two sides: %(named)s. Give its clips one purpose, set"
                " one of them aside, or rule on the pair if they are not the same.",
                "%(count)d families of clips that show the same lie on two sides, among them: %(named)s. Give the clips of"
                " each family one purpose, set some aside, or rule on the pairs that are not the same.",
                count,
            )
            % {"count": count, "named": named}
        )


def straddling(sides):
    """[{side: [clip ids]}, ...]: the families that have clips on more than one of `sides`, {name: queryset of clips}."""
    found = {}
    for side, clips in sides.items():
        for family, clip in clips.filter(family__isnull=False).order_by("pk").values_list("family_id", "pk").distinct():
            found.setdefault(family, {}).setdefault(side, []).append(clip)
    return [placed for _family, placed in sorted(found.items()) if len(placed) > 1]


def keep_apart(sides):
    """Raise `Straddles`, naming the clips, unless every family lies on one side of `sides`, {name: queryset of clips}."""
    families = straddling(sides)
    if families:
        raise Straddles(families)


def in_use():
    """Clips that questions may come from; what was set aside is on no side."""
    return Clip.objects.filter(content__in=Clip.WRITABLE)


def sides_of_purpose(clips=None):
    """{"benchmark", "training"}: the clips in use for each; `clips` narrows to their families."""
    used = in_use()
    if clips is not None:
        used = used.filter(family__in=clips.filter(family__isnull=False).order_by().values("family"))
    return {side: used.filter(purpose=side) for side in (Clip.Purpose.BENCHMARK.value, Clip.Purpose.TRAINING.value)}


def keep_apart_after(clip_ids, *, purpose=None, content=None):
    """Raise `Straddles` if giving these clips another purpose or content would leave one of their families on both sides."""
    if purpose == Clip.Purpose.PRACTICE or (content is not None and content not in Clip.WRITABLE):
        return  # that takes them off their side
    chosen = Clip.objects.filter(pk__in=clip_ids)
    if content is None:
        chosen = chosen.filter(content__in=Clip.WRITABLE)
    families = chosen.filter(family__isnull=False).order_by().values("family")
    rest = in_use().filter(family__in=families).exclude(pk__in=clip_ids)
    sides = {}
    for side in (Clip.Purpose.BENCHMARK.value, Clip.Purpose.TRAINING.value):
        ours = chosen.filter(purpose=side) if purpose is None else chosen if purpose == side else chosen.none()
        sides[side] = rest.filter(purpose=side) | ours
    keep_apart(sides)
