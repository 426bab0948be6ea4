"""How shares and rates are written on the quality page and on cards."""

from django import template
from django.utils.formats import number_format

register = template.Library()


@register.filter
def percent(value, places=0):
    """0.123 -> "12 %"; a dash for nothing."""
    return "–" if value is None else f"{number_format(round(100 * value, int(places)), int(places))}\u00a0%"


@register.filter
def whole(count):
    """12345 -> "12,345"."""
    return number_format(count, force_grouping=True)


@register.filter
def rate(value):
    """A number of few digits; a dash for nothing."""
    return "–" if value is None else number_format(round(value, 1), 1)
