"""Ask PhysVLM: the form with one's own questions, and the page of one. For leads and admins, as what a model says about a
clip must not reach those who write about it or answer blind."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, UnreadablePostError
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from annotator.ingest import store
from annotator.models import Clip
from annotator.search import CLIP_TEXT, text_query
from annotator.upload_views import IncomingHandler
from modelzoo.asking import services, shown
from modelzoo.asking.forms import AskForm
from modelzoo.asking.models import Ask
from studio.access import allow
from studio.health import worker_command, worker_missing
from studio.roles import Role

ROLES = (Role.LEAD, Role.ADMIN)
PAGE = 20
CLIPS = 12
_FORM_ALLOWANCE = 1024 * 1024
_SHOWN = "pk title original_name source_id state poster fps_num fps_den frame_count".split()


def _number(text):
    return int(text) if text and text.isdecimal() and len(text) < 19 else None


def _clip(pk):
    return Clip.objects.filter(pk=pk).first() if pk else None


@allow(*ROLES)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@csrf_exempt  # not exempt: `_receive` checks it. Looking for the token reads the body, so limits have to come first.
def asks(request):
    if request.method != "POST":
        return _page(request)
    length = request.META.get("CONTENT_LENGTH") or ""
    if length.isdecimal() and int(length) > settings.ASK_UPLOAD_MAX_BYTES + _FORM_ALLOWANCE:
        messages.error(request, _too_big())
        return _page(request, AskForm(), status=413)
    handler = IncomingHandler(request)
    request.upload_handlers = [handler]
    try:
        return _receive(request)
    except store.TooBig:
        messages.error(request, _too_big())
        return _page(request, AskForm(), status=413)
    except UnreadablePostError:
        messages.error(request, _("The upload broke off."))
        return _page(request, AskForm(), status=400)
    finally:
        handler.upload_interrupted()


def _too_big():
    return _("The file is larger than %(size)s MB.") % {"size": settings.ASK_UPLOAD_MAX_BYTES // (1 << 20)}


@csrf_protect
def _receive(request):
    form = AskForm(request.POST)
    clip, file = _clip(_number(request.POST.get("clip"))), request.FILES.get("file")
    if form.is_valid():
        data = form.cleaned_data
        if file is not None and file.size == 0:
            file = None  # the form was sent without a file
        question = None
        if clip and (pk := _number(request.POST.get("question"))):
            question = next((one for one in services.stored_questions(request.user, clip) if one.pk == pk), None)
        try:
            if file is not None and file.size > settings.ASK_UPLOAD_MAX_BYTES:
                raise services.WrongAsk("file", _too_big())
            ask = services.begin(
                by=request.user, model=data["model"], text=data["text"], options=data["options"],
                clip=None if file is not None else clip, incoming=file, question=question,
            )  # fmt: skip
            return redirect("ask", ask.pk)
        except services.WrongAsk as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        except services.TooMany as refusal:
            form.add_error(None, str(refusal))
    return _page(request, form, clip=clip, status=422)


def _page(request, form=None, *, clip=None, status=200):
    before = _number(request.GET.get("before"))
    mine = Ask.objects.of(request.user).for_lists()
    rows = list((mine.filter(pk__lt=before) if before else mine).order_by("-pk")[: PAGE + 1])
    clip = clip or _clip(_number(request.GET.get("clip")))
    stored = list(services.stored_questions(request.user, clip)) if clip else []
    if form is None:
        initial = {"model": request.GET.get("model", "")}
        chosen = next((one for one in stored if one.pk == _number(request.GET.get("question"))), None)
        if chosen:
            initial |= {"text": chosen.stem, "options": "\n".join(services.options_of(chosen))}
        form = AskForm(initial=initial)
        form.question = chosen.pk if chosen else ""
    context = {
        "form": form, "clip": clip, "stored": stored,
        "asks": rows[:PAGE], "older": rows[PAGE - 1].pk if len(rows) > PAGE else None,
        "max_mb": settings.ASK_UPLOAD_MAX_BYTES // (1 << 20), "keep_days": settings.ASK_KEEP_DAYS,
        "suffixes": ",".join(sorted(store.SUFFIXES)), **_found(request),
    }  # fmt: skip
    return render(request, "modelzoo/asks.html", context, status=status)


def _found(request):
    """Clips that a search leaves, the newest where nothing is searched."""
    clips = Clip.objects.filter(state=Clip.State.READY).only(*_SHOWN)
    text = request.GET.get("q", "")[:200]
    if (query := text_query(text)) is not None:
        clips = clips.annotate(words=CLIP_TEXT).filter(words=query)
    return {"q": text, "found": list(clips.order_by("-pk")[:CLIPS])}


@allow(*ROLES)
@require_safe
@never_cache
def ask_clips(request):
    """The part of the form in which a clip is found."""
    return render(request, "modelzoo/_ask_clips.html", {"clip": _clip(_number(request.GET.get("clip"))), **_found(request)})


def _mine(request, pk):
    return get_object_or_404(Ask.objects.of(request.user).select_related("clip", "job").defer("job__log"), pk=pk)


@allow(*ROLES)
@require_safe
@never_cache
@vary_on_headers("HX-Request")
def ask(request, pk):
    one = _mine(request, pk)
    context = {"ask": one, **shown.of(one)}
    if one.is_live and one.job:
        context["ahead"] = services.ahead(one) if one.state == Ask.State.QUEUED else 0
        if worker_missing(one.job.queue):
            context["missing_queue"], context["missing_worker"] = one.job.queue, worker_command(one.job.queue)
    part = request.htmx and request.GET.get("part") == "state"
    # The page of a live ask has only this part; once it is answered the whole is swapped in.
    return render(request, "modelzoo/_ask_state.html" if part else "modelzoo/ask.html", context)


@allow(*ROLES)
@require_POST
def ask_stop(request, pk):
    one = _mine(request, pk)
    if not services.stop(one):
        messages.info(request, _("It had ended already."))
    return redirect("ask", pk)


@allow(*ROLES)
@require_POST
def ask_again(request, pk):
    one = _mine(request, pk)
    try:
        return redirect("ask", services.again(one, by=request.user).pk)
    except (services.WrongAsk, services.TooMany) as refusal:
        messages.error(request, str(refusal))
        return redirect("ask", pk)


@allow(*ROLES)
@require_safe
def ask_image(request, pk, kind):
    """The strip of frames, or the map that is laid over it."""
    if kind not in ("frames", "heat"):
        raise Http404
    name = getattr(
        get_object_or_404(Ask.objects.of(request.user).only("frames_image", "heat_image"), pk=pk), f"{kind}_image"
    )
    if not store.exists(name):
        raise Http404(_("There is no such picture any more."))
    with store.local(name) as path:
        content = path.read_bytes()
    response = HttpResponse(content, content_type="image/png" if name.endswith(".png") else "image/jpeg")
    response["Cache-Control"] = "private, max-age=86400, immutable"
    response["X-Content-Type-Options"] = "nosniff"
    return response
