"""People and their roles, for admins."""

from smtplib import SMTPException

from django import forms
from django.contrib import messages
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from studio import history, people
from studio.access import allow
from studio.models import User
from studio.roles import Role

PAGE = 50
_ROLE_HELP = {
    Role.ANNOTATOR: gettext_lazy("writes questions about clips"),
    Role.REVIEWER: gettext_lazy("answers other people's questions blind and rules on them"),
    Role.LEAD: gettext_lazy("uploads clips, decides disagreements, exports"),
    Role.ADMIN: gettext_lazy("manages people and sees to the Studio's health"),
}


class PersonForm(forms.ModelForm):
    roles = forms.MultipleChoiceField(
        choices=[(role.value, role.label) for role in Role],
        widget=forms.CheckboxSelectMultiple,
        required=False,
        label=gettext_lazy("Roles"),
    )

    class Meta:
        model = User
        fields = ["first_name", "email", "roles", "double_checks_left", "is_active"]
        labels = {
            "first_name": gettext_lazy("Name shown to others"),
            "email": gettext_lazy("E-mail address"),
            "double_checks_left": gettext_lazy("Double checks left"),
            "is_active": gettext_lazy("May sign in"),
        }
        help_texts = {
            "first_name": gettext_lazy("Empty: the username."),
            "double_checks_left": gettext_lazy("How many of their next questions need the reviews of a new author."),
            "is_active": gettext_lazy("Off: signed out at once and kept out; their work stays."),
        }

    def clean_email(self):
        email = self.cleaned_data["email"]
        if email and User.objects.filter(email__iexact=email).exclude(pk=self.instance.pk).exists():
            raise ValidationError(_("Somebody else has this address."))
        return email


class NewPersonForm(PersonForm):
    password = forms.CharField(
        required=False,
        strip=False,
        label=gettext_lazy("First password"),
        help_text=gettext_lazy("Empty: they get an e-mail with a link to choose their own."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    class Meta(PersonForm.Meta):
        fields = ["username", "first_name", "email", "roles", "double_checks_left"]

    def clean(self):
        data = super().clean()
        password = data.get("password")
        if password:
            try:
                validate_password(password, User(username=data.get("username", ""), email=data.get("email", "")))
            except ValidationError as error:
                self.add_error("password", error)
        elif not data.get("email") and "email" not in self.errors:
            self.add_error("email", _("Give an address for the invitation, or a first password."))
        return data


class PeopleFilter(forms.Form):
    text = forms.CharField(required=False, label=gettext_lazy("Name or address"), widget=forms.SearchInput)
    role = forms.ChoiceField(required=False, label=gettext_lazy("Role"))
    after = forms.CharField(required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = [("", _("Any role")), *Role.choices, ("none", _("No role")), ("off", _("Deactivated"))]


@allow(Role.ADMIN)
@require_GET
def people_list(request):
    form = PeopleFilter(request.GET)
    chosen = form.cleaned_data if form.is_valid() else {}
    found = User.objects.order_by("username")
    if text := chosen.get("text"):
        found = found.filter(Q(username__icontains=text) | Q(first_name__icontains=text) | Q(email__icontains=text))
    role = chosen.get("role")
    if role == "none":
        found = found.filter(roles=[])
    elif role == "off":
        found = found.filter(is_active=False)
    elif role:
        found = found.filter(roles__contains=[role])
    if chosen.get("after"):
        found = found.filter(username__gt=chosen["after"])
    rows = list(found[: PAGE + 1])
    more = rows[PAGE - 1].username if len(rows) > PAGE else ""
    context = {"form": form, "people": rows[:PAGE], "more": more, "filtered": any(chosen.values())}
    return render(request, "studio/people.html", context)


def _mail(request, person, *, invitation):
    """Send the link and say so; a mail server that is away is said too, and the person stays."""
    try:
        people.send_password_link(person, invitation=invitation)
    except (OSError, SMTPException) as error:
        messages.error(
            request,
            _("The mail to %(address)s could not be sent (%(error)s). Mend the mail server, then send the link again.")
            % {"address": person.email, "error": error},
        )
    else:
        messages.success(request, _("A link to choose a password went to %(address)s.") % {"address": person.email})


def _create(form):
    """The new person; None, with an error in the form, when somebody took the username a moment ago."""
    data = form.cleaned_data
    try:
        with transaction.atomic():
            return people.create_person(
                username=data["username"],
                email=data["email"],
                roles=data["roles"],
                full_name=data["first_name"],
                password=data["password"] or None,
                double_checks_left=data["double_checks_left"],
            )
    except IntegrityError:
        form.add_error("username", _("This username was taken a moment ago."))
    except ValidationError as error:
        form.add_error(None, error.messages)
    return None


@allow(Role.ADMIN)
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def person_new(request):
    form = NewPersonForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and (person := _create(form)):
        messages.success(request, _("%(person)s was added.") % {"person": person})
        if not form.cleaned_data["password"]:
            _mail(request, person, invitation=True)
        return redirect("person", person.pk)
    context = {"form": form, "role_help": _ROLE_HELP}
    return render(request, "studio/person_new.html", context, status=422 if form.is_bound else 200)


@allow(Role.ADMIN)
@require_http_methods(["GET", "POST"])
def person(request, pk):
    found = get_object_or_404(User, pk=pk)
    form = PersonForm(request.POST or None, instance=get_object_or_404(User, pk=pk))
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                people.change_person(actor=request.user, person=found, **form.cleaned_data)
            except people.Refused as refused:
                form.add_error(None, str(refused))
                status = 409
            else:
                messages.success(request, _("Saved. It holds from their next click."))
                return redirect("person", pk)
    context = {"person": found, "form": form, "role_help": _ROLE_HELP, "entries": history.of(found)}
    return render(request, "studio/person.html", context, status=status)


@allow(Role.ADMIN)
@require_POST
def person_mail(request, pk):
    found = get_object_or_404(User, pk=pk)
    if not found.email:
        messages.error(request, _("There is no e-mail address to send to. Fill one in first."))
    elif not found.is_active:
        messages.error(request, _("This person may not sign in. Let them in first."))
    else:
        people.unlock(found)
        _mail(request, found, invitation=found.last_login is None)
    return redirect("person", pk)
