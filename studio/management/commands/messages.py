"""manage.py messages --update | --check | --compile: the texts of the interface and their translations."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from studio import messages


class Command(BaseCommand):
    help = "Collect the interface's texts, check their translations, compile them."
    requires_system_checks = []  # needs neither database nor secret key

    def add_arguments(self, parser):
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--update", action="store_true", help="bring locale/*.po in line with the sources")
        what.add_argument("--check", action="store_true", help="list what is missing, empty, fuzzy, obsolete or wrong")
        what.add_argument("--compile", action="store_true", help="write the .mo files that Django reads")

    def handle(self, *, update, check, **options):
        if update:
            for file in messages.update():
                self.stdout.write(f"Wrote {_short(file)}.")
            self.stdout.write(f"{len(messages.faults())} texts to translate or mend; see --check.")
        elif check:
            faults = messages.faults()
            for fault in faults:
                self.stdout.write(str(fault))
            if faults:
                raise CommandError(f"{len(faults)} faults. Run manage.py messages --update, then mend them.")
            self.stdout.write("All texts are translated.")
        else:
            for file, number in messages.compile_all().items():
                self.stdout.write(f"Wrote {_short(file)}: {number} texts.")


def _short(file):
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
