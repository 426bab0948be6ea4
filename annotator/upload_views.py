"""Bringing clips through the browser: each file is one request, hashed and counted while it streams in."""

import errno
import logging

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.files.uploadhandler import FileUploadHandler
from django.http import JsonResponse, UnreadablePostError
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_http_methods

from annotator import importing
from annotator.ingest import refusals, store
from annotator.ingest.refusals import Refused
from annotator.models import Clip
from annotator.taxonomy import CATEGORY_CHOICES
from studio.access import allow
from studio.health import worker_missing
from studio.roles import Role

logger = logging.getLogger(__name__)
_FORM_ALLOWANCE = 1024 * 1024  # the part of a request that is not the file
_MOST_ASKED = 500


class UploadForm(forms.Form):
    """The story that all files of one upload share."""

    title = forms.CharField(label=gettext_lazy("Title"), max_length=500, required=False)
    licence = forms.CharField(label=gettext_lazy("Licence"), max_length=200, required=False)
    permalink = forms.URLField(label=gettext_lazy("Permalink"), max_length=1000, required=False, assume_scheme="https")
    purpose = forms.ChoiceField(label=gettext_lazy("Purpose"), choices=Clip.Purpose.choices, required=False)
    expected_category = forms.ChoiceField(label=gettext_lazy("Expected category"), required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["expected_category"].choices = [("", _("Not known")), *CATEGORY_CHOICES]

    def clean_purpose(self):
        return self.cleaned_data["purpose"] or Clip.Purpose.BENCHMARK


class IncomingHandler(FileUploadHandler):
    """Streams an uploaded file straight to where it is hashed; `request.FILES` then holds a `store.Incoming`."""

    chunk_size = store.CHUNK
    file = None

    def new_file(self, *args, **kwargs):
        super().new_file(*args, **kwargs)
        self.file = store.Incoming()

    def receive_data_chunk(self, raw_data, start):
        self.file.write(raw_data)

    def file_complete(self, file_size):
        self.file.name = self.file_name
        return self.file.finish()

    def upload_interrupted(self):
        """Delete what was not kept. Django does not call this when reading breaks off, so whoever made us does."""
        if self.file:
            self.file.close()


@allow(Role.LEAD, Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@csrf_exempt  # not exempt: `_receive` checks it. Looking for the token reads the body, so limits have to come first.
def clips_upload(request):
    if request.method != "POST":
        return _page(request, UploadForm())
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    if length > settings.UPLOAD_MAX_BYTES + _FORM_ALLOWANCE:
        return _refusal(request, refusals.sentence("too_big"), code="too_big", status=413)
    handler = IncomingHandler(request)
    request.upload_handlers = [handler]
    try:
        return _receive(request)
    except store.TooBig:
        return _refusal(request, refusals.sentence("too_big"), code="too_big", status=413)
    except UnreadablePostError:
        return _refusal(request, _("The upload broke off."), code="broken_off", status=400)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        logger.error("The disk for media is full: %s", error)
        return _refusal(request, _("The Studio's disk is full. Tell an admin."), code="disk_full", status=507)
    finally:
        handler.upload_interrupted()


@csrf_protect
def _receive(request):
    form = UploadForm(request.POST)
    files = request.FILES.getlist("file")
    if not form.is_valid():
        errors = {field: [str(e) for e in said] for field, said in form.errors.items()}
        if _wants_json(request):
            message = " ".join(said[0] for said in errors.values())
            return JsonResponse({"error": {"code": "invalid", "message": message, "fields": errors}}, status=422)
        return _page(request, form, status=422)
    if not files:
        return _refusal(request, _("No file came, or it has no usable name."), code="no_file", status=422)
    brought, refused = [], []
    for file in files:
        try:
            clip, created = importing.bring(
                file, original_name=file.name, source=Clip.Source.UPLOAD, by=request.user, **form.cleaned_data
            )
            brought.append((clip, created))
        except Refused as refusal:
            refused.append((importing.clean_name(file.name), refusal))
    if _wants_json(request):
        if refused:
            name, refusal = refused[0]
            return JsonResponse({"error": {"code": refusal.code, "message": str(refusal)}}, status=422)
        return JsonResponse({"clips": [_as_json(clip, created) for clip, created in brought]}, status=201)
    for name, refusal in refused:
        messages.error(request, f"{name}: {refusal}")
    for clip, created in brought:
        if created:
            messages.success(request, _("%(name)s is being ingested.") % {"name": clip.name})
        else:
            messages.warning(request, _already_here(clip))
    return redirect("clips") if brought else _page(request, form, status=422)


def _as_json(clip, created):
    return {
        "id": clip.pk,
        "name": clip.name,
        "created": created,
        "url": reverse("clip", args=[clip.pk]),
        "message": "" if created else _already_here(clip),
    }


def _already_here(clip):
    return _("This file is here already, as clip %(id)s. A note was made on its page.") % {"id": clip.pk}


def _wants_json(request):
    return request.headers.get("Accept", "").startswith("application/json")


def _refusal(request, sentence, *, code, status):
    if _wants_json(request):
        return JsonResponse({"error": {"code": code, "message": sentence}}, status=status)
    messages.error(request, sentence)
    return _page(request, UploadForm(), status=status)


def _page(request, form, *, status=200):
    context = {
        "form": form,
        "max_bytes": settings.UPLOAD_MAX_BYTES,
        "max_s": settings.CLIP_MAX_S,
        "worker_missing": worker_missing("cpu"),
        "suffixes": ",".join(sorted(store.SUFFIXES)),
    }
    return render(request, "annotator/clips_upload.html", context, status=status)


@allow(Role.LEAD, Role.ADMIN)
@require_GET
@never_cache
def clips_upload_state(request):
    """How far the ingest of the asked clips is: {"clips": {id: {state, label, ...}}, "worker_missing": bool}."""
    ids = [int(part) for part in request.GET.get("ids", "").split(",") if part.isascii() and part.isdigit()]
    ids = [pk for pk in ids if pk < 2**63][:_MOST_ASKED]
    jobs = importing.latest_jobs(ids)
    answer = {}
    for clip in Clip.objects.filter(pk__in=ids).only("pk", "state", "failure"):
        job = jobs.get(clip.pk)
        state, failure = clip.state, clip.failure
        if state == Clip.State.INGESTING and (job is None or not job.is_active):
            state, failure = Clip.State.FAILED, failure or importing.stopped_sentence(job)
        answer[clip.pk] = {
            "state": state,
            "label": str(Clip.State(state).label),
            "failure": failure,
            "waiting": bool(job and job.state == job.State.QUEUED),
            "done": job.done if job else 0,
            "total": job.total if job else None,
        }
    return JsonResponse({"clips": answer, "worker_missing": worker_missing("cpu")})
