"""Typed readers for environment variables; each failure names the variable and what it takes."""

import json
import os
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def env_str(name, default=""):
    return os.environ.get(name, default)


def env_bool(name, default):
    raw = os.environ.get(name)
    if raw is None:
        return default
    if raw.lower() in ("1", "true", "yes", "on"):
        return True
    if raw.lower() in ("0", "false", "no", "off", ""):
        return False
    raise ImproperlyConfigured(f"{name}={raw!r} is not a yes or no. Use 1 or 0.")


def env_number(name, default, *, minimum=0):
    """A number of the default's type (int or float), not below `minimum`."""
    raw = os.environ.get(name)
    if raw is None:
        return default
    try:
        value = type(default)(raw)
    except ValueError:
        kind = "a whole number" if isinstance(default, int) else "a number"
        raise ImproperlyConfigured(f"{name}={raw!r} is not {kind}.") from None
    if value < minimum:
        raise ImproperlyConfigured(f"{name}={raw} is too small; the least is {minimum}.")
    return value


def env_list(name, default=(), *, allowed=None):
    """Parts of a text with commas, each of them one of `allowed` where that is given."""
    raw = os.environ.get(name)
    parts = list(default) if raw is None else [part.strip() for part in raw.split(",") if part.strip()]
    wrong = [part for part in parts if allowed and part not in allowed]
    if wrong:
        raise ImproperlyConfigured(f"{name} names {wrong[0]!r}; it takes {', '.join(allowed)}.")
    return parts


def env_json(name, default):
    """A JSON value of the default's type (dict or list)."""
    raw = os.environ.get(name)
    if not raw:
        return default
    try:
        value = json.loads(raw)
    except ValueError:
        value = None
    if not isinstance(value, type(default)):
        raise ImproperlyConfigured(f"{name} is not a JSON {'object' if isinstance(default, dict) else 'list'}.")
    return value


def postgres_config(url):
    """Django's DATABASES entry for a postgresql:// address; `?host=/folder` means a Unix socket."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured(
            f"DATABASE_URL starts with {parts.scheme or 'nothing'!r}; the Studio needs postgresql://user:password@host:port/name."
        )
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "studio",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", None) or unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": query,
    }


def celery_broker(redis_url):
    """Celery's spelling of a Redis address (it calls a Unix socket redis+socket://)."""
    return redis_url.replace("unix://", "redis+socket://", 1)
