"""Background jobs: the list, one job, its progress part, cancel and retry. People see their own; leads and admins all."""

from django import forms
from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from studio import jobs
from studio.access import SIGNED_IN, allow
from studio.models import Job

PAGE = 50


class JobFilter(forms.Form):
    state = forms.ChoiceField(required=False, label=gettext_lazy("State"))
    kind = forms.ChoiceField(required=False, label=gettext_lazy("Kind"))
    before = forms.IntegerField(required=False, min_value=1)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["state"].choices = [("", _("Any state")), *Job.State.choices]
        self.fields["kind"].choices = [("", _("Any kind")), *((kind, kind) for kind in jobs.kinds())]


@allow(SIGNED_IN)
@require_GET
@never_cache
def job_list(request):
    form = JobFilter(request.GET)
    chosen = form.cleaned_data if form.is_valid() else {}
    found = Job.objects.visible_to(request.user).select_related("owner").defer("log", "arguments", "result")
    if chosen.get("state"):
        found = found.filter(state=chosen["state"])
    if chosen.get("kind"):
        found = found.filter(kind=chosen["kind"])
    if chosen.get("before"):
        found = found.filter(pk__lt=chosen["before"])
    rows = list(found.order_by("-pk")[: PAGE + 1])
    older = rows[PAGE - 1].pk if len(rows) > PAGE else None
    filtered = any(chosen.get(name) for name in ("state", "kind", "before"))
    context = {"form": form, "jobs": rows[:PAGE], "older": older, "filtered": filtered}
    return render(request, "studio/jobs.html", context)


def _visible(request, pk):
    return get_object_or_404(Job.objects.visible_to(request.user).select_related("owner"), pk=pk)


@allow(SIGNED_IN)
@require_GET
@never_cache
def job_page(request, pk):
    job = _visible(request, pk)
    part = request.GET.get("part") if request.htmx else None
    template = {"log": "studio/_job_log.html", "body": "studio/_job_body.html"}.get(part, "studio/job.html")
    return render(request, template, {"job": job})


def _progress(request, job, *, status=200, sentence=""):
    return render(request, "studio/_progress.html", {"job": job, "sentence": sentence}, status=status)


@allow(SIGNED_IN)
@require_GET
@never_cache
def job_progress(request, pk):
    job = _visible(request, pk)
    response = _progress(request, job)
    if not job.is_active:
        response["HX-Trigger-After-Swap"] = "job-ended"  # pages that show the job's outcome listen for it
    return response


def _after(request, job, done, sentence):
    job.refresh_from_db()
    if request.htmx:
        response = _progress(request, job, status=200 if done else 409, sentence="" if done else sentence)
        response["HX-Trigger-After-Swap"] = "job-changed"
        return response
    if not done:
        messages.error(request, sentence)
    return redirect("job", job.pk)


@allow(SIGNED_IN)
@require_POST
def job_cancel(request, pk):
    job = _visible(request, pk)
    done = jobs.cancel(job)
    return _after(request, job, done, _("This job had ended already, so there was nothing to cancel."))


@allow(SIGNED_IN)
@require_POST
def job_retry(request, pk):
    job = _visible(request, pk)
    done = jobs.retry(job)
    return _after(request, job, done, _("This job is neither failed nor cancelled, or the same work is queued already."))
