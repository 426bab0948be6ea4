"""The list of shortcuts for the page that includes `studio/_shortcuts.html`."""

from django import template

from studio import shortcuts

register = template.Library()


@register.simple_tag(takes_context=True)
def shortcut_rows(context, scopes):
    """Rows for the scopes named in a string, `"player write"`; the global ones are always there."""
    return shortcuts.rows(context["request"].user, {"global", *scopes.split()})
