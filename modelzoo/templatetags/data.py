"""How figures of training data are drawn and written."""

from django import template
from django.utils.formats import number_format

register = template.Library()


@register.filter
def of(count, most):
    """A part of the most, 0 to 100, written as SVG wants it."""
    return f"{100 * count / most if most else 0:.2f}"


@register.filter
def signed(value):
    """Words more or less: +3.2 or −1.0; a dash for nothing."""
    if value is None:
        return "–"
    text = number_format(abs(round(value, 1)), 1)
    return text if not round(value, 1) else f"{'+' if value > 0 else '−'}{text}"
