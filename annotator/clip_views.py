"""The clip browser, a clip's page, and what leads do there."""

from django import forms
from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from annotator import curating, importing
from annotator import takedown as takedowns
from annotator.models import Clip, Question, Truth, WrongState
from annotator.search import CLIP_TEXT, text_query
from annotator.taxonomy import CATEGORY_CHOICES, by_domain
from studio import history
from studio.access import allow
from studio.roles import Role

PAGE = 48
MOST_IN_BULK = 500
_SHOWN = (
    "pk title original_name state content purpose source expected_category poster filmstrip filmstrip_tiles"
    " filmstrip_columns fps_num fps_den frame_count width height has_audio failure"
).split()


class ClipFilter(forms.Form):
    q = forms.CharField(label=gettext_lazy("Text"), required=False, max_length=200)
    category = forms.ChoiceField(label=gettext_lazy("Category"), required=False)
    state = forms.ChoiceField(label=gettext_lazy("State"), required=False)
    content = forms.ChoiceField(label=gettext_lazy("Content"), required=False)
    purpose = forms.ChoiceField(label=gettext_lazy("Purpose"), required=False)
    source = forms.ChoiceField(label=gettext_lazy("Source"), required=False)
    before = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    after = forms.IntegerField(required=False, min_value=0, max_value=2**63 - 1)

    CHOICES = {
        "category": ("expected_category", [(domain, [(c.name, c.label) for c in rows]) for _n, domain, rows in by_domain()]),
        "state": ("state", Clip.State.choices),
        "content": ("content", Clip.Content.choices),
        "purpose": ("purpose", Clip.Purpose.choices),
        "source": ("source", Clip.Source.choices),
    }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name, (_column, choices) in self.CHOICES.items():
            self.fields[name].choices = [("", _("All")), *choices]

    def narrow(self, clips):
        """The clips these filters leave; a filter that makes no sense leaves none."""
        if not self.is_valid():
            return clips.none()
        chosen = self.cleaned_data
        for name, (column, _choices) in self.CHOICES.items():
            if chosen[name]:
                clips = clips.filter(**{column: chosen[name]})
        query = text_query(chosen["q"])
        if query is not None:
            clips = clips.annotate(words=CLIP_TEXT).filter(words=query)
        return clips

    @property
    def is_narrowing(self):
        return self.is_valid() and any(self.cleaned_data[name] for name in ("q", *self.CHOICES))


def _page_of(clips, *, before, after):
    """(rows, newer, older): one page by key, newest first, and whether there are more on either side."""
    if after is not None and not before:
        rows = list(clips.filter(pk__gt=after).order_by("pk")[: PAGE + 1])
        more = len(rows) > PAGE
        return rows[:PAGE][::-1], more, True
    if before:
        clips = clips.filter(pk__lt=before)
    rows = list(clips.order_by("-pk")[: PAGE + 1])
    return rows[:PAGE], bool(before), len(rows) > PAGE


@allow(*Role)
@require_GET
@vary_on_headers("HX-Request")
@never_cache
def clip_list(request):
    form = ClipFilter(request.GET)
    chosen = form.cleaned_data if form.is_valid() else {}
    clips = form.narrow(Clip.objects.only(*_SHOWN))
    rows, newer, older = _page_of(clips, before=chosen.get("before"), after=chosen.get("after"))
    context = {
        "form": form,
        "clips": rows,
        "newer": rows[0].pk if newer and rows else None,
        "older": rows[-1].pk if older and rows else None,
        "leads": request.user.is_lead,
        "brings": request.user.has_role(Role.LEAD, Role.ADMIN),
    }
    template = "annotator/clips.html" + ("#grid" if request.htmx and not request.htmx.boosted else "")
    return render(request, template, context)


class StoryForm(forms.ModelForm):
    class Meta:
        model = Clip
        fields = ["title", "text", "permalink", "author", "licence", "expected_category"]
        widgets = {"text": forms.Textarea(attrs={"rows": 4})}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["text"].max_length = importing.TEXT_MAX_CHARS
        self.fields["expected_category"].choices = [("", _("Not known")), *CATEGORY_CHOICES]

    def clean_text(self):
        text = self.cleaned_data["text"]
        if len(text) > importing.TEXT_MAX_CHARS:
            raise forms.ValidationError(_("At most %(limit)d characters.") % {"limit": importing.TEXT_MAX_CHARS})
        return text

    def save_changes(self):
        """Only what was changed here is written, so that two people editing do not undo each other."""
        if self.changed_data:
            self.instance.save(update_fields=self.changed_data)


def _questions_shown(user, clip):
    """Leads see all questions of the clip, authors their own, nobody the options: a lead may still review one blind."""
    questions = Question.objects.filter(clip=clip).visible_to(user).select_related("author")
    return questions.only("pk", "stem", "category", "state", "saved_at", "author__username", "author__first_name",
                          "author__last_name", "clip_id")  # fmt: skip


@allow(*Role)
@require_GET
@never_cache
def clip_page(request, pk):
    clip = get_object_or_404(Clip.objects.select_related("brought_by"), pk=pk)
    leads = request.user.is_lead
    job = None if clip.state == Clip.State.READY else importing.latest_jobs([pk]).get(pk)
    stopped = clip.state == Clip.State.INGESTING and (job is None or not job.is_active)
    context = {
        "clip": clip,
        "leads": leads,
        "job": job,
        "stopped": importing.stopped_sentence(job) if stopped else "",
        "has_truth": leads and Truth.objects.filter(pk=pk).exists(),
        "retryable": clip.state == Clip.State.FAILED or stopped,
        "form": StoryForm(instance=clip) if leads else None,
        "notes": clip.notes.select_related("by"),
        "questions": _questions_shown(request.user, clip),
        "shows_questions": leads or request.user.is_annotator,
        "entries": history.of(clip) if leads or request.user.is_studio_admin else None,
        "takes_down": request.user.has_role(Role.LEAD, Role.ADMIN) and clip.state != Clip.State.TAKEN_DOWN,
        "takedown": takedowns.of(clip),
        "gets_original": request.user.has_role(Role.LEAD, Role.ADMIN),
    }
    return render(request, "annotator/clip.html", context)


@allow(Role.LEAD)
@require_POST
def clip_edit(request, pk):
    clip = get_object_or_404(Clip, pk=pk)
    form = StoryForm(request.POST, instance=clip)
    if form.is_valid():
        form.save_changes()
        if not request.htmx:
            return redirect("clip", pk)
        form = StoryForm(instance=clip)
        return render(request, "annotator/_clip_story.html", {"clip": clip, "form": form, "leads": True, "saved": True})
    template = "annotator/_clip_story.html"
    return render(request, template, {"clip": clip, "form": form, "leads": True, "editing": True}, status=422)


@allow(Role.LEAD)
@require_POST
def clip_retry(request, pk):
    clip = get_object_or_404(Clip, pk=pk)
    try:
        importing.ingest_again(clip, by=request.user)
    except WrongState as refusal:
        messages.warning(request, str(refusal))
    return redirect("clip", pk)


class TakedownForm(forms.Form):
    reason = forms.CharField(max_length=2000)


@allow(Role.LEAD, Role.ADMIN)
@require_POST
def clip_takedown(request, pk):
    clip = get_object_or_404(Clip, pk=pk)
    form = TakedownForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say why the clip is taken down, in at most 2000 characters."))
        return redirect("clip", pk)
    try:
        takedowns.take_down(clip, by=request.user, reason=form.cleaned_data["reason"])
    except WrongState as refusal:
        messages.warning(request, str(refusal))
    return redirect("clip", pk)


_JUDGEMENTS = {
    "accept": Clip.Content.ACCEPTED,
    "not_gameplay": Clip.Content.NOT_GAMEPLAY,
    "gives_away": Clip.Content.GIVES_AWAY,
    "unusable": Clip.Content.UNUSABLE,
    "uncheck": Clip.Content.UNCHECKED,
}


def _bulk(action, ids, by):
    if action in _JUDGEMENTS:
        return curating.judge(ids, _JUDGEMENTS[action])
    if action in Clip.Purpose.values:
        return curating.give_purpose(ids, action)
    if action == "retry":
        return curating.ingest_again(ids, by=by)
    return None


@allow(Role.LEAD)
@require_POST
def clips_bulk(request):
    """Do one thing to all chosen clips, then show the page it was asked from again."""
    ids = [int(pk) for pk in request.POST.getlist("ids") if pk.isascii() and pk.isdigit() and len(pk) < 19]
    refused = ""
    try:
        changed = _bulk(request.POST.get("action", ""), ids[:MOST_IN_BULK], request.user)
    except WrongState as refusal:
        changed, refused = 0, str(refusal)
    if refused:
        messages.error(request, refused)
    elif not ids:
        messages.warning(request, _("Choose some clips first."))
    elif changed is None:
        messages.error(request, _("That is not something to do with clips. Reload the page."))
    else:
        said = ngettext("%(count)d clip changed.", "%(count)d clips changed.", changed) % {"count": changed}
        if changed < len(ids):
            said += " " + _("The others were so already, or are in a state where this is not possible.")
        messages.success(request, said)
    back = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return redirect(back if safe else reverse("clips"))
