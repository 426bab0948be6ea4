"""How money and verdicts are shown."""

from django import template

register = template.Library()


@register.filter
def dollars(amount):
    """An amount as people read it: cents where that says something, else as many places as it needs."""
    return f"${amount:.2f}" if amount >= 1 or not amount else f"${amount:.4f}"


@register.filter
def item(mapping, key):
    return mapping.get(key, "")
