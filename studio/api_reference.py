"""The page at /api/v1/: every operation with its parameters, bodies and an example, rendered from the description."""

import functools
import json
from collections import defaultdict

from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from studio.access import SIGNED_IN, allow
from studio.api_schema import ERRORS

_METHODS = ("get", "post", "put", "patch", "delete")
_SAMPLES = {
    "uuid": "3f2b8c1e-5d7a-4e0b-9c46-0a1d2e3f4a5b",
    "date-time": "2025-01-31T12:03:07Z",
    "uri": "https://example.org/clip",
    "email": "ann@example.org",
    "binary": "@clip.mp4",
}


@functools.cache
def description():
    """The OpenAPI description as a dict. It depends on the code alone, so once for each process is enough."""
    return SchemaGenerator().get_schema(request=None, public=True)


def _resolved(schema, components):
    while "$ref" in schema or len(schema.get("allOf", ())) == 1:
        schema = components[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema["allOf"][0]
    for variant in schema.get("oneOf", ()):
        found = _resolved(variant, components)
        if found.get("type") and found.get("enum") != [None]:
            return found
    return schema


def example(schema, components, depth=0):
    """A value that fits the schema."""
    if "default" in schema:
        return schema["default"]
    schema = _resolved(schema, components)
    if schema.get("enum"):
        return next((value for value in schema["enum"] if value), schema["enum"][0])
    if "properties" in schema and depth < 6:
        return {name: example(part, components, depth + 1) for name, part in schema["properties"].items()}
    kind = schema.get("type")
    if kind == "array":
        items = [example(schema["items"], components, depth + 1)]
        return items * schema.get("minItems", 1)
    if kind in ("integer", "number"):
        return schema.get("minimum") or 12
    if kind == "boolean":
        return True
    if kind == "object":
        return {}
    return _SAMPLES.get(schema.get("format"), "text")


def _kind(schema, components):
    """A type in a few words: "text, at most 300 characters"."""
    schema = _resolved(schema, components)
    if schema.get("enum"):
        return " | ".join(str(value) or '""' for value in schema["enum"] if value is not None)
    words = schema.get("format") or schema.get("type", "")
    if "maxLength" in schema:
        words += f" ≤ {schema['maxLength']}"
    if "minimum" in schema and "maximum" in schema and schema["maximum"] < 10**10:
        words += f" {schema['minimum']}–{schema['maximum']}"
    return words


def _fields(schema, components, before=""):
    """The fields of an object and, with dotted names, of the objects inside it."""
    schema = _resolved(schema, components)
    rows = []
    for name, part in schema.get("properties", {}).items():
        inner = _resolved(part, components)
        rows.append(
            {
                "name": before + name,
                "kind": _kind(part, components),
                "required": name in schema.get("required", ()),
                "about": _plain(part.get("description", "") or inner.get("description", "")),
            }
        )
        rows += _fields(inner, components, f"{before}{name}.")
        rows += _fields(inner.get("items", {}), components, f"{before}{name}[].")
    return rows


def _plain(text):
    return text.replace("`", "")


def _content(part):
    """(media type, schema) of a request body or answer; ("", None) when it has none."""
    return next(((kind, body.get("schema", {})) for kind, body in part.get("content", {}).items()), ("", None))


def _operation(method, path, operation, components):
    body_type, body = _content(operation.get("requestBody", {}))
    answers = []
    for status, answer in sorted(operation["responses"].items()):
        kind, schema = _content(answer)
        good = status.startswith("2")
        sample = json.dumps(example(schema, components), indent=2) if good and kind == "application/json" else ""
        answers.append(
            {"status": status, "good": good, "kind": kind, "about": _plain(answer["description"]), "example": sample}
        )
    parameters = [
        {
            "name": parameter["name"],
            "where": parameter["in"],
            "kind": _kind(parameter["schema"], components),
            "required": parameter.get("required", False),
            "about": _plain(parameter.get("description", "")),
        }
        for parameter in operation.get("parameters", ())
        if parameter["name"] != "format"
    ]
    about = _plain(operation.get("description", ""))
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation.get("summary") or about.partition("\n")[0],
        "about": about if operation.get("summary") else "",
        "roles": operation["x-roles"],
        "parameters": parameters,
        "body_type": body_type,
        "body": _fields(body, components) if body else [],
        "body_example": json.dumps(example(body, components), indent=2) if body and "json" in body_type else "",
        "answers": [answer for answer in answers if answer["good"]],
        "errors": [answer for answer in answers if not answer["good"]],
        "open": method == "get" and "{" not in path,
    }


@functools.cache
def groups():
    """[(tag, [operation, ...]), ...] in the order of the addresses."""
    found = defaultdict(list)
    components = description()["components"]["schemas"]
    for path, methods in description()["paths"].items():
        for method in _METHODS:
            if method in methods:
                operation = methods[method]
                found[operation["tags"][0]].append(_operation(method, path, operation, components))
    return sorted(found.items())


@allow(SIGNED_IN)
@require_safe
def reference(request):
    error = json.dumps(
        {
            "error": {
                "code": "invalid",
                "message": "This option is empty.",
                "fields": {"distractor_2": "This option is empty."},
            }
        },
        indent=2,
    )
    context = {
        "groups": groups(),
        "error": error,
        "errors": {status: _plain(about) for status, about in ERRORS.items()},
        "origin": request.build_absolute_uri("/"),
    }
    return render(request, "studio/api.html", context)
