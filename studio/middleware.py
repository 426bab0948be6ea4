"""Request ids, the language of the person, the access rule of each view, and who made a change."""

import logging
import re
import time
import uuid

import pghistory
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, JsonResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from studio import error_views, logs
from studio.access import API, may
from studio.errors import Conflict

logger = logging.getLogger("studio.request")
_SAFE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def _path_to_log(request):
    """The path, but for the one that carries a secret: the link to choose a new password."""
    match = request.resolver_match
    return f"/{match.route}" if match and match.url_name == "password_reset_confirm" else request.path


class RequestIdMiddleware:
    """Give each request an id (kept from X-Request-ID where a proxy set one) and log its end."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        given = request.headers.get("X-Request-ID", "")
        request.id = given if _SAFE_REQUEST_ID.fullmatch(given) else uuid.uuid4().hex[:16]
        token = logs.request_id.set(request.id)
        started = time.monotonic()
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = request.id
            path = _path_to_log(request)
            logger.info(
                "%s %s",
                request.method,
                path,
                extra={
                    "user_id": getattr(getattr(request, "_cached_user", None), "pk", None) or "",
                    "method": request.method,
                    "path": path,
                    "status": response.status_code,
                    "ms": round((time.monotonic() - started) * 1000, 1),
                },
            )
            return response
        finally:
            logs.request_id.reset(token)


class PersonLocaleMiddleware:
    """The person's own language; for someone not signed in, what the browser asks for."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        language = (request.user.is_authenticated and request.user.language) or translation.get_language_from_request(
            request
        )
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response


class AccessMiddleware:
    """Enforce the rule each view carries (`studio.access.allow`). A view without one answers 403 to everybody."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        allowed = getattr(view, "access", None)
        if allowed is None:
            raise PermissionDenied(f"{request.path} does not state who may use it.")
        if allowed == API or may(request.user, allowed):
            return None
        if request.user.is_authenticated:
            raise PermissionDenied(_("Your roles do not include this page. Ask an admin if you need it."))
        if request.headers.get("Accept", "").startswith("application/json"):
            return JsonResponse(
                {"error": {"code": "signed_out", "message": _("You are signed out. Sign in again.")}}, status=401
            )
        login = redirect_to_login(request.get_full_path())
        if request.htmx:
            response = HttpResponse(status=204)
            response["HX-Redirect"] = login.url
            return response
        return login

    def process_exception(self, request, exception):
        """A lost race that a view did not answer itself: 409 with its sentence."""
        return error_views.conflict(request, exception) if isinstance(exception, Conflict) else None


class HistoryMiddleware:
    """Hand the database the person and the request, so that its history rows say who and from where."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.method in ("GET", "HEAD", "OPTIONS"):
            return self.get_response(request)
        user_id = request.user.pk if request.user.is_authenticated else None
        with pghistory.context(user=user_id, request=request.id):
            return self.get_response(request)
