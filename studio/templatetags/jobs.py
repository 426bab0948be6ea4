"""What the shared progress component needs to know about a job."""

from django import template
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from studio import health

register = template.Library()


def duration(seconds):
    """A length of time in words short enough for a progress line."""
    seconds = max(0, round(seconds))
    if seconds < 60:
        return _("%(s)s s") % {"s": seconds}
    if seconds < 3600:
        return _("%(m)s min %(s)s s") % {"m": seconds // 60, "s": seconds % 60}
    if seconds < 86400:
        return _("%(h)s h %(m)s min") % {"h": seconds // 3600, "m": seconds % 3600 // 60}
    days = seconds // 86400
    return ngettext("%(d)s day", "%(d)s days", days) % {"d": days}


@register.filter(name="duration")
def duration_filter(seconds):
    return "" if seconds is None else duration(seconds)


@register.filter
def last_line(text):
    """The line of an error that says what happened; the rest of a traceback is on the job's page."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


@register.simple_tag
def progress_of(job):
    """{percent, took_s, rate, left_s, missing, command}; None where it cannot be known yet."""
    found = {"percent": None, "took_s": None, "rate": None, "left_s": None, "missing": False, "command": ""}
    if job.total:
        found["percent"] = min(100, 100 * job.done // job.total)
    if job.started_at:
        took_s = ((job.finished_at or timezone.now()) - job.started_at).total_seconds()
        found["took_s"] = took_s
        if job.done and took_s > 0.5:
            rate = job.done / took_s
            found["rate"] = round(rate) if rate >= 10 else round(rate, 1 if rate >= 1 else 2)
            if job.state == job.State.RUNNING and job.total:
                found["left_s"] = max(0, (job.total - job.done) / rate)
    if job.is_active and health.worker_missing(job.queue):
        found["missing"] = True
        found["command"] = health.worker_command(job.queue)
    return found
