"""The exports page: start one, watch it, download it, and see what is in and what is left out."""

import os
import time
from urllib.parse import quote

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.cache import cache
from django.core.files.storage import default_storage
from django.db.models import Count, F
from django.http import FileResponse, Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import patch_cache_control
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotator.ingest import store
from annotator.models import Clip, Question, Revision
from modelzoo import export_jobs, exporting
from qc import leak_verdicts
from studio.access import allow
from studio.llm import endpoints
from studio.models import Job
from studio.roles import Role

PAGE = 20


class ExportForm(forms.Form):
    purpose = forms.ChoiceField(
        label=gettext_lazy("Clips"),
        choices=[
            ("benchmark", gettext_lazy("Benchmark clips")),
            ("training", gettext_lazy("Training clips")),
            ("all", gettext_lazy("All clips")),
        ],
    )
    videos = forms.ChoiceField(
        label=gettext_lazy("Videos"),
        choices=[
            ("original", gettext_lazy("Originals, where they are MP4")),
            ("proxy", gettext_lazy("Proxies (H.264, at most 1280×720)")),
            ("none", gettext_lazy("No videos, texts only")),
        ],
    )

    allow_unchecked = forms.BooleanField(
        label=gettext_lazy("Allow questions that have not passed the leak check; the dataset card says so"), required=False
    )

    def options(self):
        videos = self.cleaned_data["videos"]
        return exporting.Options(
            videos="none" if videos == "none" else "copy",
            video_file="original" if videos == "none" else videos,
            purpose=self.cleaned_data["purpose"],
            allow_unchecked=self.cleaned_data["allow_unchecked"],
        )


COUNTS_KEY = "exports-approved-counts"
_SLOW_COUNT_S, _SLOW_COUNT_KEPT_S = 0.5, 60


def _counted():
    """[(clip's state, content, purpose, leak standing, count), ...] of approved questions.

    A count that takes long, because there are very many, is kept for a minute; below that it is always fresh.
    """
    kept = cache.get(COUNTS_KEY)
    if kept is not None:
        return kept
    started = time.monotonic()
    current = Revision.objects.filter(number=F("question__revision_number"), question__state=Question.State.APPROVED)
    rows = list(
        leak_verdicts.with_standing(current)
        .order_by()
        .values_list("question__clip__state", "question__clip__content", "question__clip__purpose", "leak_standing")
        .annotate(count=Count("pk"))
    )
    if time.monotonic() - started > _SLOW_COUNT_S:
        cache.set(COUNTS_KEY, rows, _SLOW_COUNT_KEPT_S)
    return rows


def approved_counts():
    """What becomes of the approved questions: {"in": {purpose: count}, "out": [(why, count), ...], "unchecked": count}.

    "unchecked" counts those that are out because of the leak check alone.
    """
    unchecked = 0
    inside = dict.fromkeys((purpose for purpose in exporting.PURPOSES if purpose != "all"), 0)
    outside = {}
    for state, content, purpose, standing, count in _counted():
        if state != Clip.State.READY:
            why = _("The clip is not ready: %(state)s") % {"state": Clip.State(state).label.lower()}
        elif content != Clip.Content.ACCEPTED:
            why = _("The clip's content: %(content)s") % {"content": Clip.Content(content).label.lower()}
        elif purpose not in inside:
            why = _("The clip is for practice")
        elif standing not in leak_verdicts.PASSED:
            why = str(leak_verdicts.STANDINGS[standing])
            unchecked += count
        else:
            inside[purpose] += count
            continue
        outside[why] = outside.get(why, 0) + count
    return {"in": inside, "out": sorted(outside.items(), key=lambda item: -item[1]), "unchecked": unchecked}


@allow(Role.LEAD, Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def exports(request):
    form = ExportForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        export_jobs.start(by=request.user, options=form.options())
        return redirect("exports")
    before = request.GET.get("before", "")
    found = export_jobs.all_exports()
    if before.isdecimal() and len(before) < 19:
        found = found.filter(pk__lt=int(before))
    jobs = list(found[: PAGE + 1])
    counts = approved_counts()
    purposes = [(Clip.Purpose(name).label, count) for name, count in counts["in"].items()]
    context = {
        "form": form,
        "jobs": jobs[:PAGE],
        "older": jobs[PAGE - 1].pk if len(jobs) > PAGE else None,
        "purposes": purposes,
        "left_out": counts["out"],
        "ready": sum(counts["in"].values()) + counts["unchecked"],
        "unchecked": counts["unchecked"],
        "no_model": "" if endpoints.ready() else endpoints.why_none(),
        "running": any(job.is_active for job in jobs),
    }
    if request.htmx:
        return render(request, "modelzoo/_exports.html", context)
    return render(request, "modelzoo/exports.html", context, status=422 if form.errors else 200)


def _export(pk):
    return get_object_or_404(Job.objects.defer("log"), pk=pk, kind=export_jobs.KIND)


@allow(Role.LEAD, Role.ADMIN)
@require_safe
def export_download(request, pk):
    return download(export_jobs.file_of(_export(pk)))


def download(name):
    """The zip of an export, by whichever way moves its bytes best. Who may have it is the caller's business."""
    if not name or not default_storage.exists(name):
        raise Http404(_("This export has no file."))
    if not store.has_paths():
        return HttpResponseRedirect(default_storage.url(name))
    if settings.MEDIA_ACCEL_PREFIX:
        response = HttpResponse(content_type="application/zip")
        response["X-Accel-Redirect"] = settings.MEDIA_ACCEL_PREFIX.rstrip("/") + "/" + quote(name)
    else:
        response = FileResponse(default_storage.open(name), content_type="application/zip")
        response["Content-Length"] = str(default_storage.size(name))
    response["Content-Disposition"] = content_disposition_header(True, os.path.basename(name))
    response["X-Content-Type-Options"] = "nosniff"
    patch_cache_control(response, private=True, no_cache=True)
    return response


@allow(Role.LEAD, Role.ADMIN)
@require_POST
def export_delete(request, pk):
    export_jobs.remove(_export(pk))
    messages.success(request, _("The export's file was deleted."))
    return redirect("exports")
