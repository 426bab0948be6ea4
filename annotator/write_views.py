"""The desk: getting a clip, writing a question about it, and handing it in.

The page is a frame that stays; each piece of work comes as JSON, so the next one moves a few kilobytes.
"""

import json
import uuid

from django.conf import settings
from django.contrib import messages
from django.db.models import Count, Q
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from annotator import habits, queue, services
from annotator.media import media_url
from annotator.models import OPTION_KEYS, Clip, Lease, Question, Remark, WrongState
from annotator.question_views import add_remarks
from annotator.taxonomy import CATEGORIES, STEMS, by_domain
from studio.access import allow
from studio.roles import Role

REASON_MAX_CHARS = 500
_OPTION_LABELS = (
    gettext_lazy("Correct"),
    gettext_lazy("Distractor 1"),
    gettext_lazy("Distractor 2"),
    gettext_lazy("Distractor 3"),
)
# What the desk's module imports, so that the browser fetches all of it at once.
_MODULES = [
    *("js/player.js", "js/shortcuts.js", "js/timeline.js"),
    *(f"js/write/{name}.js" for name in ("compare", "form", "hints", "marks", "saver", "status")),
]


@allow(Role.ANNOTATOR)
@require_GET
def write(request):
    """The door to the desk: returned work first, then what is in hand, then today's numbers."""
    user = request.user
    mine = Question.objects.filter(author=user)
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    numbers = mine.aggregate(
        submitted=Count("pk", filter=Q(submitted_at__gte=midnight)),
        approved=Count("pk", filter=Q(state=Question.State.APPROVED, settled_at__gte=midnight)),
        drafts=Count("pk", filter=Q(state=Question.State.DRAFT)),
        returned=Count("pk", filter=Q(state=Question.State.RETURNED)),
    )
    returned = list(mine.filter(state=Question.State.RETURNED).select_related("clip").order_by("settled_at", "id")[:8])
    add_remarks(returned)
    context = {
        "returned": returned,
        "held": Lease.objects.filter(user=user, clip__isnull=False, reserved=False)
        .select_related("clip")
        .order_by("id")[:4],
        "numbers": numbers,
    }
    return render(request, "annotator/write.html", context)


@allow(Role.ANNOTATOR)
@require_POST
def write_next(request):
    """The next piece of work: as JSON for the desk, else by sending the browser to its page.

    `put_back` is a clip to give back first; `skip` are clips not to offer while there are others.
    """
    wants_json = request.content_type == "application/json"
    data = json_of(request) if wants_json else request.POST
    put_back, skip = _number(data.get("put_back")), _numbers(data.get("skip"))
    if put_back:
        queue.release(request.user, clip_id=put_back)
        skip.append(put_back)
    clip, question = queue.next_work(request.user, skip=skip)
    if clip is None and len(skip) > 1:
        clip, question = queue.next_work(request.user, skip=skip[-1:])
    if not wants_json:
        if clip:
            return redirect("write_clip", clip.pk)
        messages.info(request, _("Nothing waits to be written just now. Come back later, or ask a lead for clips."))
        return redirect("write")
    return JsonResponse({"piece": piece_of(clip, question) if clip else None})


@allow(Role.ANNOTATOR)
@require_GET
def write_clip(request, pk):
    """The desk with one piece of work on it, leased to this person; 409 and the reason where that cannot be."""
    get_object_or_404(Clip.objects.only("pk"), pk=pk)
    try:
        question = queue.hold(request.user, pk)
    except WrongState as refusal:
        mine = queue.question_of(request.user, pk)
        return render(request, "annotator/write_refused.html", {"sentence": str(refusal), "question": mine}, status=409)
    clip = question.clip if question else Clip.objects.get(pk=pk)
    context = {"piece": piece_of(clip, question), "clip": clip, "modules": _MODULES, "reason_limit": REASON_MAX_CHARS}
    context["habits"] = habits.of(request.user)
    return render(request, "annotator/write_desk.html", context | form_context())


def form_context():
    """What the form of a question needs, here and in the practice room."""
    return {
        "domains": by_domain(),
        "stems": _stems(),
        "stem_limit": settings.STEM_MAX_CHARS,
        "option_limit": settings.OPTION_MAX_CHARS,
        "option_fields": [{"key": key, "label": label} for key, label in zip(OPTION_KEYS, _OPTION_LABELS, strict=True)],
        "categories": {
            category.name: {
                "definition": str(category.definition),
                "example": str(category.example),
                "sub_labels": [(name, str(label)) for name, label in category.sub_labels],
            }
            for category in CATEGORIES.values()
        },
    }


def _stems():
    """The usual stems as they are published, whatever language the page is in."""
    with translation.override("en"):
        return [str(stem) for stem in STEMS]


def piece_of(clip, question):
    """Everything the desk needs to know about one piece of work, ready for JSON."""
    returned = bool(question and question.state == Question.State.RETURNED)
    return {
        "clip": {
            "id": clip.pk,
            "name": clip.name,
            "story": clip.text[:1000],
            "url": clip.get_absolute_url(),
            "fps_num": clip.fps_num,
            "fps_den": clip.fps_den,
            "frame_count": clip.frame_count,
            "width": clip.width,
            "height": clip.height,
            "has_audio": clip.has_audio,
            "tiles": clip.filmstrip_tiles,
            "columns": clip.filmstrip_columns,
            "media": media_of(clip),
        },
        "question": question.pk if question else None,
        "version": question.version if question else 0,
        "content": question.content_dict() if question else None,
        "saved_at": question.saved_at.isoformat() if question else None,
        "returned": returned,
        "remarks": _remarks(question) if returned else [],
        "lease_s": None if returned else _lease_s(),
        "urls": {name: reverse(f"write_{name}", args=[clip.pk]) for name in ("clip", "save", "submit", "aside", "prepare")},
    }


def media_of(clip):
    return {kind: media_url(clip, kind) for kind in ("proxy", "poster", "filmstrip")}


def _lease_s():
    return round(settings.LEASE_MINUTES * 60)


def _remarks(question):
    remarks = Remark.objects.filter(revision__question=question, revision__number=question.revision_number)
    return [{"field": r.field, "code": r.get_code_display(), "comment": r.comment} for r in remarks.order_by("id")]


@allow(Role.ANNOTATOR)
@require_POST
def write_save(request, pk):
    """Autosave: {"version", "content"} -> the new version; 409 with what is stored when that is newer."""
    data = json_of(request)
    try:
        content = services.clean_draft(content_of(data))
        question = services.save_draft(
            user=request.user, clip_id=pk, base_version=_number(data.get("version")), content=content
        )
    except (services.Invalid, WrongState) as refusal:
        return refused(refusal)
    lease_s = None if question.state == Question.State.RETURNED else _lease_s()
    return JsonResponse(
        {"question": question.pk, "version": question.version, "saved_at": question.saved_at.isoformat(), "lease_s": lease_s}
    )


@allow(Role.ANNOTATOR)
@require_POST
def write_submit(request, pk):
    """{"version", "content", "client_key"} -> the revision. The same key again answers the same, and counts once."""
    data = json_of(request)
    clip, question = queue.work_of(request.user, pk)
    if clip is None:
        raise Http404
    try:
        key = uuid.UUID(str(data.get("client_key")))
    except ValueError:
        return _error(422, "no_key", _("This submission has no key. Reload the page; your text is kept."))
    try:
        revision = services.submit(
            user=request.user,
            clip=clip,
            base_version=_number(data.get("version")),
            content=services.clean_draft(content_of(data)),
            client_key=key,
            question=question,
        )
    except (services.Invalid, WrongState) as refusal:
        return refused(refusal)
    return JsonResponse({"question": revision.question_id, "revision": revision.number})


@allow(Role.ANNOTATOR)
@require_POST
def write_aside(request, pk):
    """{"content": "not_gameplay" | "unusable", "reason"}: take the clip out of the queue."""
    get_object_or_404(Clip.objects.only("pk"), pk=pk)
    data = json_of(request)
    content, reason = data.get("content"), data.get("reason")
    reason = reason.replace("\x00", "").strip() if isinstance(reason, str) else ""
    errors = {}
    if content not in (Clip.Content.NOT_GAMEPLAY, Clip.Content.UNUSABLE):
        errors["content"] = _("Choose what is wrong with the clip.")
    elif content == Clip.Content.UNUSABLE and not reason:
        errors["reason"] = _("Write in a few words why nobody can use this clip.")
    if len(reason) > REASON_MAX_CHARS:
        errors["reason"] = _("%(count)s characters; at most %(limit)s can be kept.") % {
            "count": len(reason),
            "limit": REASON_MAX_CHARS,
        }
    try:
        if errors:
            raise services.Invalid(errors)
        services.set_aside(user=request.user, clip_id=pk, content=content, reason=reason)
    except (services.Invalid, WrongState) as refusal:
        return refused(refusal)
    return JsonResponse({"aside": pk})


@allow(Role.ANNOTATOR)
@require_POST
def write_prepare(request, pk):
    """Reserve the one piece of work behind this one, and say what to preload for it."""
    clip_id = queue.reserve_next(request.user, current=pk, skip=_numbers(json_of(request).get("skip")))
    if clip_id is None:
        return JsonResponse({"clip": None})
    return JsonResponse(
        {"clip": clip_id, "media": media_of(Clip.objects.only("proxy", "poster", "filmstrip").get(pk=clip_id))}
    )


@allow(Role.ANNOTATOR)
@require_POST
def write_habit_hide(request):
    """Hide a hint about a recurring reason until that reason comes back."""
    try:
        habits.hide(request.user, request.POST.get("place", ""), request.POST.get("code", ""))
    except ValueError:
        return _error(422, "unknown", _("This hint is unknown. Reload the page."))
    return HttpResponse("")


def json_of(request):
    """The JSON object of a request; {} for anything else, which then fails its checks in words."""
    try:
        data = json.loads(request.body)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def content_of(data):
    content = data.get("content")
    return content if isinstance(content, dict) else {}


def _number(value):
    """A whole number a database id or version can have, else 0."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return 0
    return number if 0 <= number < 2**31 else 0


def _numbers(value):
    return [_number(one) for one in value[-50:]] if isinstance(value, list) else []


def _error(status, code, message, **more):
    return JsonResponse({"error": {"code": code, "message": str(message)}, **more}, status=status)


def refused(refusal):
    if isinstance(refusal, services.Invalid):
        errors = {field: str(sentence) for field, sentence in refusal.errors.items()}
        return _error(422, "invalid", _("Some fields need another look."), errors=errors)
    if isinstance(refusal, services.StaleSave):
        stored = refusal.question
        return _error(409, "stale", refusal, stored=stored.content_dict(), version=stored.version)
    return _error(409, "wrong_state", refusal)
