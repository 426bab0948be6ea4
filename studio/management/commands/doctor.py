"""manage.py doctor: what is missing or stopped, and how to mend it. Exits with 1 when something is broken."""

import logging

from django.core.management.base import BaseCommand

from studio import health

_SIGNS = {health.OK: "ok", health.WARNING: "look", health.ERROR: "BROKEN", health.UNKNOWN: "?"}


class Command(BaseCommand):
    help = "Say in words what is missing or stopped, and how to mend it."
    requires_system_checks = []  # they may need what is broken

    def handle(self, **options):
        logging.disable(logging.CRITICAL)  # the findings say it; tracebacks between them would only hide it
        try:
            report = health.report()
        finally:
            logging.disable(logging.NOTSET)
        style = {
            health.OK: self.style.SUCCESS,
            health.WARNING: self.style.WARNING,
            health.ERROR: self.style.ERROR,
            health.UNKNOWN: str,
        }
        for finding in report.findings:
            sign = style[finding.level](f"{_SIGNS[finding.level]:>6}")
            self.stdout.write(f"{sign}  {finding.part}: {finding.text}")
            for line in (finding.mend, finding.command):
                if line:
                    self.stdout.write(f"        {line}")
        self.stdout.write("")
        self.stdout.write(report.sentence)
        if report.broken:
            raise SystemExit(1)
