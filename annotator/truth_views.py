"""What happened here: for leads, the truth of GlitchWorld's clips against what annotators wrote about them."""

import random

from django import forms
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from annotator import glitchworld_job
from annotator import truths as known
from annotator.models import Clip, Question, Truth
from annotator.panels import hidden_keys
from annotator.question_views import id_of
from studio.access import allow
from studio.roles import Role

PAGE = 24


class MakeForm(forms.Form):
    clips = forms.IntegerField(label=gettext_lazy("Clips"), min_value=1, max_value=glitchworld_job.MOST, initial=12)
    seed = forms.IntegerField(
        label=gettext_lazy("Seed"),
        min_value=0,
        max_value=2**31 - 1,
        help_text=gettext_lazy("The same seed gives the same clips."),
    )
    purpose = forms.ChoiceField(label=gettext_lazy("Purpose"), choices=Clip.Purpose.choices)
    twins = forms.BooleanField(label=gettext_lazy("Each also without its glitch"), required=False)


@allow(Role.LEAD)
@require_GET
@never_cache
def truths(request):
    """All clips whose truth is known, newest first, and how well each question about them fits."""
    before = id_of(request.GET.get("before"))
    form = MakeForm(initial={"seed": random.randrange(10**6), "purpose": Clip.Purpose.PRACTICE})
    return _truths(request, form, before)


@allow(Role.LEAD)
@require_POST
def truths_make(request):
    """Have GlitchWorld make clips in the background; 422 and the form again where it cannot."""
    form = MakeForm(request.POST)
    if not form.is_valid():
        return _truths(request, form, 0, status=422)
    return redirect("job", glitchworld_job.start(by=request.user, **form.cleaned_data).pk)


def _truths(request, form, before, *, status=200):
    rows = Truth.objects.defer("row", "question").select_related("clip")
    rows = list((rows.filter(clip__lt=before) if before else rows)[: PAGE + 1])
    more = rows[PAGE - 1].pk if len(rows) > PAGE else None
    rows = rows[:PAGE]
    asked = {}
    for question in _submitted(Question.objects.filter(clip__in=[truth.pk for truth in rows])):
        asked.setdefault(question.clip_id, []).append(question)
    hidden = hidden_keys(request.user, [question for several in asked.values() for question in several])
    for truth in rows:
        truth.hidden = any(question.pk in hidden for question in asked.get(truth.pk, []))
        truth.said = [] if truth.hidden else [(q, _compare(truth, q)) for q in asked.get(truth.pk, [])]
    return render(request, "annotator/truths.html", {"rows": rows, "more": more, "form": form}, status=status)


def _submitted(questions):
    """Those whose author has handed them in at least once: a draft is nobody's business yet."""
    return questions.filter(revision_number__gt=0).select_related("author").order_by("pk")


def _compare(truth, question):
    return known.compare(truth, category=question.category, sub_label=question.sub_label, spans=question.spans)


@allow(Role.LEAD)
@require_GET
@never_cache
def truth(request, pk):
    """One clip: its video with the actor's box, true span against marked spans, the twin, and each question."""
    found = get_object_or_404(Truth.objects.select_related("clip"), pk=pk)
    questions = list(_submitted(Question.objects.filter(clip=pk)))
    around = Truth.objects.defer("row", "question").order_by()
    context = {
        "clip": found.clip,
        "newer": around.filter(clip__gt=pk).order_by("clip").values_list("clip", flat=True).first(),
        "older": around.filter(clip__lt=pk).order_by("-clip").values_list("clip", flat=True).first(),
    }
    if hidden_keys(request.user, questions):
        # The truth is the key of every honest question about the clip.
        return render(request, "annotator/truth.html", context | {"hidden": True})
    said = [{"question": q, "author": q.author, "compared": _compare(found, q)} for q in questions]
    lanes = [{"label": str(q.author), "spans": q.spans} for q in questions]
    return render(request, "annotator/truth.html", context | {"said": said} | shown(found, lanes=lanes, for_leads=True))


def shown(truth, *, lanes, for_leads):
    """What `_truth.html` needs to tell a truth: facts, overlay, the twin. `lanes` are [{label, spans}] set against it.

    Who only practises sees the twin only if it is for practice too: nobody is to know the truth of a clip that waits to be
    written about.
    """
    clip = truth.clip
    twin = known.twin_of(truth) if clip.state == Clip.State.READY else None
    if twin and not for_leads and twin.purpose != Clip.Purpose.PRACTICE:
        twin = None
    true_lane = {"label": _("What happens"), "spans": truth.spans, "true": True}
    return {
        "told": known.telling(truth),
        "twin": twin,
        "lanes": [true_lane, *lanes],
        "overlay": known.overlay(truth) | {"twin": _rate(twin) if twin else None},
    }


def _rate(clip):
    return {"fpsNum": clip.fps_num, "fpsDen": clip.fps_den, "frameCount": clip.frame_count}
