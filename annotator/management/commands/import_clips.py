"""Bring clips in from folders, sets of GlitchWorld and CSV files, with progress; run again, it goes on where it stopped."""

import time

from django.core.management.base import BaseCommand, CommandError

from annotator import importing
from annotator.ingest.refusals import Refused
from annotator.models import Clip
from annotator.sources import SourceError, find
from annotator.taxonomy import CATEGORIES
from studio.health import worker_missing
from studio.models import User


class Command(BaseCommand):
    help = "Bring clips in from folders (searched recursively, with JSON sidecars), GlitchWorld's sets and CSV files."

    def add_arguments(self, parser):
        parser.add_argument(
            "sources", nargs="+", metavar="SOURCE", help="a folder, a set of make_glitchworld, a video file, or a CSV file"
        )
        parser.add_argument("--kind", choices=["folder", "csv"], help="default: csv for *.csv and *.tsv, else folder")
        parser.add_argument("--purpose", choices=Clip.Purpose.values, default=Clip.Purpose.BENCHMARK)
        parser.add_argument("--category", choices=list(CATEGORIES), default="", help="expected category of all clips")
        parser.add_argument("--licence", default="", help="where a file or row names none")
        parser.add_argument("--limit", type=int, metavar="N", help="at most this many files")
        parser.add_argument("--by", metavar="USERNAME", help="the person in whose name this happens")
        parser.add_argument("--wait", action="store_true", help="wait for the ingest of all of them")

    def handle(self, *, sources, kind, purpose, category, licence, limit, by, wait, **options):
        self.live = self.stdout.isatty()
        self.width = 0
        try:
            person = User.objects.get(username=by) if by else None
        except User.DoesNotExist:
            raise CommandError(f"There is nobody called {by!r}.")
        try:
            found = find(
                sources, kind=kind, defaults={"purpose": purpose, "expected_category": category, "licence": licence}
            )
        except SourceError as error:
            raise CommandError(str(error))
        if limit is not None:
            found = found[: max(0, limit)]
        try:
            clips, refused = self._bring(found, person)
            failed = self._wait(clips) if wait else []
        except KeyboardInterrupt:
            self._say("")
            raise CommandError("Stopped. Run the same command again to go on; nothing comes in twice.", returncode=130)
        if refused or failed:
            raise CommandError(
                f"{len(refused) + len(failed)} of {len(found)} could not be taken; the lines above say why.", returncode=1
            )

    def _bring(self, found, person):
        clips, refused, new = [], [], 0
        for number, item in enumerate(found, 1):
            self._show(f"{number}/{len(found)} {item.name}")
            try:
                if item.error:
                    raise SourceError(item.error)
                clip, created = importing.bring(
                    item.path,
                    original_name=item.path.name,
                    source=item.source,
                    by=person,
                    story=item.story,
                    truth=item.truth,
                )
            except (Refused, SourceError, OSError) as error:
                reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
                refused.append(item)
                self._say(f"{item.name}: {reason}")
                continue
            clips.append((item, clip))
            new += created
            if not self.live:
                self._say(f"{number}/{len(found)} {item.name}: clip {clip.pk}" + ("" if created else ", here already"))
        self._say(f"{new} clips brought in, {len(clips) - new} were here already, {len(refused)} refused.")
        return clips, refused

    def _wait(self, clips):
        """Wait for all ingests to end; the clips that failed."""
        waiting, failed, total, warned = dict((clip.pk, item) for item, clip in clips), [], len(clips), False
        total = len(waiting)
        while waiting:
            jobs = importing.latest_jobs(list(waiting))
            for clip in Clip.objects.filter(pk__in=list(waiting)).only("pk", "state", "failure"):
                job = jobs.get(clip.pk)
                active = job is not None and job.is_active
                if clip.state == Clip.State.INGESTING and active:
                    continue
                item = waiting.pop(clip.pk)
                if clip.state == Clip.State.READY:
                    if not self.live:
                        self._say(f"{item.name}: ready")
                    continue
                failed.append(item)
                self._say(f"{item.name}: {clip.failure or importing.stopped_sentence(job)}")
            self._show(f"{total - len(waiting)}/{total} ingested")
            if waiting and not warned and worker_missing("cpu"):
                warned = True
                self._say("No worker serves the queue “cpu”; start one with: celery -A studio worker -Q cpu")
            if waiting:
                time.sleep(0.5)
        self._say(f"{total - len(failed)} of {total} clips are ready.")
        return failed

    def _show(self, line):
        """On a terminal, the one line that is written over again and again."""
        if self.live:
            line = line[:110]
            self.stdout.write("\r" + line.ljust(self.width), ending="")
            self.stdout.flush()
            self.width = len(line)

    def _say(self, line):
        if self.live:
            self.stdout.write("\r" + " " * self.width + "\r", ending="")
            self.width = 0
        # A file may be called anything; a line of this log stays one line.
        self.stdout.write("".join(c if c.isprintable() else "?" for c in line))
        self.stdout.flush()
