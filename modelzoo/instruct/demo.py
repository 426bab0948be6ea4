"""A lead's first decisions in the demo, so that its pages of training data show some."""

from modelzoo.instruct import rulings
from modelzoo.instruct.models import InstructSample, Origin


def review_some(by):
    """Of GlitchWorld's own follow-ups and choices, let one wait, reject one and accept one; once, whoever calls again."""
    if InstructSample.objects.filter(version__gt=0).exists():
        return
    rows = InstructSample.objects.filter(origin=Origin.GLITCHWORLD, place__gt=0)  # no pair stands on these
    rows = rows.order_by("-pk").values_list("pk", flat=True)[:3]
    decisions = (rulings.reopen, {}), (rulings.reject, {"reason": "dull"}), (rulings.accept, {})
    for pk, (decide, more) in zip(rows, decisions, strict=False):
        decide(user=by, sample_id=pk, version=0, **more)
