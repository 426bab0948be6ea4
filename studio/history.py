"""What the database's append-only history says about one object, ready to be shown.

entries = history.of(clip)          # newest first
{% include "studio/_history.html" with entries=entries %}
"""

from dataclasses import dataclass, field
from datetime import datetime

from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from studio.models import User

LIMIT = 200
LABELS = {
    "insert": gettext_lazy("Made"),
    "update": gettext_lazy("Changed"),
    "delete": gettext_lazy("Deleted"),
}
# Fields without a name of their own in the models: what a person reads instead of a column's name.
FIELDS = {
    "source": gettext_lazy("source"),
    "source_id": gettext_lazy("source id"),
    "title": gettext_lazy("title"),
    "text": gettext_lazy("text"),
    "permalink": gettext_lazy("permalink"),
    "author": gettext_lazy("author"),
    "licence": gettext_lazy("licence"),
    "retrieved_at": gettext_lazy("retrieved at"),
    "purpose": gettext_lazy("purpose"),
    "expected_category": gettext_lazy("expected category"),
    "brought_by": gettext_lazy("brought by"),
    "created_at": gettext_lazy("created at"),
    "original_name": gettext_lazy("file name"),
    "original": gettext_lazy("stored file"),
    "size_bytes": gettext_lazy("bytes"),
    "sha256": "SHA-256",
    "state": gettext_lazy("state"),
    "failure": gettext_lazy("failure"),
    "content": gettext_lazy("content"),
    "fps_num": gettext_lazy("frame rate, numerator"),
    "fps_den": gettext_lazy("frame rate, denominator"),
    "frame_count": gettext_lazy("frames"),
    "width": gettext_lazy("width"),
    "height": gettext_lazy("height"),
    "has_audio": gettext_lazy("has sound"),
    "cut_first": gettext_lazy("cut: first frame"),
    "cut_last": gettext_lazy("cut: last frame"),
    "family": gettext_lazy("clip family"),
    "clip": gettext_lazy("clip"),
    "revision_number": gettext_lazy("revision number"),
    "roles": gettext_lazy("roles"),
    "double_checks_left": gettext_lazy("double checks left"),
}


@dataclass(frozen=True)
class Entry:
    at: datetime
    who: str
    label: str
    request: str = ""
    job: int | None = None
    changes: list = field(default_factory=list)  # [(name of the field, old, new)], as text; old is "" in the first entry


def _shown(model_field, value):
    """A field's value as a person reads it."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    base = getattr(model_field, "base_field", None)
    if base is not None and base.choices:
        names = dict(base.flatchoices)
        return ", ".join(str(names.get(item, item)) for item in value)
    if model_field.choices:
        return str(dict(model_field.flatchoices).get(value, value))
    if isinstance(value, datetime):
        return date_format(timezone.localtime(value), "DATETIME_FORMAT")
    if isinstance(value, list | tuple):
        return ", ".join(str(list(item)) if isinstance(item, list | tuple) else str(item) for item in value)
    return str(value)


def _name(model_field):
    return str(FIELDS.get(model_field.name, model_field.verbose_name))


def _people(ids):
    return {person.pk: str(person) for person in User.objects.filter(pk__in=ids).only("username", "first_name", "last_name")}


def of(obj, *, limit=LIMIT, named=None):
    """The newest `limit` entries of an object's history, newest first. Two queries.

    `named`: ids of the people who are called by name; without it everybody is.
    """
    events = list(obj.events.order_by("-pgh_id")[: limit + 1])
    if not events:
        return []
    model = type(obj)
    tracked = [f for f in events[0]._meta.concrete_fields if not f.name.startswith("pgh_") and not f.primary_key]
    tracked = [model._meta.get_field(f.name) for f in tracked]
    person_fields = [f for f in tracked if isinstance(f, models.ForeignKey) and f.related_model is User]
    context = [event.pgh_context or {} for event in events]
    ids = {c.get("user") for c in context} | {getattr(event, f.attname) for event in events for f in person_fields}
    names = _people({pk for pk in ids if pk is not None})

    def shown(f, event):
        value = getattr(event, f.attname)
        if f in person_fields:
            return names.get(value, str(value)) if value is not None else ""
        return _shown(f, value)

    def who(user):
        if user is None:
            return _("the Studio itself")
        if named is not None and user not in named:
            return _("somebody else")
        return names.get(user, _("somebody who is gone"))

    entries = []
    for event, said, before in zip(events, context, [*events[1:], None], strict=True):
        if event.pgh_label == "update" and before is None:
            break  # its own state before lies beyond the limit
        changes = []
        if event.pgh_label == "update":
            for f in tracked:
                if getattr(event, f.attname) != getattr(before, f.attname):
                    changes.append((_name(f), shown(f, before), shown(f, event)))
        elif event.pgh_label == "insert":
            told = (f for f in tracked if getattr(event, f.attname) != 0)  # 0 and no: nothing is measured or allowed yet
            changes = [(_name(f), "", text) for f in told if (text := shown(f, event))]
        entries.append(
            Entry(
                at=event.pgh_created_at,
                who=who(said.get("user")),
                label=str(LABELS.get(event.pgh_label, event.pgh_label)),
                request=said.get("request", ""),
                job=said.get("job"),
                changes=changes,
            )
        )
    return entries[:limit]
