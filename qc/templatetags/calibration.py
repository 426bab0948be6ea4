"""Shares and figures as people read them."""

from django import template
from django.utils.formats import number_format

register = template.Library()


@register.filter
def percent(share):
    return "–" if share is None else f"{round(100 * share)} %"


@register.filter
def two(figure):
    """A figure with two decimals; a dash where it is undefined."""
    return "–" if figure is None else number_format(figure + 0.0, 2)


@register.filter
def hundred(share, most=100):
    """For drawing: 0 to 1 as 0 to 100, or to `most`, written as SVG wants it."""
    return f"{min(100 * share, most):.2f}"


@register.filter
def minus(one, other):
    return one - other
