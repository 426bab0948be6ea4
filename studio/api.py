"""What all API views share: who signs in how, who may do what, pages by key, and one shape for every error.

Only what settings.REST_FRAMEWORK names lives here; it is imported before any view can be.

    class ClipViewSet(...):
        access = {"list": SIGNED_IN, "partial_update": {Role.LEAD}}
"""

import json
import logging
import math
from datetime import timedelta
from urllib.parse import urlencode

import pghistory
import redis
from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.db.models import Q
from django.http import Http404, UnreadablePostError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import authentication, exceptions, pagination, parsers, permissions, status, throttling
from rest_framework.response import Response
from rest_framework.settings import api_settings

from studio.access import may
from studio.errors import Conflict
from studio.models import ApiToken

logger = logging.getLogger(__name__)
MAX_ID = 2**63 - 1


# ---- Who it is


class TokenAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer pgs_...`, a token from the account page. What it changes is signed with its person."""

    NOTE_USE_EVERY = timedelta(minutes=1)

    def authenticate(self, request):
        scheme, _space, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        secret = secret.strip()
        token = None
        if secret.startswith("pgs_") and secret.isascii():
            token = ApiToken.objects.select_related("user").filter(digest=ApiToken.digest_of(secret)).first()
        if token is None:
            raise exceptions.AuthenticationFailed(_("This token is unknown. Make a new one on your account page."))
        if not token.user.is_active:
            raise exceptions.AuthenticationFailed(_("This account is deactivated. Ask an admin."))
        self._note_use(token)
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            pghistory.context(user=token.user_id)  # HistoryMiddleware opened the context before it knew who this is
        return token.user, token

    def _note_use(self, token):
        now = timezone.now()
        if token.last_used_at is None or now - token.last_used_at > self.NOTE_USE_EVERY:
            before = Q(last_used_at=None) | Q(last_used_at__lte=now - self.NOTE_USE_EVERY)
            ApiToken.objects.filter(before, pk=token.pk).update(last_used_at=now)

    def authenticate_header(self, request):
        return 'Bearer realm="PhysGame Studio"'


class DeclaredAccess(permissions.BasePermission):
    """Enforce what the view states in `access`, by action or by method; what it does not state nobody may."""

    message = gettext_lazy("Your roles do not include this. Ask an admin if you need it.")

    def has_permission(self, request, view):
        if not offers(view, request.method):
            raise exceptions.MethodNotAllowed(request.method)
        rule = rule_of(view, request.method, getattr(view, "action", None))
        return rule is not None and may(request.user, rule)


def offers(view, method):
    actions = getattr(view, "action_map", None)
    return method.lower() in actions if actions is not None else hasattr(view, method.lower())


def rule_of(view, method, action):
    """The set of roles (or SIGNED_IN, ANYONE) a view declares for this use of it; None when it declares nothing."""
    declared = getattr(view, "access", {})
    method = "GET" if method == "HEAD" else method
    rule = declared.get(action or method)
    return frozenset(rule) if rule else None


# ---- How often


class _OpenWhenCacheIsAway:
    """Counting needs the cache; while that is away people go on working uncounted."""

    def get_rate(self):
        return api_settings.DEFAULT_THROTTLE_RATES[self.scope]

    def allow_request(self, request, view):
        try:
            return super().allow_request(request, view)
        except redis.RedisError:
            logger.warning("The cache is away, so API requests are not counted.")
            return True


class PersonThrottle(_OpenWhenCacheIsAway, throttling.UserRateThrottle):
    pass


class VisitorThrottle(_OpenWhenCacheIsAway, throttling.AnonRateThrottle):
    pass


# ---- What comes in


class TooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"
    default_detail = gettext_lazy("The request is too large.")


class JSONParser(parsers.JSONParser):
    """JSON of a bounded size, without numbers and characters that cannot be stored."""

    def parse(self, stream, media_type=None, parser_context=None):
        raw = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(raw) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise TooLarge
        try:
            data = json.loads(raw.decode(), parse_constant=_not_a_number, parse_float=_finite)
        except (ValueError, RecursionError) as error:
            raise exceptions.ParseError(_("The request is not valid JSON: %(error)s") % {"error": error}) from error
        _refuse_unstorable(data)
        return data


def _not_a_number(name):
    raise ValueError(f"{name} is not a number")


def _finite(text):
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large")
    return number


def _refuse_unstorable(data):
    """PostgreSQL stores neither the zero character nor half a surrogate pair; JSON can hold both."""
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str) and ("\x00" in value or any("\ud800" <= char <= "\udfff" for char in value)):
            raise exceptions.ParseError(_("The request holds a character that cannot be stored."))


# ---- Pages


class KeysetPagination(pagination.BasePagination):
    """Pages by id: `next` goes on after the last row shown, whatever was added or deleted meanwhile."""

    SIZE, MAX_SIZE = 50, 200

    def paginate_queryset(self, queryset, request, view=None):
        self.request = request
        size = self._number("page_size", self.SIZE, most=self.MAX_SIZE)
        cursor = self._number("cursor", None, most=MAX_ID)
        order = request.query_params.get("order", "-id")
        if order not in ("id", "-id"):
            raise exceptions.ValidationError({"order": [_("This is “id” or “-id”.")]})
        if cursor is not None:
            queryset = queryset.filter(**{"pk__gt" if order == "id" else "pk__lt": cursor})
        rows = list(queryset.order_by("pk" if order == "id" else "-pk")[: size + 1])
        self.next_cursor = rows[size - 1].pk if len(rows) > size else None
        return rows[:size]

    def _number(self, name, default, *, most):
        text = self.request.query_params.get(name, "")
        if text == "":
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= most):
            raise exceptions.ValidationError({name: [_("This is a whole number from 1 to %(most)s.") % {"most": most}]})
        return int(text)

    def get_paginated_response(self, data):
        return Response({"next": self._next_link(), "results": data})

    def _next_link(self):
        if self.next_cursor is None:
            return None
        query = self.request.query_params.copy()
        query["cursor"] = self.next_cursor
        return self.request.build_absolute_uri(f"{self.request.path}?{urlencode(query, doseq=True)}")

    def get_paginated_response_schema(self, schema):
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {
                "next": {"type": "string", "format": "uri", "nullable": True, "description": "the page after this one"},
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view):
        def parameter(name, description, **schema):
            return {"name": name, "required": False, "in": "query", "description": description, "schema": schema}

        return [
            parameter("cursor", "Where the page starts; taken from `next`.", type="integer", minimum=1, maximum=MAX_ID),
            parameter("page_size", "Rows on a page.", type="integer", minimum=1, maximum=self.MAX_SIZE, default=self.SIZE),
            parameter("order", "Newest first, or oldest first.", type="string", enum=["-id", "id"], default="-id"),
        ]


# ---- Errors


_answers = {}


def answers(exception_class):
    """Let a room say what one of its exceptions means: `f(exc) -> (status, code, message, {more keys of "error"})`."""

    def register(answer):
        _answers[exception_class] = answer
        return answer

    return register


@answers(Conflict)
def _conflict(exc):
    return 409, "conflict", str(exc), {}


@answers(Http404)
def _not_found(exc):
    return 404, "not_found", _("There is nothing here, or it is not shown to you."), {}


@answers(PermissionDenied)
def _denied(exc):
    return 403, "permission_denied", str(exc) or str(DeclaredAccess.message), {}


@answers(RequestDataTooBig)
def _too_big(exc):
    return 413, "too_large", str(TooLarge.default_detail), {}


@answers(SuspiciousOperation)
@answers(BadRequest)
@answers(UnreadablePostError)
def _unreadable(exc):
    return 400, "parse_error", _("The request could not be read."), {}


@answers(OperationalError)
@answers(InterfaceError)
def _database_away(exc):
    return 503, "database_away", _("The database does not answer. Nothing was stored; try again in a minute."), {}


def _api_exception(exc):
    if isinstance(exc, exceptions.ValidationError):
        fields = dict(_flat(exc.detail))
        return 422, "invalid", " ".join(dict.fromkeys(fields.values())), {"fields": fields}
    return exc.status_code, str(exc.get_codes()), str(exc.detail), {}


def _flat(detail, name=""):
    """(dotted field name, sentence) of the nested errors a serializer reports."""
    if isinstance(detail, dict):
        for key, inner in detail.items():
            own = "" if key == api_settings.NON_FIELD_ERRORS_KEY else str(key)
            yield from _flat(inner, ".".join(filter(None, [name, own])))
    elif isinstance(detail, list) and any(isinstance(inner, dict | list) for inner in detail):
        for index, inner in enumerate(detail):
            yield from _flat(inner, f"{name}.{index}" if name else str(index))
    else:
        yield name, " ".join(map(str, detail)) if isinstance(detail, list) else str(detail)


def error_response(exc, context):
    """Every error of the API: {"error": {"code", "message", "fields" where fields are to blame}}."""
    if isinstance(exc, exceptions.APIException):
        answer = _api_exception
    else:
        answer = next((_answers[cls] for cls in type(exc).__mro__ if cls in _answers), None)
    if answer is None:
        if settings.DEBUG:
            return None
        logger.exception("An API view failed", exc_info=exc)
        code, message = "server_error", _("The Studio made a mistake; it was logged.")
        return Response({"error": {"code": code, "message": message}}, status=500)
    http_status, code, message, more = answer(exc)
    if http_status >= 500:
        logger.error("An API view could not answer", exc_info=exc)
    headers = {}
    if getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = exc.auth_header
    if getattr(exc, "wait", None):
        headers["Retry-After"] = str(math.ceil(exc.wait))
    return Response({"error": {"code": code, "message": message, **more}}, status=http_status, headers=headers)
