"""Error pages: HTML for pages, one JSON shape for the API and for scripts, a small notice for htmx."""

import logging
import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.template import loader
from django.utils.translation import gettext as _

logger = logging.getLogger(__name__)


def _wants_json(request):
    return request.path.startswith("/api/") or request.headers.get("Accept", "").startswith("application/json")


def error(request, *, status, code, title, message):
    """One error for whoever asks. Nothing here touches the database when the database may be what failed."""
    if _wants_json(request):
        return JsonResponse({"error": {"code": code, "message": str(message)}}, status=status)
    if request.headers.get("HX-Request"):
        html = loader.render_to_string("studio/_error.html", {"message": message})
        return HttpResponse(html, status=status)
    context = {"status": status, "title": title, "message": message, "request_id": getattr(request, "id", "")}
    if status >= 500:
        return HttpResponse(loader.render_to_string("studio/broken.html", context), status=status)
    return render(request, "studio/error.html", context, status=status)


def bad_request(request, exception=None):
    return error(
        request,
        status=400,
        code="bad_request",
        title=_("The request could not be read"),
        message=_("Go back, reload the page and try again."),
    )


def forbidden(request, exception=None):
    said = str(exception) if exception and exception.args else ""
    return error(
        request,
        status=403,
        code="forbidden",
        title=_("Not for you"),
        message=said or _("Your roles do not include this. Ask an admin if you need it."),
    )


def not_found(request, exception=None):
    return error(
        request,
        status=404,
        code="not_found",
        title=_("Nothing here"),
        message=_("The address is wrong, or what was here is not shown to you."),
    )


def csrf_failure(request, reason=""):
    return error(
        request,
        status=403,
        code="csrf",
        title=_("This page is too old"),
        message=_("The form's security key does not fit any more, for example after signing in again. Reload and resend."),
    )


def conflict(request, exception):
    return error(request, status=409, code="conflict", title=_("Something else came first"), message=exception)


def server_error(request):
    failure = sys.exc_info()[1]
    if isinstance(failure, OperationalError | InterfaceError):
        return error(
            request,
            status=503,
            code="database_away",
            title=_("The database does not answer"),
            message=_("Nothing was stored. It often comes back within a minute; then reload and send again."),
        )
    return error(
        request,
        status=500,
        code="server_error",
        title=_("The Studio made a mistake"),
        message=_("The error was logged. Reload; if it happens again, tell an admin the number below."),
    )
