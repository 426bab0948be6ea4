"""Bring a directory in the public PhysGame format in."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from modelzoo import importing
from studio.terminal import Line

_MOST_SHOWN = 200


class Command(BaseCommand):
    help = "Bring the questions and videos of a directory in the public PhysGame format in. Safe to run again."

    def add_arguments(self, parser):
        parser.add_argument("folder", metavar="DIR", type=Path, help="holds PhysGame_<count>_annotation.json")
        parser.add_argument("--videos", type=Path, help="where <question_id>.mp4 are (DIR/PhysGame-Benchmark)")
        parser.add_argument(
            "--state",
            choices=[state.value for state in importing.STATES],
            default="approved",
            help="approved, or submitted so that people check the questions again (approved)",
        )
        parser.add_argument("--limit", type=int, help="only the first so many records")

    def _list(self, lines, write):
        for line in lines[:_MOST_SHOWN]:
            write(f"  {line}")
        if len(lines) > _MOST_SHOWN:
            write(f"  and {len(lines) - _MOST_SHOWN} more")

    def handle(self, *, folder, videos, state, limit, **options):
        if limit is not None and limit < 1:
            raise CommandError("--limit must be at least 1.")
        line = Line(self.stdout)
        try:
            items, notes = importing.read(folder, videos=videos, limit=limit)
            for note in notes:
                self.stdout.write(f"Note: {note}.")
            outcome = importing.bring_in(
                items, state=state, progress=lambda done: line.show(f"{done} of {len(items)} questions")
            )
        except importing.CannotImport as error:
            line.end()
            self._list(error.problems, self.stderr.write)
            raise CommandError(str(error)) from error
        except OSError as error:
            line.end()
            raise CommandError(f"{error.filename}: {error.strerror}. Run again to go on.") from error
        line.end()
        self.stdout.write(
            f"{len(outcome.created)} questions imported as {state}, {len(outcome.skipped)} were here already."
            f" {outcome.clips} new clips are ingested in the background; the jobs page shows how far they are."
        )
        if outcome.conflicts:
            self._list(outcome.conflicts, self.stderr.write)
            raise CommandError(f"{len(outcome.conflicts)} records were not imported, for the reasons above.")
