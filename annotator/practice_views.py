"""The practice room: choose a clip, write a question or answer one, then see what really happens in it."""

from django.contrib import messages
from django.http import JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from annotator import practice as practising
from annotator import services, truths
from annotator.models import Clip, PracticeAttempt, Truth, WrongState
from annotator.question_views import id_of
from annotator.truth_views import shown
from annotator.write_views import content_of, form_context, json_of, refused
from studio.access import allow
from studio.models import User
from studio.roles import Role

PAGE = 24
_PEOPLE = (Role.ANNOTATOR, Role.REVIEWER, Role.LEAD)


def _page(rows, before, key="pk"):
    """(rows of one page, the key after which the list goes on or None)."""
    rows = list((rows.filter(**{f"{key}__lt": before}) if before else rows)[: PAGE + 1])
    return rows[:PAGE], rows[PAGE - 1].pk if len(rows) > PAGE else None


@allow(*_PEOPLE)
@require_GET
@never_cache
def practice(request):
    """The clips to practise on, and how it went so far."""
    clips = Clip.objects.for_practice().select_related("truth").defer("truth__row").order_by("-pk")
    clips, more = _page(clips, id_of(request.GET.get("before")))
    mine = {}
    attempts = PracticeAttempt.objects.filter(person=request.user, clip__in=clips)
    for attempt in attempts.defer("stem", "note", "distractor_1", "distractor_2", "distractor_3"):
        mine.setdefault(attempt.clip_id, []).append(attempt)
    for clip in clips:
        clip.mine = mine.get(clip.pk, [])
    context = {"clips": clips, "more": more, "figures": practising.figures_of(request.user), "leads": request.user.is_lead}
    return render(request, "annotator/practice.html", context)


def _clip(pk):
    return get_object_or_404(Clip.objects.for_practice().select_related("truth"), pk=pk)


@allow(*_PEOPLE)
@require_http_methods(["GET", "POST"])
@never_cache
def practice_write(request, pk):
    """The desk without a queue behind it. POST takes {"content"} or {"nothing": true} and answers with the next address."""
    clip = _clip(pk)
    if request.method != "POST":
        return render(request, "annotator/practice_write.html", {"clip": clip} | form_context())
    data = json_of(request)
    try:
        if data.get("nothing") is True:
            attempt = practising.attempt_nothing_wrong(person=request.user, clip=clip)
        else:
            content = services.clean_draft(content_of(data))
            attempt = practising.attempt_question(person=request.user, clip=clip, content=content)
    except services.Invalid as refusal:
        return refused(refusal)
    return JsonResponse({"next": attempt.get_absolute_url()})


@allow(*_PEOPLE)
@require_http_methods(["GET", "POST"])
@never_cache
def practice_answer(request, pk):
    """GlitchWorld's own question about the clip, answered blind."""
    clip = _clip(pk)
    error = ""
    if request.method == "POST":
        try:
            given = request.POST.get("answer", "")
            return redirect(practising.attempt_answer(person=request.user, clip=clip, answer=given))
        except services.Invalid as refusal:
            error = str(refusal)
        except WrongState as refusal:
            messages.warning(request, str(refusal))
            return redirect("practice_write", pk)
    elif clip.truth.question is None:
        return redirect("practice_write", pk)
    context = {"clip": clip, "question": clip.truth.question, "error": error}
    return render(request, "annotator/practice_answer.html", context, status=422 if error else 200)


@allow(*_PEOPLE)
@require_GET
@never_cache
def practice_attempt(request, pk):
    """What somebody said against what really happens; for that person and for leads."""
    attempts = PracticeAttempt.objects.select_related("person", "clip")
    if not request.user.is_lead:
        attempts = attempts.filter(person=request.user)
    attempt = get_object_or_404(attempts, pk=pk)
    truth = get_object_or_404(Truth.objects.select_related("clip"), pk=attempt.clip_id)
    wrote = attempt.way == PracticeAttempt.Way.WRITE
    lanes = [{"label": str(attempt.person), "spans": attempt.spans}] if attempt.spans else []
    context = {
        "attempt": attempt,
        "clip": attempt.clip,
        "own": attempt.person_id == request.user.pk,
        "nothing_said": wrote and not attempt.category,
        "compared": truths.compare(
            truth, category=attempt.category, sub_label=attempt.sub_label, spans=attempt.spans
        ) if wrote else None,
        "options": _options(attempt, truth),
        "next": _untried(request.user),
    }  # fmt: skip
    return render(request, "annotator/practice_attempt.html", context | shown(truth, lanes=lanes, for_leads=False))


def _options(attempt, truth):
    """The options of an answered question with the right one and the chosen one; [] for a written one."""
    if attempt.way != PracticeAttempt.Way.ANSWER or truth.question is None:
        return []
    return [
        {"text": text, "is_key": index == truth.question["answer_index"], "is_mine": index == attempt.answer}
        for index, text in enumerate(truth.question["options"])
    ]


def _untried(user):
    """The oldest practice clip this person has not tried, or None."""
    return Clip.objects.for_practice().exclude(practice_attempts__person=user).order_by("pk").first()


@allow(Role.LEAD)
@require_GET
@never_cache
def practice_people(request):
    """How everybody's practice went, whoever practised last first."""
    return render(request, "annotator/practice_people.html", {"rows": practising.figures_by_person()[:500]})


@allow(Role.LEAD)
@require_GET
@never_cache
def practice_person(request, pk):
    """One person's attempts, newest first."""
    person = get_object_or_404(User, pk=pk)
    attempts = PracticeAttempt.objects.filter(person=person).select_related("clip__truth").defer("clip__truth__row")
    attempts, more = _page(attempts, id_of(request.GET.get("before")))
    context = {"person": person, "attempts": attempts, "more": more, "figures": practising.figures_of(person)}
    return render(request, "annotator/practice_person.html", context)
