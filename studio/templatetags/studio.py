"""Template helpers that all apps share."""

from django import template

from studio.navigation import room_groups

register = template.Library()
register.filter(room_groups)


@register.filter
def notice_class(level_tag):
    return {"success": "good", "warning": "warn", "error": "bad"}.get(level_tag, "")


_STATE_CLASSES = {
    "ready": "good",
    "accepted": "good",
    "approved": "good",
    "done": "good",
    "finished": "good",
    "failed": "bad",
    "lost": "bad",
    "rejected": "bad",
    "unusable": "bad",
    "not_gameplay": "bad",
    "gives_away": "bad",
    "returned": "warn",
    "disputed": "warn",
    "cancelled": "warn",
    "stopped": "warn",
    "interrupted": "warn",
    "submitted": "info",
    "complete": "good",
    "running": "info",
    "starting": "info",
    "stopping": "info",
    "ingesting": "info",
    "queued": "info",
}


@register.filter
def state_class(state):
    """The badge colour of a state of a clip, question or job."""
    return _STATE_CLASSES.get(state, "")


@register.simple_tag(takes_context=True)
def url_with(context, **changes):
    """The current query string with some parameters changed; an empty value removes one."""
    query = context["request"].GET.copy()
    for key, value in changes.items():
        if value in ("", None):
            query.pop(key, None)
        else:
            query[key] = value
    return "?" + query.urlencode()
