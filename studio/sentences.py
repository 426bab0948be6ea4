"""Sentences that are stored and read later by people of another language.

    clip.failure = say("The file is larger than %(limit_mb)d MB.", limit_mb=2048)

A `SentenceField` stores text and values apart and puts them together in the reader's language when the row is loaded.
What was typed by people, or has no translation, is stored and read as it is.
"""

import json

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext

_MARK = '{"say": '


class Said(str):
    """A sentence in the current language that knows how to be stored for others."""

    stored: str


def say(text, **values):
    """The English `text` filled with `values`, in the current language; nothing is lost when it is stored.

    Values are numbers, names, or texts with a translation of their own (lazy ones or `Said`).
    """
    values = {name: _plain(value) for name, value in values.items()}
    said = Said(_tell(text, values))
    said.stored = json.dumps({"say": text, "with": values} if values else {"say": text}, ensure_ascii=False)
    return said


def _plain(value):
    if isinstance(value, Said):
        return json.loads(value.stored)
    if isinstance(value, Promise):
        # Django keeps the English text of a lazy translation as the first argument of its function.
        return {"say": value._args[0]}
    return value


def _tell(text, values):
    told = {
        name: _tell(value["say"], value.get("with", {})) if isinstance(value, dict) else value
        for name, value in values.items()
    }
    return gettext(text) % told if told else gettext(text)


def tell(stored):
    """What the reader of the current language sees of a stored sentence."""
    if not stored or not stored.startswith(_MARK):
        return stored
    parts = json.loads(stored)
    return _tell(parts["say"], parts.get("with", {}))


class SentenceField(models.TextField):
    """Text that may be `Said`."""

    def from_db_value(self, value, expression, connection):
        return tell(value)

    def get_prep_value(self, value):
        return value.stored if isinstance(value, Said) else super().get_prep_value(value)
