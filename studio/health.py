"""Is everything there that the Studio needs? Each finding says in words what is wrong and how to mend it.

`report()` never raises, whatever is down, and takes a few seconds at most: `manage.py doctor` and the health page show it.
"""

import logging
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.mail import get_connection
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from studio.celery import worker_key
from studio.llm import endpoints

logger = logging.getLogger(__name__)
BEAT_KEY = "sweep-ran"
LEAST_FREE_BYTES = 5 * 1024**3
ENCODERS = ("libx264", "aac")
_WAIT_S = 2

OK, WARNING, ERROR, UNKNOWN = "ok", "warning", "error", "unknown"
_WORDS = {
    OK: gettext_lazy("fine"),
    WARNING: gettext_lazy("look at this"),
    ERROR: gettext_lazy("broken"),
    UNKNOWN: gettext_lazy("cannot tell"),
}
_CSS = {OK: "good", WARNING: "warn", ERROR: "bad", UNKNOWN: ""}


@dataclass(frozen=True)
class Finding:
    """One part of the Studio: what was found, and, where it is not fine, how to mend it."""

    part: str
    level: str
    text: str
    mend: str = ""
    command: str = ""

    @property
    def word(self):
        return _WORDS[self.level]

    @property
    def css(self):
        return _CSS[self.level]


@dataclass(frozen=True)
class Report:
    findings: list

    @property
    def broken(self):
        return [finding for finding in self.findings if finding.level == ERROR]

    @property
    def sentence(self):
        if self.broken:
            number = len(self.broken)
            return ngettext("%(number)s part is broken.", "%(number)s parts are broken.", number) % {"number": number}
        warnings = sum(finding.level == WARNING for finding in self.findings)
        if warnings:
            text = ngettext(
                "Everything works; %(number)s part needs a look.",
                "Everything works; %(number)s parts need a look.",
                warnings,
            )
            return text % {"number": warnings}
        return _("Everything works.")


def worker_missing(queue):
    """True when no live worker serves `queue` (or Redis, where workers announce themselves, is away)."""
    try:
        return cache.get(worker_key(queue)) is None
    except Exception:
        logger.warning("Redis does not answer", exc_info=True)
        return True


def worker_command(queue):
    """How to start a worker for `queue`, as typed in the Studio's folder."""
    return f".venv/bin/celery -A studio worker -Q {queue}"


def can_serve():
    """Whether pages can be answered: the database has our tables and Redis answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM studio_job LIMIT 1")
    except Exception:
        logger.warning("The database does not serve", exc_info=True)
        connection.close()
        return False
    return _redis_error() is None


def report():
    """All findings, worst news not hidden by others: what needs the database or Redis says so when they are away."""
    database = _database()
    broker = _broker()
    redis_ok = broker.level == OK
    findings = [database, broker]
    findings += [_worker(queue, redis_ok) for queue in settings.QUEUES]
    findings.append(_beat(redis_ok))
    for check in (_ffmpeg, _media, _disk, _translations, _secret_key, _debug, _addresses, _mail, _language_models):
        findings.append(_safely(check))
    return Report(findings)


def _safely(check):
    try:
        return check()
    except Exception as error:
        logger.exception("A health check failed")
        return Finding(check.__name__.strip("_"), UNKNOWN, _("The check itself failed: %(error)s") % {"error": error})


def without_password(url):
    """An address fit for a screen."""
    parts = urlsplit(url)
    return url.replace(f":{parts.password}@", ":…@") if parts.password else url


def _first_line(error):
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _start_services():
    """How to bring PostgreSQL and Redis up: the Studio's own ones, unless the environment names others."""
    return "" if os.environ.get("DATABASE_URL") else ".venv/bin/python -m studio.local start"


def _database():
    part = _("Database")
    database = connection.settings_dict
    try:
        import psycopg

        with psycopg.connect(**{**connection.get_connection_params(), "connect_timeout": _WAIT_S}) as probe:
            version = probe.info.server_version // 10000
    except (psycopg.Error, OSError) as error:
        return Finding(
            part,
            ERROR,
            _("PostgreSQL does not answer at %(host)s: %(error)s")
            % {"host": database["HOST"] or "localhost", "error": _first_line(error)},
            _("Start it, or correct DATABASE_URL."),
            _start_services(),
        )
    if version < 14:
        return Finding(
            part, ERROR, _("PostgreSQL %(version)s is too old.") % {"version": version}, _("Use PostgreSQL 14 or newer.")
        )
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except OperationalError as error:
        return Finding(part, ERROR, _first_line(error), _("Start it, or correct DATABASE_URL."), _start_services())
    if missing:
        text = ngettext(
            "PostgreSQL %(version)s runs, but %(number)s migration is missing.",
            "PostgreSQL %(version)s runs, but %(number)s migrations are missing.",
            len(missing),
        ) % {"version": version, "number": len(missing)}
        return Finding(part, ERROR, text, _("Apply them:"), ".venv/bin/python manage.py migrate")
    return Finding(part, OK, _("PostgreSQL %(version)s, all migrations applied.") % {"version": version})


def _redis_error(url=None):
    """None when Redis answers, else the reason in one line."""
    client = None
    try:
        client = redis.Redis.from_url(
            url or settings.REDIS_URL, socket_timeout=_WAIT_S, socket_connect_timeout=_WAIT_S, retry=None
        )
        client.ping()
        return None
    except (redis.RedisError, OSError, ValueError) as error:
        return _first_line(error)
    finally:
        if client is not None:
            client.close()


def _broker():
    part = _("Broker")
    error = _redis_error()
    if error:
        return Finding(
            part,
            ERROR,
            _("Redis does not answer at %(url)s: %(error)s") % {"url": without_password(settings.REDIS_URL), "error": error},
            _("Start it, or correct REDIS_URL. Jobs wait in the database meanwhile; none is lost."),
            "" if os.environ.get("REDIS_URL") else ".venv/bin/python -m studio.local start",
        )
    return Finding(part, OK, _("Redis answers."))


def _worker(queue, redis_ok):
    part = _("Worker for “%(queue)s”") % {"queue": queue}
    if not redis_ok:
        return Finding(part, UNKNOWN, _("Workers announce themselves in Redis, which does not answer."))
    if worker_missing(queue):
        # No graphics processor is needed until models are trained, so its queue may rest.
        level = WARNING if queue == "gpu" else ERROR
        return Finding(
            part, level, _("No worker serves this queue, so its jobs wait."), _("Start one:"), worker_command(queue)
        )
    return Finding(part, OK, _("Served by %(name)s.") % {"name": cache.get(worker_key(queue))})


def _beat(redis_ok):
    part = _("Clock")
    if not redis_ok:
        return Finding(part, UNKNOWN, _("The sweep leaves its mark in Redis, which does not answer."))
    if cache.get(BEAT_KEY) is None:
        return Finding(
            part,
            ERROR,
            _("The sweep did not run lately, so jobs of a killed worker and expired leases are not found."),
            _("Start Celery's beat once, and a worker for “io”:"),
            ".venv/bin/celery -A studio beat",
        )
    return Finding(part, OK, _("The sweep ran at %(time)s.") % {"time": cache.get(BEAT_KEY)})


@lru_cache
def _encoders(binary, changed_ns):
    """The encoders of an ffmpeg binary; asked once for each version of the file."""
    run = subprocess.run([binary, "-hide_banner", "-encoders"], capture_output=True, text=True, timeout=10, check=True)
    return {line.split()[1] for line in run.stdout.splitlines() if len(line.split()) > 1}


def _ffmpeg():
    part = "ffmpeg"
    mend = _("Unset STUDIO_FFMPEG to use the one that comes along, or point it at a full build.")
    try:
        binary = settings.FFMPEG
        if not binary:
            import imageio_ffmpeg

            binary = imageio_ffmpeg.get_ffmpeg_exe()
        binary = shutil.which(binary) or binary
        found = _encoders(binary, Path(binary).stat().st_mtime_ns)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        return Finding(part, ERROR, _("ffmpeg does not run: %(error)s") % {"error": _first_line(error)}, mend)
    missing = [name for name in ENCODERS if name not in found]
    if missing:
        text = _("%(binary)s lacks the encoders %(missing)s.") % {"binary": binary, "missing": ", ".join(missing)}
        return Finding(part, ERROR, text, mend)
    return Finding(part, OK, _("%(binary)s has all the encoders.") % {"binary": binary})


def _media():
    part = _("Media")
    try:
        name = default_storage.save("health/probe.txt", ContentFile(b"ok"))
        default_storage.delete(name)
    except Exception as error:  # each storage has its own exceptions
        where = settings.S3_BUCKET or settings.MEDIA_ROOT
        text = _("%(where)s cannot be written: %(error)s") % {"where": where, "error": _first_line(error)}
        return Finding(part, ERROR, text, _("Give the Studio's user the right to write there."))
    return Finding(part, OK, _("%(where)s can be written.") % {"where": settings.S3_BUCKET or settings.MEDIA_ROOT})


def _disk():
    part = _("Free disk")
    free = {}
    for folder in (settings.DATA_DIR, settings.MEDIA_ROOT):
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        free[str(folder)] = shutil.disk_usage(folder).free
    folder, least = min(free.items(), key=lambda item: item[1])
    text = _("%(gigabytes).1f GB are free in %(folder)s.") % {"gigabytes": least / 1024**3, "folder": folder}
    if least < LEAST_FREE_BYTES:
        return Finding(part, WARNING, text, _("Make room: below 5 GB a few uploads can fill it."))
    return Finding(part, OK, text)


def _translations():
    part = _("Translations")
    stale = []
    for source in sorted(Path(settings.LOCALE_PATHS[0]).glob("*/LC_MESSAGES/*.po")):
        compiled = source.with_suffix(".mo")
        if not compiled.exists() or compiled.stat().st_mtime < source.stat().st_mtime:
            stale.append(f"{source.parent.parent.name}/{source.stem}")
    if stale:
        return Finding(
            part,
            WARNING,
            _("Not compiled since they changed: %(names)s.") % {"names": ", ".join(stale)},
            _("Compile them, then restart the web server:"),
            ".venv/bin/python manage.py messages --compile",
        )
    return Finding(part, OK, _("All compiled."))


def _secret_key():
    part = _("Secret key")
    key = settings._wrapped.__dict__.get("SECRET_KEY", "")
    if len(key) < 32:
        return Finding(
            part,
            ERROR,
            _("STUDIO_SECRET_KEY is missing or shorter than 32 characters; sessions could be forged."),
            _("Set it to a long random text and keep it:"),
            "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'",
        )
    return Finding(part, OK, _("Long enough."))


def _debug():
    part = "DEBUG"
    if settings.DEBUG:
        return Finding(
            part, WARNING, _("STUDIO_DEBUG is on: error pages show the inside of the program."), _("Unset it in production.")
        )
    return Finding(part, OK, _("Off."))


def _addresses():
    part = _("Addresses")
    local = {"localhost", "127.0.0.1", "[::1]"}
    public = [host for host in settings.ALLOWED_HOSTS if host not in local]
    if public and urlsplit(settings.SITE_URL).hostname in {"localhost", "127.0.0.1", "::1"}:
        return Finding(
            part,
            WARNING,
            _("Links in mails point at %(url)s, which only this machine understands.") % {"url": settings.SITE_URL},
            _("Set STUDIO_SITE_URL to the address people use."),
        )
    if public and not settings.HTTPS:
        return Finding(
            part,
            WARNING,
            _("Other machines may come in, and cookies travel unencrypted."),
            _("Put a proxy with HTTPS in front and set STUDIO_HTTPS=1."),
        )
    return Finding(part, OK, _("People use %(url)s.") % {"url": settings.SITE_URL})


def _mail():
    part = _("E-mail")
    backend = settings.EMAIL_BACKEND.rsplit(".", 2)[-2]
    if backend != "smtp":
        return Finding(
            part,
            WARNING,
            _("Mail is not sent but goes to “%(backend)s”, so invitations and new passwords reach nobody.")
            % {"backend": backend},
            _("Set STUDIO_EMAIL_BACKEND and STUDIO_EMAIL_HOST."),
        )
    try:
        server = get_connection(timeout=_WAIT_S)
        server.open()
        server.close()
    except OSError as error:
        text = _("The mail server %(host)s does not answer: %(error)s") % {
            "host": settings.EMAIL_HOST,
            "error": _first_line(error),
        }
        return Finding(part, WARNING, text, _("Correct STUDIO_EMAIL_HOST and its password."))
    return Finding(part, OK, _("%(host)s takes mail.") % {"host": settings.EMAIL_HOST})


def _language_models():
    part = _("Language models")
    models, ready = endpoints.configured(), endpoints.ready()
    if not ready:
        return Finding(part, WARNING, _("Leak checks cannot be made."), str(endpoints.why_none()))
    names = ", ".join(endpoint.name for endpoint in ready)
    if unpriced := [endpoint.name for endpoint in ready if endpoint.price_in is None or endpoint.price_out is None]:
        return Finding(
            part,
            WARNING,
            _("Can be asked: %(names)s. The price of %(unpriced)s is unknown, so no budget counts it.")
            % {"names": names, "unpriced": ", ".join(unpriced)},
            _("Give price_in and price_out in STUDIO_LLM_MODELS; 0 for a server of your own."),
        )
    if len(ready) < len(models):
        missing = ", ".join(endpoint.key_env for endpoint in models if not endpoint.has_key)
        return Finding(
            part,
            WARNING,
            _("Can be asked: %(names)s. A key is missing: %(missing)s.") % {"names": names, "missing": missing},
            _("Set it for the web server and the workers, or take the model out of STUDIO_LLM_MODELS."),
        )
    return Finding(part, OK, _("Can be asked: %(names)s.") % {"names": names})
