"""Signing in and out, and passwords: Django's own views, each with its access rule."""

import logging

from django.contrib import messages
from django.contrib.auth import forms as auth_forms
from django.contrib.auth import views as auth
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from studio import people
from studio.access import ANYONE, SIGNED_IN, allow

logger = logging.getLogger(__name__)


class SlowDownMixin:
    """Answer 429 to an address that posts faster than any person types."""

    slow_down = ""
    tries_per_minute = people.TRIES_PER_MINUTE

    def post(self, request, *args, **kwargs):
        if people.too_fast(request, self.slow_down, limit=self.tries_per_minute):
            return people.too_many_tries(request)
        return super().post(request, *args, **kwargs)


class Login(SlowDownMixin, auth.LoginView):
    slow_down = "login"
    redirect_authenticated_user = True

    def form_invalid(self, form):
        return self.render_to_response(self.get_context_data(form=form), status=422)


class ChangePassword(auth.PasswordChangeView):
    success_url = reverse_lazy("account")

    def form_valid(self, form):
        messages.success(self.request, _("The new password holds from now on. Your other sessions were signed out."))
        return super().form_valid(form)

    def form_invalid(self, form):
        return self.render_to_response(self.get_context_data(form=form), status=422)


class ResetForm(auth_forms.PasswordResetForm):
    """Sends through studio.people, so that the mail is in the person's language and its link names SITE_URL."""

    def save(self, **kwargs):
        for person in self.get_users(self.cleaned_data["email"]):
            try:
                people.send_password_link(person)
            except Exception:  # whoever asks must not learn from the answer whether the address is known
                logger.exception("The mail with a password link to person %s could not be sent", person.pk)


class ResetPassword(SlowDownMixin, auth.PasswordResetView):
    slow_down = "reset"
    tries_per_minute = 5
    form_class = ResetForm


class ConfirmReset(auth.PasswordResetConfirmView):
    success_url = reverse_lazy("login")

    def form_valid(self, form):
        people.unlock(self.user)
        messages.success(self.request, _("The new password holds. Sign in with it."))
        return super().form_valid(form)

    def form_invalid(self, form):
        return self.render_to_response(self.get_context_data(form=form), status=422)


def _form(view):
    """Django's form views also take PUT for a POST, past the limits that `post` sets."""
    return require_http_methods(["GET", "HEAD", "POST"])(view.as_view())


login = allow(ANYONE)(_form(Login))
logout = allow(ANYONE)(auth.LogoutView.as_view())
password_change = allow(SIGNED_IN)(_form(ChangePassword))
password_reset = allow(ANYONE)(_form(ResetPassword))
password_reset_done = allow(ANYONE)(require_GET(auth.PasswordResetDoneView.as_view()))
password_reset_confirm = allow(ANYONE)(_form(ConfirmReset))
