"""The rooms of the Studio, in groups, as the navigation shows them to one person."""

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from studio.roles import Role

_LEADS = {Role.LEAD, Role.ADMIN}
# (label, [(url name, label, roles that may enter), ...])
GROUPS = [
    (_("Writing"), [("write", _("Write"), {Role.ANNOTATOR}), ("my_work", _("My work"), {Role.ANNOTATOR})]),
    (
        _("Cross-checking"),
        [
            ("review", _("Review"), {Role.REVIEWER}),
            ("adjudication", _("Adjudication"), {Role.LEAD}),
            ("practice", _("Practice"), {Role.ANNOTATOR, Role.REVIEWER, Role.LEAD}),
        ],
    ),
    (
        _("Clips and questions"),
        [
            ("clips", _("Clips"), set(Role)),
            ("content_check", _("Content check"), {Role.LEAD}),
            ("duplicates", _("Near-duplicates"), {Role.LEAD}),
            ("questions", _("Questions"), {Role.LEAD}),
        ],
    ),
    (
        _("Quality control"),
        [
            ("quality", _("Quality"), _LEADS),
            ("leaks", _("Leak checks"), {Role.LEAD}),
            ("calibration", _("Calibration"), {Role.LEAD}),
        ],
    ),
    (
        _("Data"),
        [("instruct", _("Training data"), _LEADS), ("releases", _("Releases"), _LEADS), ("exports", _("Exports"), _LEADS)],
    ),
    (
        _("Models"),
        [
            ("runs", _("Training"), _LEADS),
            ("evaluations", _("Evaluations"), _LEADS),
            ("leaderboard", _("Leaderboard"), set(Role)),
            ("asks", _("Ask"), _LEADS),
        ],
    ),
    (_("System"), [("jobs", _("Jobs"), _LEADS), ("people", _("People"), {Role.ADMIN}), ("health", _("Health"), _LEADS)]),
]
# Addresses that lie outside the room from which one comes to them: the first part of the path, and that room.
_PARTS = {"preference": "instruct", "sources": "clips", "truth": "clips"}
SIDE_BY_SIDE = 7  # so many rooms fit beside each other; more are folded into their groups


def room_groups(request):
    """What this person may enter: [{"label", "current", "rooms": [{"url", "label", "current"}]}], no group empty.

    Who may enter few rooms gets each as a group of its own, which a page shows as a plain link.
    """
    here = _room_of(request.path)
    groups = []
    for label, rooms in GROUPS:
        found = [
            {"url": reverse(name), "label": title, "current": name == here}
            for name, title, roles in rooms
            if not roles.isdisjoint(request.user.roles)
        ]
        if found:
            groups.append({"label": label, "current": any(room["current"] for room in found), "rooms": found})
    every = [room for group in groups for room in group["rooms"]]
    if len(every) <= SIDE_BY_SIDE:
        return [{"label": room["label"], "current": room["current"], "rooms": [room]} for room in every]
    return groups


def _room_of(path):
    """The room this path lies in, by the longest address it begins with; None outside all rooms."""
    if room := _PARTS.get(path.split("/")[1]):
        return room
    found = [(len(url), name) for _label, rooms in GROUPS for name, *_rest in rooms if path.startswith(url := reverse(name))]
    return max(found, default=(0, None))[1]
