"""The content check: new clips one by one, sorted with a key each, cut at both ends where something gives them away."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotator import curating, trimming
from annotator.models import Clip, WrongState
from studio.access import allow
from studio.roles import Role

_JUDGEMENTS = (Clip.Content.ACCEPTED, Clip.Content.NOT_GAMEPLAY, Clip.Content.GIVES_AWAY, Clip.Content.UNUSABLE)


def _number(text):
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def _to_check(after=0):
    """Ready clips nobody has judged yet, the oldest first."""
    return Clip.objects.filter(state=Clip.State.READY, content=Clip.Content.UNCHECKED, pk__gt=after).order_by("pk")


def _address(after=0, judged=None):
    parts = ([f"after={after}"] if after else []) + ([f"judged={judged}"] if judged else [])
    return reverse("content_check") + ("?" + "&".join(parts) if parts else "")


@allow(Role.LEAD)
@require_safe
@never_cache
def content_check(request):
    """The next clip to judge, or the one of `?clip=`; `?judged=` is the last one, which can be taken back."""
    after, wanted, judged = (_number(request.GET.get(name, "")) for name in ("after", "clip", "judged"))
    clip = get_object_or_404(Clip, pk=wanted) if wanted else _to_check(after or 0).first()
    context = {
        "clip": clip,
        "judgements": [(value, label) for value, label in Clip.Content.choices if value in _JUDGEMENTS],
        "after": after,
        "skipped": after and not clip and _to_check().exists(),
        "judged": Clip.objects.filter(pk=judged).first() if judged else None,
        "last": clip.frame_count - 1 if clip else 0,
    }
    return render(request, "annotator/content_check.html", context)


@allow(Role.LEAD)
@require_POST
def content_judge(request, pk):
    """A judgement on a clip that was in the content `seen`; then the next clip. Twice is once."""
    content, seen = request.POST.get("content"), request.POST.get("seen")
    if content not in Clip.Content.values or seen not in Clip.Content.values:
        return HttpResponse(_("That is not a judgement. Reload the page."), status=422)
    clip = get_object_or_404(Clip, pk=pk)
    if content == Clip.Content.UNCHECKED:
        curating.judge([pk], content)
        return redirect(f"{reverse('content_check')}?clip={pk}")
    try:
        if clip.content == seen:
            curating.judge([pk], content)
        elif clip.content != content:
            raise WrongState(
                _("Clip %(id)s was judged in between: %(content)s.")
                % {"id": pk, "content": clip.get_content_display().lower()}
            )
    except WrongState as refusal:
        messages.warning(request, str(refusal))
        return redirect(f"{reverse('content_check')}?clip={pk}")
    return redirect(_address(_number(request.POST.get("after", "")) or 0, pk))


@allow(Role.LEAD)
@require_POST
def content_cut(request, pk):
    """Keep frames first..last of the clip as it is shown; without them all of the original again."""
    clip = get_object_or_404(Clip, pk=pk)
    first, last = _number(request.POST.get("first", "")), _number(request.POST.get("last", ""))
    seen = (_number(request.POST.get("cut_first", "")), _number(request.POST.get("cut_last", "")))
    seen = None if None in seen else seen
    begin = seen[0] if seen else 0
    whole = "whole" in request.POST
    try:
        if not whole and (first is None or last is None or last >= clip.frame_count):
            raise WrongState(_("A cut needs a first frame and a last one, in this order."))
        trimming.cut(
            pk,
            first=None if whole else begin + first,
            last=None if whole else begin + last,
            seen=seen,
            by=request.user,
        )
    except WrongState as refusal:
        messages.warning(request, str(refusal))
        return redirect(f"{reverse('content_check')}?clip={pk}")
    messages.success(request, _("The clip is being cut; it comes back here when it is ready. The original is kept."))
    return redirect("content_check")
