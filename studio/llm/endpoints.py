"""The language models of this Studio: STUDIO_LLM_MODELS, a JSON list.

    [{"name": "gpt-4o", "model": "gpt-4o-2024-08-06", "base_url": "https://api.openai.com/v1", "key_env": "OPENAI_API_KEY",
      "family": "gpt", "price_in": 2.5, "price_out": 10, "rpm": 500, "tpm": 30000}]

Any server that speaks OpenAI's chat completions will do (vLLM, Ollama, gateways). Keys are read from the environment
at the moment they are needed and are kept nowhere.
"""

import json
import os
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from studio.sentences import say

_TEXTS = ("name", "model", "base_url", "key_env", "family")
_NUMBERS = ("rpm", "tpm", "picture_tokens")
_PRICES = ("price_in", "price_out")
_SWITCHES = ("batch", "physvlm")
_KNOWN = {*_TEXTS, *_NUMBERS, *_PRICES, *_SWITCHES, "parameters"}
OPENAI = "https://api.openai.com/v1"


class NoModel(Exception):
    """No model can be asked; the sentence (`say(...)`) tells what to do."""


@dataclass(frozen=True)
class Endpoint:
    """One model at one address.

    Prices are US dollars for a million tokens, None where nobody said; `rpm` and `tpm` are limits a minute, 0: none.
    `picture_tokens` is what one picture counts at most, 0: as the usual ways of counting say. `physvlm`: it is served by
    serve_physvlm, so it can be asked in the model's own way.
    """

    name: str
    model: str
    base_url: str
    key_env: str
    family: str
    price_in: Decimal | None
    price_out: Decimal | None
    rpm: int
    tpm: int
    picture_tokens: int
    batch: bool
    physvlm: bool
    parameters: dict = field(hash=False)

    @property
    def needs_key(self):
        return bool(self.key_env)

    @property
    def has_key(self):
        return not self.needs_key or bool(os.environ.get(self.key_env))

    def key(self):
        """The key for one request. Servers without keys get a word, because the client library insists on one."""
        return os.environ.get(self.key_env, "") if self.needs_key else "none"

    def price(self, tokens_in, tokens_out, *, batch=False):
        """Dollars for so many tokens, or None where the price is unknown. Batches cost half."""
        if self.price_in is None or self.price_out is None:
            return None
        dollars = (self.price_in * tokens_in + self.price_out * tokens_out) / 1_000_000
        return dollars / 2 if batch else dollars


@lru_cache(maxsize=8)
def read(text, *, setting="STUDIO_LLM_MODELS"):
    """The endpoints of the setting; ImproperlyConfigured names the entry and what is wrong with it."""
    try:
        entries = json.loads(text)
    except ValueError as error:
        raise ImproperlyConfigured(f"{setting} is not JSON: {error}.") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ImproperlyConfigured(f'{setting} must be a JSON list of objects like [{{"name": "gpt-4o", ...}}].')
    found = [_read_one(entry, f"{setting}, model {number}") for number, entry in enumerate(entries, 1)]
    names = [endpoint.name for endpoint in found]
    if len(set(names)) < len(names):
        raise ImproperlyConfigured(f"{setting} has two models called {next(n for n in names if names.count(n) > 1)!r}.")
    return tuple(found)


def _read_one(entry, where):
    if unknown := sorted(set(entry) - _KNOWN):
        raise ImproperlyConfigured(f"{where}: {unknown[0]!r} is unknown. Known are {', '.join(sorted(_KNOWN))}.")
    if not entry.get("name"):
        raise ImproperlyConfigured(f'{where} has no "name".')
    where = f"{where} ({entry['name']})"
    for name in _TEXTS:
        if not isinstance(entry.get(name, ""), str):
            raise ImproperlyConfigured(f'{where}: "{name}" must be text.')
    base_url = (entry.get("base_url") or OPENAI).rstrip("/")
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ImproperlyConfigured(f'{where}: "base_url" is {base_url!r}; it needs http:// or https:// and a host.')
    if parts.username or parts.password:
        raise ImproperlyConfigured(f'{where}: "base_url" holds a password. Name a variable with it in "key_env".')
    numbers = {}
    for name in _NUMBERS:
        numbers[name] = entry.get(name) or 0
        if type(numbers[name]) is not int or numbers[name] < 0:
            raise ImproperlyConfigured(f'{where}: "{name}" must be a whole number; leave it out for no limit.')
    prices = {name: _price(entry.get(name), name, where) for name in _PRICES}
    parameters = entry.get("parameters", {})
    if not isinstance(parameters, dict):
        raise ImproperlyConfigured(f'{where}: "parameters" must be an object.')
    return Endpoint(
        name=entry["name"],
        model=entry.get("model") or entry["name"],
        base_url=base_url,
        key_env=entry.get("key_env", "OPENAI_API_KEY" if base_url == OPENAI else ""),
        family=entry.get("family") or entry["name"],
        batch=entry.get("batch", base_url == OPENAI) is True,
        physvlm=entry.get("physvlm", False) is True,
        parameters=parameters,
        **prices,
        **numbers,
    )


def _price(value, name, where):
    if value is None:
        return None
    try:
        price = Decimal(str(value))
    except InvalidOperation:
        price = Decimal(-1)
    if not price.is_finite() or price < 0 or isinstance(value, bool):
        raise ImproperlyConfigured(f'{where}: "{name}" is {value!r}; give dollars for a million tokens, or 0.')
    return price


def configured():
    """All endpoints of the settings, whether or not their key is there."""
    from django.conf import settings

    return read(settings.LLM_MODELS)


def ready():
    """The endpoints that can be asked now: no key needed, or the key is in the environment of this process."""
    return [endpoint for endpoint in configured() if endpoint.has_key]


def find(name):
    """The endpoint of that name; `NoModel` if there is none, or its key is missing."""
    endpoint = next((endpoint for endpoint in configured() if endpoint.name == name), None)
    if endpoint is None:
        names = ", ".join(endpoint.name for endpoint in configured()) or "–"
        raise NoModel(say("No model is called %(name)s. STUDIO_LLM_MODELS names: %(names)s.", name=name, names=names))
    if not endpoint.has_key:
        raise NoModel(
            say(
                "There is no key for the model %(name)s. Set %(variable)s for the web server and the workers.",
                name=name,
                variable=endpoint.key_env,
            )
        )
    return endpoint


def why_none():
    """What to do where no model can be asked at all."""
    variables = sorted({endpoint.key_env for endpoint in configured() if not endpoint.has_key})
    if not variables:
        return say("No language model is configured. Name one in STUDIO_LLM_MODELS.")
    return say(
        "No language model can be asked, because its key is missing. Set %(variables)s for the web server and the workers,"
        " or name a server of your own in STUDIO_LLM_MODELS.",
        variables=", ".join(variables),
    )
