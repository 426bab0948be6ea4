"""Which clips training data may be made of: training clips that are in no benchmark, sealed ones and those of others
included, and in no family of such a clip."""

from annotator.models import Clip
from modelzoo.releases.firewall import held_back
from studio.sentences import say

BENCHMARK = Clip.Purpose.BENCHMARK


def refusals(clips):
    """{clip pk: why} of those of the given clips that training data must not be made of; a few queries for any number."""
    clips = list(clips)
    found = {}
    kin = _benchmark_of_families({clip.family_id for clip in clips if clip.family_id})
    for clip in clips:
        if clip.purpose != Clip.Purpose.TRAINING:
            found[clip.pk] = say("It is a clip for: %(purpose)s.", purpose=Clip.Purpose(clip.purpose).label)
        elif clip.family_id in kin:
            found[clip.pk] = say("It looks like clip %(other)s, which is for the benchmark.", other=kin[clip.family_id])
    rest = [(clip.pk, clip.sha256) for clip in clips if clip.pk not in found]
    return found | {conflict.clip_id: conflict.sentence for conflict in held_back(rest)}


def _benchmark_of_families(families):
    """{family: a benchmark clip in it}"""
    rows = Clip.objects.filter(family__in=families, purpose=BENCHMARK).order_by("-pk") if families else ()
    return {clip.family_id: clip.pk for clip in rows}
