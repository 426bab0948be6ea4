"""Exports of a release: start one on its page, download what was made, delete the file."""

from django import forms
from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from modelzoo import export_jobs, formats
from modelzoo.models import Release
from modelzoo.releases import export_jobs as release_exports
from modelzoo.releases import writing
from modelzoo.views import download
from studio.access import allow
from studio.roles import Role

NEWEST = 10


class ExportForm(forms.Form):
    formats = forms.MultipleChoiceField(
        label=gettext_lazy("Formats"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose a format.")},
    )
    videos = forms.ChoiceField(
        label=gettext_lazy("Videos"),
        choices=[("copy", gettext_lazy("With the videos")), ("none", gettext_lazy("No videos, texts only"))],
    )

    def __init__(self, *args, release, **kwargs):
        super().__init__(*args, **kwargs)
        known = formats.for_kind(release.kind)
        self.fields["formats"].choices = [(name, formats.LABELS[name]) for name in known]
        self.fields["formats"].initial = ["physgame"]


def context_of(release, form=None, gone=None):
    """What the exports' part of the page shows; one query, or two where `gone`, the clips taken down, are not given."""
    gone = writing.gone_clips(release) if gone is None else gone
    jobs = list(release_exports.of(release)[:NEWEST])
    return {
        "release": release,
        "export_form": form or ExportForm(release=release),
        "exports": [(job, release_exports.file_of(job, len(gone))) for job in jobs],
    }


@allow(Role.LEAD, Role.ADMIN)
@require_POST
def release_export(request, pk):
    release = get_object_or_404(Release, pk=pk)
    form = ExportForm(request.POST, release=release)
    if not form.is_valid():
        return render(request, "modelzoo/release_export.html", context_of(release, form), status=422)
    chosen = form.cleaned_data
    release_exports.start(release, by=request.user, wanted=chosen["formats"], videos=chosen["videos"])
    return redirect(f"{release.get_absolute_url()}#exports-title")


def job_of(release, pk):
    """A job that exports this release and no other."""
    return get_object_or_404(release_exports.of(release), pk=pk)


@allow(Role.LEAD, Role.ADMIN)
@require_safe
def release_export_download(request, pk, export):
    release = get_object_or_404(Release, pk=pk)
    name = release_exports.file_of(job_of(release, export), len(writing.gone_clips(release)))
    if not name:
        raise Http404(_("This export has no file, or clips were taken down since it was made. Start it again."))
    return download(name)


@allow(Role.LEAD, Role.ADMIN)
@require_POST
def release_export_delete(request, pk, export):
    release = get_object_or_404(Release, pk=pk)
    export_jobs.remove(job_of(release, export))
    messages.success(request, _("The export's file was deleted."))
    return redirect(f"{release.get_absolute_url()}#exports-title")
