"""Numbers of training as people read them."""

import math
from decimal import Decimal

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from studio.templatetags import jobs

register = template.Library()


def _rounded(value, places):
    """Django's own way cuts digits off instead of rounding."""
    return number_format(Decimal(f"{value:.{places}f}"), decimal_pos=places)


@register.filter
def duration(seconds):
    return jobs.duration(seconds) if short(seconds) else ""


@register.filter
def short(value):
    """Four digits that count: 0.01234, 12.35, 0.00001; "" for what is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return ""
    if value == int(value) and abs(value) < 10**9:
        return number_format(int(value), force_grouping=True)
    if 1e-4 <= abs(value) < 1e6:
        places = max(0, 3 - math.floor(math.log10(abs(value))))
        return _rounded(value, min(places, 7))
    return f"{value:.2e}"


@register.filter
def large(value):
    """A count in thousands, millions, billions and so on: 7.6 G."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return ""
    for unit in ("", "k", "M", "G", "T", "P", "E"):
        if abs(value) < 1000:
            return f"{value:.3g} {unit}".strip()
        value /= 1000
    return f"{value:.3g} Z"


@register.filter
def percent(value):
    return "" if short(value) == "" else _("%(number)s %%") % {"number": _rounded(100 * value, 1)}


@register.filter
def memory(value):
    """Bytes in units of 1000, as processors and the trainer's messages count them."""
    if short(value) == "":
        return ""
    return f"{_rounded(value / 1e9, 2)} GB" if value >= 1e8 else f"{_rounded(value / 1e6, 1)} MB"
