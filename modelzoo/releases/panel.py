"""Which releases hold a question or a row made of it, and which runs were trained on them: a part of its page."""

from django.db.models import Count, Q
from django.template.loader import render_to_string

from modelzoo.models import Release, ReleaseRow, RunRelease, Takedown

MOST = 50


def releases_panel(request, question):
    """HTML for leads, "" for others and where there is no release. Two or three queries."""
    if not request.user.is_lead:
        return ""
    rows = ReleaseRow.objects.filter(question=question.pk).values("release")
    found = list(Release.objects.for_lists().filter(pk__in=rows).order_by("-pk")[:MOST])
    if not found:
        return ""
    used = RunRelease.objects.filter(release__in=found).select_related("run").defer("run__spec", "run__log_tail")
    used = used.annotate(kept=Count("run__checkpoints", filter=Q(run__checkpoints__is_kept=True))).order_by("-run_id")
    by_release = {}
    for one in used[: 10 * MOST]:
        by_release.setdefault(one.release_id, []).append(one)
    context = {
        "found": [(release, by_release.get(release.pk, [])) for release in found],
        "taken_down": Takedown.objects.filter(clip_sha256=question.clip.sha256).exists(),
    }
    return render_to_string("modelzoo/_releases_panel.html", context, request)
