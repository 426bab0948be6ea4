"""The review room: watch, answer blind, rule, undo. The rules stand in qc/services.py.

Pages are HTML; what the keyboard does on them (static/js/review.js) is JSON in, JSON out, with parts of the page as HTML.
Before the blind answer is stored nothing here tells which option is the key: options travel as positions 1 to 4.
"""

import json
import uuid
from dataclasses import replace
from functools import wraps

from django.conf import settings
from django.contrib import messages
from django.http import JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from annotator import diff, letters, queue
from annotator.media import media_url
from annotator.models import OPTION_KEYS, Clip, Remark, Revision, WrongState
from annotator.services import Invalid
from qc import handing_out, services
from qc.models import BlindAnswer
from studio.access import allow
from studio.roles import Role


def _wants_json(request):
    return request.headers.get("Accept", "").startswith("application/json")


def says_no_in_words(view):
    """Refusals of the services as answers: 422 with errors by field, 409 with one sentence."""

    @wraps(view)
    def answer(request, *args, **kwargs):
        try:
            return view(request, *args, **kwargs)
        except Invalid as invalid:
            return _json_error(422, "invalid", str(invalid), fields=invalid.errors)
        except WrongState as refusal:
            if _wants_json(request):
                return _json_error(409, "conflict", str(refusal))
            part = "qc/_refused.html" if request.htmx else "qc/refused.html"
            return render(request, part, {"sentence": str(refusal)}, status=409)

    return answer


def _json_error(status, code, message, **more):
    return JsonResponse({"error": {"code": code, "message": message, **more}}, status=status)


def _body(request):
    """The JSON object in the body of a request; `Invalid` when there is none."""
    try:
        data = json.loads(request.body)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise Invalid({"": _("The request could not be read. Reload the page and try again.")})
    return data


def _seconds(data, name):
    value = data.get(name, 0)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e6 else 0.0


def _revision(pk):
    return get_object_or_404(Revision.objects.select_related("question__clip"), pk=pk)


def _positions(revision, user):
    """{"1": option key, ...} in the order this reader sees them."""
    order = letters.display_order(settings.LETTER_SEED, revision_id=revision.pk, reader_id=user.pk)
    return {str(index): key for index, key in enumerate(order, start=1)}


def _next_address(revision_id):
    return reverse("review_revision", args=[revision_id]) if revision_id else None


@allow(Role.REVIEWER)
@require_GET
def review(request):
    """Where a reviewer starts: is there something to review, and the last ten verdicts."""
    waiting = handing_out.waiting_for(request.user, at_most=100)
    return render(request, "qc/review.html", {"waiting": waiting, "recent": services.recent_reviews(request.user)})


@allow(Role.REVIEWER)
@require_POST
@says_no_in_words
def review_next(request):
    address = _next_address(handing_out.next_review(request.user))
    if _wants_json(request):
        return JsonResponse({"next": address})
    if address is None:
        messages.info(request, _("Nothing to review right now."))
    return redirect(address or "review")


@allow(Role.REVIEWER)
@require_GET
@vary_on_headers("HX-Request")
@says_no_in_words
def review_revision(request, pk):
    """The desk: the clip, and beside it step 1 or, once answered blind, step 2."""
    revision = _revision(pk)
    handing_out.hold(request.user, revision)
    context = {
        "revision": revision,
        "clip": revision.question.clip,
        "needed_s": services.watch_needed_s(revision.question.clip),
    }
    answer = BlindAnswer.objects.filter(revision=revision, reviewer=request.user).first()
    if answer:
        context |= _verdict_context(revision, request.user, answer)
    if request.htmx:
        return render(request, "qc/_desk.html", context)
    return render(request, "qc/review_revision.html", context | {"recent": services.recent_reviews(request.user)})


@allow(Role.REVIEWER)
@require_POST
@says_no_in_words
def review_options(request, pk):
    """The four options in this reader's order, once the clip was played through."""
    revision, data = _revision(pk), _body(request)
    handing_out.hold(request.user, revision)
    services.check_watched(revision.question.clip, _seconds(data, "watched_s"))
    options = [(position, getattr(revision, key)) for position, key in _positions(revision, request.user).items()]
    return JsonResponse({"html": render_to_string("qc/_options.html", {"options": options}, request)})


@allow(Role.REVIEWER)
@require_POST
@says_no_in_words
def review_blind(request, pk):
    """Store the blind answer and show the key. `answer` is a position 1 to 4 or one of the three other answers."""
    revision, data = _revision(pk), _body(request)
    given = str(data.get("answer", ""))
    # An option's own name is no answer: positions are all that a reader is told.
    answer = _positions(revision, request.user).get(given) or ("" if given in OPTION_KEYS else given)
    stored = services.answer_blind(
        user=request.user,
        revision=revision,
        answer=answer,
        watched_s=_seconds(data, "watched_s"),
        seconds=_seconds(data, "seconds"),
    )
    html = render_to_string("qc/_verdict.html", _verdict_context(revision, request.user, stored), request)
    return JsonResponse({"html": html})


def _verdict_context(revision, user, answer):
    """What step 2 shows: the key beside the reader's own answer, the reasons, and what changed since the last round."""
    positions = _positions(revision, user)
    numbers = {key: position for position, key in positions.items()}
    labels = field_labels(positions)
    before = services.revision_before(revision)
    changes = diff.changes(before, revision) if before else []
    return {
        "revision": revision,
        "clip": revision.question.clip,
        "answer": answer,
        "answered": numbers.get(answer.answer),
        "options": [
            {"position": p, "text": getattr(revision, key), "is_key": key == OPTION_KEYS[0], "is_mine": key == answer.answer}
            for p, key in positions.items()
        ],
        "reason_rows": reason_rows(positions),
        "client_key": uuid.uuid4(),
        "before": before,
        "changes": [replace(change, label=labels.get(change.field, change.label)) for change in changes],
        "earlier_remarks": [(labels[remark.field], remark) for remark in before.remarks.all()] if before else [],
        "may_reject": user.is_lead,
    }


def field_labels(positions):
    """{field: what a reader of this screen calls it}: options go by their number there."""
    labels = {field: str(label) for field, label in Remark.FIELD_CHOICES}
    for number, key in positions.items():
        pattern = _("option %(number)s, the key") if key == OPTION_KEYS[0] else _("option %(number)s, a distractor")
        labels[key] = pattern % {"number": number}
    return labels


def reason_rows(positions, *, chosen=()):
    """The fields that may be criticised with their codes: the options as numbered on the screen, then the rest.

    Without `positions` the options stand in their own order. `chosen` are reasons that were checked already.
    """
    labels = field_labels(positions)
    fields = [*(positions.values() or OPTION_KEYS), *(field for field in services.REASONS if field not in OPTION_KEYS)]
    rows = []
    for digit, field in enumerate(fields, start=1):
        here = [reason for reason in chosen if reason["field"] == field]
        rows.append(
            {
                "digit": digit,
                "field": field,
                "label": labels[field],
                "codes": [(code.value, code.label) for code in services.REASONS[field]],
                "chosen": [reason["code"] for reason in here],
                "comment": next((reason["comment"] for reason in here if reason.get("comment")), ""),
            }
        )
    return rows


@allow(Role.REVIEWER)
@require_POST
@says_no_in_words
def review_verdict(request, pk):
    """Store the verdict; the answer carries the address of the next revision, which is held already."""
    revision, data = _revision(pk), _body(request)
    ruling = services.Ruling(
        verdict=data.get("verdict") if isinstance(data.get("verdict"), str) else "",
        reasons=clean_reasons(data.get("reasons", [])),
        comment=clean_comment(data.get("comment", "")),
        client_key=clean_key(data.get("client_key")),
    )
    given = services.rule(user=request.user, revision=revision, ruling=ruling)
    return JsonResponse(
        {
            "verdict": given.verdict,
            "said": given.get_verdict_display(),
            "next": _next_address(handing_out.next_review(request.user)),
            "recent": _recent(request),
        }
    )


def clean_comment(value):
    if not isinstance(value, str):
        raise Invalid({"comment": _("This must be text.")})
    # A lone half of a surrogate pair or a zero byte is nothing that PostgreSQL can keep.
    return value.encode("utf-8", "ignore").decode().replace("\x00", "").strip()


def clean_reasons(value):
    """[{"field", "code", "comment" where there is one}, ...] out of untrusted JSON; services check the values."""
    if not isinstance(value, list) or len(value) > 40 or not all(isinstance(reason, dict) for reason in value):
        raise Invalid({"reasons": _("One of the reasons is unknown. Reload the page.")})
    reasons = []
    for reason in value:
        kept = {"field": reason.get("field"), "code": reason.get("code")}
        comment = clean_comment(reason.get("comment", ""))
        if kept in [{"field": r["field"], "code": r["code"]} for r in reasons]:
            continue
        reasons.append(kept | ({"comment": comment} if comment else {}))
    return reasons


def clean_key(value):
    try:
        return uuid.UUID(str(value))
    except ValueError:
        raise Invalid({"client_key": _("The request could not be read. Reload the page and try again.")}) from None


def _recent(request):
    return render_to_string("qc/_recent.html", {"recent": services.recent_reviews(request.user)}, request)


@allow(Role.REVIEWER)
@require_POST
@says_no_in_words
def review_ahead(request, pk):
    """Keep the current lease alive and reserve the one revision to preload behind it."""
    revision = _revision(pk)
    held = handing_out.renew(request.user, revision)
    following = handing_out.reserve_next_review(request.user, current=pk) if held else None
    if following is None:
        return JsonResponse({"held": held, "next": None})
    clip = Clip.objects.get(questions__revisions=following)
    media = {kind: media_url(clip, kind) for kind in ("proxy", "filmstrip", "poster")}
    return JsonResponse({"held": held, "next": {"address": _next_address(following), **media}})


@allow(Role.REVIEWER)
@require_POST
@says_no_in_words
def review_skip(request, pk):
    """Put a revision back and take another one."""
    queue.release(request.user, revision_id=pk)
    address = _next_address(handing_out.next_review(request.user, skip=pk))
    if _wants_json(request):
        return JsonResponse({"next": address})
    return redirect(address or "review")


@allow(Role.REVIEWER)
@require_POST
@says_no_in_words
def review_undo(request, review_pk):
    """Take back one of one's last ten verdicts; its revision is held again, at step 2."""
    revision = services.undo(user=request.user, review_id=review_pk)
    if _wants_json(request):
        return JsonResponse({"next": _next_address(revision.pk), "recent": _recent(request)})
    return redirect("review_revision", revision.pk)
