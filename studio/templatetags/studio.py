"""Template helpers that all apps share."""

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from studio.roles import Role

register = template.Library()

# (url name, label, roles); None draws a gap between groups. A room nobody built yet has no URL and is left out.
_ROOMS = [
    ("write", _("Write"), {Role.ANNOTATOR}),
    ("my_work", _("My work"), {Role.ANNOTATOR}),
    ("review", _("Review"), {Role.REVIEWER}),
    ("practice", _("Practice"), {Role.ANNOTATOR, Role.REVIEWER, Role.LEAD}),
    None,
    ("quality", _("Quality"), {Role.LEAD, Role.ADMIN}),
    ("clips", _("Clips"), set(Role)),
    ("questions", _("Questions"), {Role.LEAD}),
    ("leaks", _("Leak checks"), {Role.LEAD}),
    ("duplicates", _("Near-duplicates"), {Role.LEAD}),
    ("adjudication", _("Adjudication"), {Role.LEAD}),
    ("calibration", _("Calibration"), {Role.LEAD}),
    ("instruct", _("Training data"), {Role.LEAD, Role.ADMIN}),
    ("releases", _("Releases"), {Role.LEAD, Role.ADMIN}),
    ("exports", _("Exports"), {Role.LEAD, Role.ADMIN}),
    ("runs", _("Training"), {Role.LEAD, Role.ADMIN}),
    ("evaluations", _("Evaluations"), {Role.LEAD, Role.ADMIN}),
    ("leaderboard", _("Leaderboard"), set(Role)),
    None,
    ("jobs", _("Jobs"), {Role.LEAD, Role.ADMIN}),
    ("people", _("People"), {Role.ADMIN}),
    ("health", _("Health"), {Role.LEAD, Role.ADMIN}),
]


@register.filter
def rooms(request):
    """The navigation of this person: [{url, label, current} or None for a gap, ...]."""
    items = []
    for room in _ROOMS:
        if room is None:
            if items and items[-1] is not None:
                items.append(None)
            continue
        name, label, roles = room
        if roles.isdisjoint(request.user.roles):
            continue
        try:
            url = reverse(name)
        except NoReverseMatch:
            continue
        items.append({"url": url, "label": label, "current": request.path.startswith(url)})
    return items[:-1] if items and items[-1] is None else items


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
