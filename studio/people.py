"""What may happen to people: made, invited, given roles, deactivated; and what stops somebody who guesses passwords."""

import ipaddress
import secrets

from axes.utils import reset as forget_failed_logins
from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.cache import cache
from django.core.mail import send_mail
from django.db import transaction
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _

from studio.errors import Conflict
from studio.models import User
from studio.roles import Role

TRIES_PER_MINUTE = 60


class Refused(Conflict):
    """A change of a person that would leave the Studio without an admin, or the actor without their own role."""


def locked_out(request, credentials=None, *args, **kwargs):
    """The answer to a login while the lock of django-axes is closed (settings.AXES_LOCKOUT_CALLABLE)."""
    minutes = max(1, round(settings.AXES_COOLOFF_TIME * 60))
    sentence = _("Too many wrong passwords for this name. Wait %(minutes)s minutes, or set a new password by e-mail.") % {
        "minutes": minutes
    }
    return render(request, "registration/locked.html", {"sentence": sentence}, status=429)


def too_many_tries(request):
    sentence = _("Too many tries from your address. Wait a minute.")
    return render(request, "registration/locked.html", {"sentence": sentence}, status=429)


def address_of(request):
    """Who sent this request: the other end of the connection, or what our own proxy says when there is one."""
    address = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_PROXY:
        # The proxy adds the address it saw at the end; whatever stands before it the sender may have made up.
        address = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or address
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return None


def too_fast(request, what, *, limit=TRIES_PER_MINUTE):
    """Count this try at `what` against the sender's address; True when it had `limit` in this minute already."""
    key = f"tries-{what}-{address_of(request)}"
    try:
        cache.add(key, 0, 60)
        return cache.incr(key) > limit
    except Exception:  # Redis away: the lock of django-axes, in the database, still holds
        return False


def unlock(person):
    forget_failed_logins(username=person.username)


def create_person(*, username, email="", roles=(), password=None, full_name="", double_checks_left=None):
    """Make a person. Without a password they get an unguessable one, to be replaced through an invitation."""
    person = User(username=username, email=email, roles=sorted(set(roles)), first_name=full_name)
    if double_checks_left is not None:
        person.double_checks_left = double_checks_left
    person.set_password(password or secrets.token_urlsafe(32))
    person.full_clean()
    person.save()
    return person


@transaction.atomic
def change_person(*, actor, person, **changes):
    """Set fields of a person. `Refused` when it would take the actor's own admin role, or the last admin's.

    All admins are locked first, in one order, so two admins who demote each other at once cannot both succeed.
    """
    admins = set(
        User.objects.select_for_update()
        .filter(roles__contains=[Role.ADMIN], is_active=True)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    if actor.pk not in admins:
        raise Refused(_("You are not an admin any more, so nothing was changed."))
    person = User.objects.select_for_update().get(pk=person.pk)
    if "roles" in changes:
        changes["roles"] = sorted(set(changes["roles"]))
    stays = Role.ADMIN in changes.get("roles", person.roles) and changes.get("is_active", person.is_active)
    if person.pk in admins and not stays:
        if person.pk == actor.pk:
            raise Refused(_("You cannot take your own admin role away. Ask another admin."))
        if len(admins) == 1:
            raise Refused(_("This is the last admin. Make somebody else an admin first."))
    for name, value in changes.items():
        setattr(person, name, value)
    person.save(update_fields=list(changes))
    return person


def send_password_link(person, *, invitation=False):
    """Mail a link to set a password, in the person's language. Raises OSError or SMTPException when it cannot be sent."""
    link = reverse(
        "password_reset_confirm",
        args=[urlsafe_base64_encode(force_bytes(person.pk)), default_token_generator.make_token(person)],
    )
    context = {
        "person": person,
        "link": settings.SITE_URL.rstrip("/") + link,
        "site": settings.SITE_URL,
        "days": max(1, settings.PASSWORD_RESET_TIMEOUT // 86400),
        "roles": [Role(role).label for role in person.roles],
    }
    name = "invitation" if invitation else "password_reset"
    with translation.override(person.language or translation.get_language() or settings.LANGUAGE_CODE):
        subject = " ".join(render_to_string(f"registration/{name}_subject.txt", context).split())
        body = render_to_string(f"registration/{name}_email.txt", context)
    send_mail(subject, body, settings.DEFAULT_FROM_EMAIL, [person.email])
