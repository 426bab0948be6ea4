"""Sources: start a search, see what came of it and why the rest did not, try again."""

from django import forms
from django.contrib import messages
from django.db.models import Count
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from annotator.importing import Story
from annotator.models import Clip, Site, SourceItem, Sourcing, WrongState
from annotator.question_views import id_of
from annotator.sources import fetch_job, reddit, searches
from annotator.taxonomy import CATEGORY_CHOICES
from studio.access import allow
from studio.health import worker_missing
from studio.roles import Role

PAGE = 50
MOST_RETRIED = 500
_LISTING_BYTES = 20 * 1024 * 1024


class SearchForm(forms.Form):
    kind = forms.ChoiceField(label=gettext_lazy("Where"), choices=Sourcing.Kind.choices)
    what = forms.CharField(
        label=gettext_lazy("What"),
        required=False,
        max_length=100_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("One a line: subreddits, keywords (none: those of the thinnest categories), or links."),
    )
    listing = forms.FileField(label=gettext_lazy("Or a saved listing of Reddit"), required=False)
    purpose = forms.ChoiceField(label=gettext_lazy("Purpose"), choices=Clip.Purpose.choices[:2])
    category = forms.ChoiceField(label=gettext_lazy("Expected category"), required=False)
    licence = forms.CharField(label=gettext_lazy("Licence"), max_length=200, required=False)
    limit = forms.IntegerField(label=gettext_lazy("At most"), min_value=1, max_value=searches.MOST, initial=50)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["category"].choices = [("", _("Not known")), *CATEGORY_CHOICES]

    def start(self, by):
        """Begin what was asked for; the Sourcing, or None with errors on the form."""
        asked = self.cleaned_data
        said = {name: asked[name] for name in ("purpose", "category", "licence")}
        words = asked["what"].splitlines()
        try:
            if asked["kind"] == Sourcing.Kind.LINKS:
                return self._links(words, by, said)
            if asked["kind"] == Sourcing.Kind.REDDIT and asked["listing"]:
                return self._listing(asked["listing"], by, said)
            return searches.start(kind=asked["kind"], words=words, limit=asked["limit"], by=by, **said)
        except searches.BadSearch as error:
            self.add_error("what", str(error))
        except (reddit.NoListing, UnicodeDecodeError):
            self.add_error("listing", _("This is no listing of Reddit's."))
        return None

    def _links(self, words, by, said):
        said["expected_category"] = said.pop("category")
        rows = [searches.linked(word.strip(), Story(**said)) for word in words if word.strip()]
        if not rows:
            raise searches.BadSearch(_("Name at least one link."))
        search = Sourcing.objects.create(kind=Sourcing.Kind.LINKS, what=words[0].strip()[:500], by=by)
        searches.store(search, rows[: self.cleaned_data["limit"]])
        return search

    def _listing(self, file, by, said):
        if file.size > _LISTING_BYTES:
            raise reddit.NoListing
        posts, _after = reddit.posts(file.read().decode("utf-8-sig"))
        rows, left_out = searches.listed(posts, **said)
        search = Sourcing.objects.create(kind=Sourcing.Kind.REDDIT, what=file.name[:500], by=by)
        searches.store(search, rows[: self.cleaned_data["limit"]], left_out=left_out)
        return search


@allow(Role.LEAD)
@require_GET
@never_cache
def sources(request):
    return _sources(request, SearchForm(initial={"limit": 50}))


@allow(Role.LEAD)
@require_POST
def sources_start(request):
    form = SearchForm(request.POST, request.FILES)
    search = form.start(request.user) if form.is_valid() else None
    if search is None:
        return _sources(request, form, status=422)
    messages.success(request, _("Started. What comes of it appears below."))
    return redirect("sources")


@allow(Role.LEAD)
@require_POST
def sources_retry(request):
    """Try again one failed item, or all that are failed (the newest 500)."""
    one = id_of(request.POST.get("item"))
    failed = SourceItem.objects.filter(state=SourceItem.State.FAILED)
    ids = [one] if one else list(failed.values_list("pk", flat=True)[:MOST_RETRIED])
    try:
        count = fetch_job.retry(ids)
    except WrongState as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(
            request, ngettext("%(count)d is tried again.", "%(count)d are tried again.", count) % {"count": count}
        )
    return redirect("sources")


def _sources(request, form, *, status=200):
    state = request.GET.get("state", "")
    items = SourceItem.objects.defer("listing", "info", "text", "detail").select_related("clip")
    if state in SourceItem.State.values:
        items = items.filter(state=state)
    before = id_of(request.GET.get("before"))
    rows = list((items.filter(pk__lt=before) if before else items)[: PAGE + 1])
    counts = {}
    for site, of, count in SourceItem.objects.order_by().values_list("site", "state").annotate(Count("pk")):
        counts.setdefault(site, {})[of] = count
    states = SourceItem.State
    table = [(site, [of.get(value, 0) for value in states.values]) for site, of in sorted(counts.items())]
    context = {
        "form": form,
        "rows": rows[:PAGE],
        "more": rows[PAGE - 1].pk if len(rows) > PAGE else None,
        "states": states.choices,
        "state": state,
        "table": table,
        "any_failed": any(of.get(states.FAILED) for of in counts.values()),
        "searches": Sourcing.objects.select_related("by", "job")[:10],
        "resting": Site.objects.exclude(reason="").order_by("name"),
        "worker_missing": worker_missing("io"),
    }
    return render(request, "annotator/sources.html", context, status=status)
