"""The OpenAPI description of /api/v1/: who may call what, and which errors may come."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from studio.access import ANYONE, SIGNED_IN
from studio.api import rule_of

ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string", "description": "For programs; the same in every language."},
                "message": {"type": "string", "description": "For people: what happened and what to do."},
                "fields": {
                    "type": "object",
                    "additionalProperties": {"type": "string"},
                    "description": "A sentence for each field that is to blame.",
                },
            },
        }
    },
}
ERRORS = {
    "400": "The request could not be read.",
    "401": "No token and no session, or one that does not count any more.",
    "403": "Your roles do not include this.",
    "404": "It does not exist, or is not shown to you.",
    "406": "Only JSON is spoken here.",
    "409": "Somebody or something came first; nothing was changed.",
    "413": "The request is too large.",
    "415": "The body is in a format that is not taken here.",
    "422": "Some fields or parameters are not right.",
    "429": "Too many requests; `Retry-After` says when to go on.",
    "503": "The database is away; nothing was stored.",
}


class Schema(AutoSchema):
    """Adds to each operation the roles that may call it (`x-roles`) and the errors it may end with."""

    def get_operation(self, path, path_regex, path_prefix, method, registry):
        operation = super().get_operation(path, path_regex, path_prefix, method, registry)
        if operation is None:
            return None
        rule = rule_of(self.view, method, getattr(self.view, "action", None))
        operation["x-roles"] = ["anyone"] if rule == ANYONE else ["signed in"] if rule == SIGNED_IN else sorted(rule or ())
        statuses = {"401", "403", "406", "429", "503"}
        if "{" in path:
            statuses.add("404")
        if "requestBody" in operation:
            statuses |= {"400", "413", "415"}
        if "requestBody" in operation or any(parameter["in"] == "query" for parameter in operation.get("parameters", ())):
            statuses.add("422")
        if method != "GET":
            statuses |= {"400", "409", "415"}
        for status in sorted(statuses):
            operation["responses"].setdefault(status, _error(ERRORS[status]))
        return operation


def _error(description):
    return {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }


def only_v1(endpoints):
    """Leave out the description itself and the catch-all."""
    return [row for row in endpoints if row[0].startswith("/api/v1/") and not row[0].startswith("/api/v1/schema")]


def add_error(result, generator, request, public):
    result["components"].setdefault("schemas", {})["Error"] = ERROR
    return result


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "studio.api.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema):
        return {"type": "http", "scheme": "bearer", "description": "A token from the account page: `pgs_...`"}
