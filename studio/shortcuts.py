"""Every keyboard shortcut, in one list: it drives the key handler, the help sheet, the tooltips and the editor.

A person's changes live in `User.shortcuts` as {action: key}; an empty key switches a shortcut off. Keys are written
`Ctrl+Shift+Enter`: modifiers in this order, then one key as browsers name it, letters in lower case.
"""

import json
from dataclasses import dataclass

from django.http import JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from studio.access import SIGNED_IN, allow


@dataclass(frozen=True)
class Shortcut:
    action: str
    scope: str
    key: str
    label: str
    repeats: bool = False  # holding the key down repeats the action


SCOPES = {
    "global": _("Everywhere"),
    "player": _("Player"),
    "write": _("Writing"),
    "review": _("Cross-checking"),
    "duplicates": _("Near-duplicates"),
    "check": _("Content check"),
    "data": _("Training data"),
    "answers": _("Answers of a model"),
}
# Scopes that are alive together on one page; two shortcuts clash only when some page holds both.
PAGES = (
    ("global", "player", "write"),
    ("global", "player", "review"),
    ("global", "player", "duplicates"),
    ("global", "player", "check"),
    ("global", "player", "data"),
    ("global", "answers"),
)

_ROWS = [
    Shortcut("help", "global", "?", _("Show all shortcuts")),
    Shortcut("answers.next", "answers", "j", _("Next answer")),
    Shortcut("answers.before", "answers", "k", _("Answer before")),
    Shortcut("answers.play", "answers", "Space", _("Play or pause")),
    Shortcut("player.toggle", "player", "Space", _("Play or pause")),
    Shortcut("player.backward", "player", "j", _("Run backwards; again: faster")),
    Shortcut("player.pause", "player", "k", _("Pause")),
    Shortcut("player.forward", "player", "l", _("Play; again: faster")),
    Shortcut("player.prev", "player", ",", _("One frame back"), repeats=True),
    Shortcut("player.next", "player", ".", _("One frame on"), repeats=True),
    Shortcut("player.prev10", "player", "Shift+,", _("Ten frames back"), repeats=True),
    Shortcut("player.next10", "player", "Shift+.", _("Ten frames on"), repeats=True),
    Shortcut("player.slower", "player", "s", _("Slower")),
    Shortcut("player.faster", "player", "d", _("Faster")),
    Shortcut("player.loop", "player", "o", _("Repeat the marked span")),
    Shortcut("player.first", "player", "Home", _("First frame")),
    Shortcut("player.last", "player", "End", _("Last frame")),
    Shortcut("player.mute", "player", "m", _("Sound on or off")),
    Shortcut("timeline.in", "player", "=", _("Zoom the timeline in"), repeats=True),
    Shortcut("timeline.out", "player", "-", _("Zoom the timeline out"), repeats=True),
    Shortcut("timeline.all", "player", "0", _("Show the whole clip on the timeline")),
    Shortcut("write.mark_start", "write", "[", _("The glitch starts at this frame")),
    Shortcut("write.mark_end", "write", "]", _("The glitch ends at this frame")),
    Shortcut("write.undo", "write", "Ctrl+z", _("Undo the last mark or choice")),
    Shortcut("write.redo", "write", "Ctrl+Shift+z", _("Redo")),
    Shortcut("write.form", "write", "e", _("Go to the first empty field")),
    Shortcut("write.submit", "write", "Ctrl+Enter", _("Submit and take the next")),
    Shortcut("write.save", "write", "Ctrl+s", _("Save now")),
    Shortcut("write.skip", "write", "Shift+n", _("Put this clip back, take another")),
    Shortcut("write.aside", "write", "Shift+x", _("Report: not gameplay or unusable")),
    Shortcut("review.option_1", "review", "1", _("Answer 1; in a return, field 1")),
    Shortcut("review.option_2", "review", "2", _("Answer 2; in a return, field 2")),
    Shortcut("review.option_3", "review", "3", _("Answer 3; in a return, field 3")),
    Shortcut("review.option_4", "review", "4", _("Answer 4; in a return, field 4")),
    Shortcut("review.two_fit", "review", "5", _("Two fit; in a return, field 5")),
    Shortcut("review.none_fits", "review", "6", _("None fits; in a return, field 6")),
    Shortcut("review.cannot_tell", "review", "7", _("Cannot tell; in a return, field 7")),
    Shortcut("review.field_8", "review", "8", _("In a return, field 8")),
    Shortcut("review.field_9", "review", "9", _("In a return, field 9")),
    Shortcut("review.confirm", "review", "Ctrl+Enter", _("Send the answer or verdict")),
    Shortcut("review.approve", "review", "a", _("Approve")),
    Shortcut("review.return", "review", "r", _("Return to the author")),
    Shortcut("review.reject", "review", "Shift+x", _("Reject for good")),
    Shortcut("review.undo", "review", "u", _("Undo the last verdict")),
    Shortcut("review.skip", "review", "Shift+n", _("Put back, take another")),
    Shortcut("duplicates.same", "duplicates", "1", _("The same clip")),
    Shortcut("duplicates.scene", "duplicates", "2", _("The same scene, other glitch")),
    Shortcut("duplicates.different", "duplicates", "3", _("Different")),
    Shortcut("duplicates.next", "duplicates", "n", _("Next pair")),
    Shortcut("duplicates.side", "duplicates", "b", _("Side by side")),
    Shortcut("duplicates.flicker", "duplicates", "f", _("Flicker between both clips")),
    Shortcut("duplicates.difference", "duplicates", "x", _("Show the difference")),
    Shortcut("check.gameplay", "check", "1", _("Gameplay")),
    Shortcut("check.not_gameplay", "check", "2", _("Not gameplay")),
    Shortcut("check.gives_away", "check", "3", _("Face or caption gives it away")),
    Shortcut("check.unusable", "check", "4", _("Unusable")),
    Shortcut("check.next", "check", "n", _("Decide later, next clip")),
    Shortcut("check.undo", "check", "u", _("Undo the last judgement")),
    Shortcut("data.accept", "data", "a", _("Accept")),
    Shortcut("data.edit", "data", "e", _("Edit")),
    Shortcut("data.reject", "data", "x", _("Reject: choose why")),
    Shortcut("data.reason_1", "data", "1", _("In a rejection, reason 1")),
    Shortcut("data.reason_2", "data", "2", _("In a rejection, reason 2")),
    Shortcut("data.reason_3", "data", "3", _("In a rejection, reason 3")),
    Shortcut("data.reason_4", "data", "4", _("In a rejection, reason 4")),
    Shortcut("data.save", "data", "Ctrl+Enter", _("Accept the edited words")),
    Shortcut("data.next", "data", "n", _("Decide later, next one")),
    Shortcut("data.undo", "data", "u", _("Undo the last decision")),
    Shortcut("check.start", "check", "[", _("The clip starts at this frame")),
    Shortcut("check.end", "check", "]", _("The clip ends at this frame")),
]

SHORTCUTS = {shortcut.action: shortcut for shortcut in _ROWS}

_MODIFIERS = ("Ctrl", "Alt", "Shift")
_NAMED = {
    *("Space", "Home", "End", "PageUp", "PageDown", "Insert", "Delete", "Backspace", "Enter"),
    *("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"),
    *(f"F{number}" for number in range(1, 13)),
}
_KEEPS_ITS_MEANING = {
    *("Enter", "Shift+Enter", "Backspace", "Delete", "F5", "F11", "F12", "Ctrl+c", "Ctrl+v", "Ctrl+x", "Ctrl+a", "Ctrl+f"),
    *("Ctrl+l", "Ctrl+n", "Ctrl+q", "Ctrl+r", "Ctrl+t", "Ctrl+w", "Ctrl+Shift+n", "Ctrl+Shift+t", "Ctrl+Shift+w", "Alt+F4"),
}
# The same key of a US keyboard, named by what it types and by where it lies.
_SHIFTED = dict(zip('~!@#$%^&*()_+{}|:"<>?', "`1234567890-=[]\\;',./", strict=True))


class BadKey(ValueError):
    """Not a key that can be a shortcut; the sentence says why."""


class Clash(Exception):
    """The key is in use; `actions` names by what."""

    def __init__(self, actions):
        labels = "”, “".join(str(SHORTCUTS[action].label) for action in actions)
        super().__init__(gettext("This key already does “%(what)s”.") % {"what": labels})
        self.actions = actions


def normalise(key):
    """The one spelling of a key, "" for none; BadKey when it cannot be a shortcut."""
    if not isinstance(key, str) or len(key) > 40:
        raise BadKey(gettext("This is not a key."))
    if not key:
        return ""
    *modifiers, last = key[:-1].split("+") + [key[-1]] if key.endswith("+") else key.split("+")
    modifiers = [modifier for modifier in modifiers if modifier]
    named = last in _NAMED or (len(last) == 1 and last.isprintable() and not last.isspace())
    if not named or len(set(modifiers)) != len(modifiers) or not set(modifiers) <= set(_MODIFIERS):
        raise BadKey(gettext("%(key)s cannot be a shortcut.") % {"key": key})
    if len(last) == 1:
        last = last.lower()
    spelling = "+".join([*(modifier for modifier in _MODIFIERS if modifier in modifiers), last])
    if spelling in _KEEPS_ITS_MEANING:
        raise BadKey(gettext("%(key)s keeps its meaning in the browser.") % {"key": spelling})
    return spelling


def same_key(one, other):
    """Whether two spellings are the same press on a US keyboard: `<` is `Shift+,`."""

    def pressed(key):
        head, last = (key[:-1], key[-1]) if len(key) == 1 or key[-2] == "+" else ("", key)
        return f"{head}Shift+{_SHIFTED[last]}" if last in _SHIFTED else key

    return bool(one and other) and pressed(one) == pressed(other)


def keys_of(user):
    """{action: key} with the person's changes; what they stored for actions that are gone is left out."""
    changed = user.shortcuts if user.is_authenticated and isinstance(user.shortcuts, dict) else {}
    return {action: changed.get(action, shortcut.key) for action, shortcut in SHORTCUTS.items()}


def clashing(keys, action):
    """The other actions that the key of `action` would also trigger on some page."""
    scope = SHORTCUTS[action].scope
    reachable = {name for page in PAGES if scope in page for name in page}
    return [
        other
        for other, key in keys.items()
        if other != action and SHORTCUTS[other].scope in reachable and same_key(key, keys[action])
    ]


def rows(user, scopes):
    """What a page needs to know: one dictionary for each action of its scopes, grouped by scope."""
    keys = keys_of(user)
    return [
        {
            "action": shortcut.action,
            "scope": shortcut.scope,
            "group": str(SCOPES[shortcut.scope]),
            "key": keys[shortcut.action],
            "default": shortcut.key,
            "label": str(shortcut.label),
            "repeats": shortcut.repeats,
        }
        for shortcut in _ROWS
        if shortcut.scope in scopes
    ]


def change(*, user, action, key, take=False):
    """Give an action another key; Clash when the key is in use, unless `take` switches the other use off."""
    key = normalise(key)
    keys = keys_of(user) | {action: key}
    others = clashing(keys, action)
    if others and not take:
        raise Clash(others)
    keys |= dict.fromkeys(others, "")
    user.shortcuts = {name: value for name, value in keys.items() if value != SHORTCUTS[name].key}
    user.save(update_fields=["shortcuts"])


def restore(*, user):
    user.shortcuts = {}
    user.save(update_fields=["shortcuts"])


@allow(SIGNED_IN)
@require_GET
def shortcuts(request):
    return render(request, "studio/shortcuts.html")


@allow(SIGNED_IN)
@require_POST
def shortcut_set(request):
    """{"action", "key", "take"} -> all rows; 409 names what uses the key, 422 says why it cannot be one."""
    try:
        data = json.loads(request.body)
        action, key, take = data["action"], data["key"], data.get("take") is True
        known = SHORTCUTS[action]
    except (ValueError, KeyError, TypeError, AttributeError):
        return JsonResponse({"error": {"message": gettext("There is no such shortcut. Reload the page.")}}, status=422)
    try:
        change(user=request.user, action=known.action, key=key, take=take)
    except BadKey as error:
        return JsonResponse({"error": {"message": str(error)}}, status=422)
    except Clash as clash:
        return JsonResponse({"error": {"message": str(clash), "actions": clash.actions}}, status=409)
    return JsonResponse({"rows": rows(request.user, SCOPES)})


@allow(SIGNED_IN)
@require_POST
def shortcuts_restore(request):
    restore(user=request.user)
    return JsonResponse({"rows": rows(request.user, SCOPES)})
