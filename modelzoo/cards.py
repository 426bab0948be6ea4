"""What this room tells on a question's health card."""

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotator.models import Question
from modelzoo import export_jobs
from qc.dashboard.card import Section, section
from qc.dashboard.card_sections import when
from studio.models import Job

NEWEST = 50


@section("exports", order=90, for_author=True)
def exports(subject):
    """Exports of this question's purpose since it was approved. An export lists its questions itself, in its manifest."""
    question = subject.question
    if question.state != Question.State.APPROVED:
        return None
    newest = list(export_jobs.all_exports().filter(state=Job.State.DONE)[:NEWEST])
    since = [
        job
        for job in newest
        if job.started_at
        and question.settled_at
        and job.started_at > question.settled_at
        and job.arguments.get("purpose") in (question.clip.purpose, "all")
    ]
    told = ngettext("%(n)s export since it was approved", "%(n)s exports since it was approved", len(since))
    return Section(
        _("Exports"),
        verdict=told % {"n": len(since)},
        lines=[_("The last one began %(when)s.") % {"when": when(since[0].started_at)}] if since else [],
        url=reverse("exports"),
        action=_("Open exports"),
    )
