"""Which releases hold a question or a row made of it, and which checkpoints learned from them: a part of its page."""

from django.template.loader import render_to_string

from modelzoo.models import Takedown
from modelzoo.releases import lineage


def releases_panel(request, question):
    """HTML for leads, "" for others and where there is no release. One query, or some five where there is one."""
    if not request.user.is_lead:
        return ""
    found = lineage.of_question(question.pk)
    if not found:
        return ""
    learned = lineage.learners(found)
    context = {
        "found": [(release, learned.get(release.pk, [])) for release in found],
        "taken_down": Takedown.objects.filter(clip_sha256=question.clip.sha256).exists(),
    }
    return render_to_string("modelzoo/_releases_panel.html", context, request)
