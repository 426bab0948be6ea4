from django import template

register = template.Library()


@register.filter
def percent(share):
    """0.834 as 83 %, with a space that does not break."""
    return f"{share * 100:.0f}\u00a0%"


@register.filter
def sped(speed):
    """Whether a speed is worth a word."""
    return abs(speed - 1) > 0.01


@register.filter
def clips_of(pair):
    return [pair.first, pair.second]
