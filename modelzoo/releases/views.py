"""Releases: the list with the form that seals, and the page of one."""

from django import forms
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from annotator import takedown
from annotator.models import Clip
from annotator.taxonomy import CATEGORY_CHOICES
from modelzoo.models import Release
from modelzoo.releases import changes, content, export_views, jobs, lineage, sealing, writing
from studio.access import allow
from studio.roles import Role

PAGE = 20
CHANGES = 50


class SealForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=60)
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=Release.Kind.choices)
    split = forms.ChoiceField(
        label=gettext_lazy("Split"),
        required=False,
        choices=[("", gettext_lazy("As the kind has it")), *Release.Split.choices],
        help_text=gettext_lazy("As the kind has it: a benchmark is for testing, the other two are for training."),
    )
    category = forms.ChoiceField(
        label=gettext_lazy("Category"), required=False, choices=[("", gettext_lazy("All categories")), *CATEGORY_CHOICES]
    )
    allow_unchecked = forms.BooleanField(
        label=gettext_lazy("Allow questions that have not passed the leak check"), required=False
    )
    leave_out_conflicts = forms.BooleanField(
        label=gettext_lazy("Leave out clips that another split holds"),
        required=False,
        help_text=gettext_lazy(
            "A clip, and what looks like it, stays in one split of one purpose for ever. Without this, such a clip stops the"
            " sealing, which then names it."
        ),
    )

    def clean(self):
        data = super().clean()
        if not self.errors:
            data["split"] = data["split"] or sealing.default_split(data["kind"])
            try:
                sealing.check_name(data["name"], data["kind"], data["split"])
            except sealing.CannotSeal as refusal:
                self.add_error("name", str(refusal))
        return data

    def filters(self):
        data = self.cleaned_data
        return content.Filters(
            categories=(data["category"],) if data["category"] else (),
            allow_unchecked=data["allow_unchecked"],
            leave_out_conflicts=data["leave_out_conflicts"],
        )


@allow(Role.LEAD, Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def releases(request):
    form = SealForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        jobs.start(by=request.user, name=data["name"], kind=data["kind"], split=data["split"], filters=form.filters())
        return redirect("releases")
    found = Release.objects.for_lists()
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 19:
        found = found.filter(pk__lt=int(before))
    rows = list(found.order_by("-pk")[: PAGE + 1])
    context = {
        "form": form,
        "releases": rows[:PAGE],
        "older": rows[PAGE - 1].pk if len(rows) > PAGE else None,
        "jobs": jobs.newest(3),
    }
    if request.htmx:
        return render(request, "modelzoo/_releases.html", context)
    return render(request, "modelzoo/releases.html", context, status=422 if form.errors else 200)


@allow(Role.LEAD, Role.ADMIN)
@require_safe
@never_cache
def release(request, pk):
    """The page, or to htmx the part with its exports."""
    found = get_object_or_404(Release.objects.select_related("sealed_by", "previous"), pk=pk)
    if request.htmx and request.GET.get("part") == "exports":
        return render(request, "modelzoo/_release_exports.html", export_views.context_of(found))
    rows = changes.of(found, after=request.GET.get("after", "")[:200], most=CHANGES + 1)
    facts, gone = found.facts, writing.gone_clips(found)
    categories = facts.get("by_category", {})
    if unknown := found.rows_count - sum(categories.values()):
        categories = {**categories, "": unknown}
    tables = [
        (_("By category"), _drawn(categories, {"": _("not known, or nothing breaks"), **dict(CATEGORY_CHOICES)})),
        (_("By kind"), _drawn(facts.get("by_kind", {}), _kinds(found))),
        (_("By source"), _drawn(facts.get("by_source", {}), dict(Clip.Source.choices))),
        (_("Licences"), _drawn(facts.get("by_licence", {}), {"": _("not stated")})),
    ]
    context = {
        "tables": [table for table in tables if table[1]],
        "changes": changes.in_words(found, found.previous, rows[:CHANGES]) if rows else [],
        "more": rows[CHANGES - 1][0] if len(rows) > CHANGES else None,
        **_used(found),
        "taken_down": len(gone),
        "takedowns": takedown.marks_of("release", found.pk)[:CHANGES],
        **export_views.context_of(found, gone=gone),
    }
    return render(request, "modelzoo/release.html", context)


def _used(found):
    """What a benchmark measured, or what learned from anything else."""
    if found.kind == Release.Kind.BENCHMARK:
        return {"measured": lineage.evaluations(found)}
    return {"learners": lineage.learners([found]).get(found.pk, [])}


def _kinds(found):
    model = content.CONTENTS[found.kind]
    return dict(model.MODEL.Kind.choices) if hasattr(model, "MODEL") else {}


def _drawn(counts, labels):
    """[(label, count, percent of the greatest), ...], the greatest first."""
    most = max(counts.values(), default=1)
    rows = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(labels.get(name, name), count, round(100 * count / most)) for name, count in rows]
