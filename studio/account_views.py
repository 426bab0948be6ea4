"""A person's own page: name, language, theme, API tokens."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from studio.access import SIGNED_IN, allow
from studio.models import ApiToken, User

MOST_TOKENS = 20


class LookForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ["first_name", "language", "theme"]
        labels = {
            "first_name": gettext_lazy("Name shown to others"),
            "language": gettext_lazy("Language"),
            "theme": gettext_lazy("Theme"),
        }
        help_texts = {"first_name": gettext_lazy("Empty: your username.")}
        widgets = {"theme": forms.RadioSelect}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["first_name"].max_length = 60
        self.fields["language"].choices = [("", _("Same as the browser")), *_languages()]


def _languages():
    """Each language under its own name, so that it can be found by whoever reads no other."""
    return [(code, translation.get_language_info(code)["name_local"].capitalize()) for code, _name in settings.LANGUAGES]


class TokenForm(forms.Form):
    name = forms.CharField(
        max_length=80,
        label=gettext_lazy("Name of the new token"),
        help_text=gettext_lazy("What will use it, so that you know later which one to revoke."),
    )


def _page(request, *, look=None, token_form=None, secret="", status=200, template="studio/account.html"):
    context = {
        "form": look or LookForm(instance=request.user),
        "token_form": token_form or TokenForm(),
        "tokens": request.user.api_tokens.order_by("-pk"),
        "secret": secret,
    }
    return render(request, template, context, status=status)


@allow(SIGNED_IN)
@require_GET
@never_cache
def account(request):
    return _page(request)


@allow(SIGNED_IN)
@require_POST
def account_look(request):
    person = User.objects.get(pk=request.user.pk)
    form = LookForm(request.POST, instance=person)
    if not form.is_valid():
        return _page(request, look=form, status=422)
    person.save(update_fields=list(form.fields))
    with translation.override(person.language or translation.get_language_from_request(request)):
        messages.success(request, _("Saved."))
    return redirect("account")


@allow(SIGNED_IN)
@require_POST
@never_cache
def token_issue(request):
    form = TokenForm(request.POST)
    if form.is_valid() and request.user.api_tokens.count() >= MOST_TOKENS:
        form.add_error("name", _("You have %(number)s tokens already. Revoke one first.") % {"number": MOST_TOKENS})
    if not form.is_valid():
        return _tokens(request, token_form=form, status=422)
    _token, secret = ApiToken.issue(user=request.user, name=form.cleaned_data["name"])
    return _tokens(request, secret=secret)


@allow(SIGNED_IN)
@require_POST
def token_revoke(request, pk):
    get_object_or_404(request.user.api_tokens, pk=pk).delete()
    return _tokens(request) if request.htmx else redirect("account")


def _tokens(request, **context):
    return _page(request, template="studio/_tokens.html" if request.htmx else "studio/account.html", **context)
