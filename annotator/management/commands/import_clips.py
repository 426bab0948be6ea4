"""Bring clips in from folders, sets of GlitchWorld, CSV files and sites; run again, it goes on where it stopped."""

import time
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from annotator import importing
from annotator.ingest.refusals import Refused
from annotator.models import Clip, SourceItem, Sourcing
from annotator.sources import fetch_job, reddit, searches
from annotator.sources.files import SourceError, find
from annotator.taxonomy import CATEGORIES
from studio.health import worker_missing
from studio.models import User


class Command(BaseCommand):
    help = (
        "Bring clips in from folders (searched recursively, with JSON sidecars), GlitchWorld's sets, CSV files of names or"
        " links, subreddits or saved listings (--kind reddit) and keywords (--kind youtube; none: for thin categories)."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "sources",
            nargs="*",
            metavar="SOURCE",
            help="a folder, a set of make_glitchworld, a video file, a CSV file; a subreddit or a saved listing; keywords",
        )
        kinds = ["folder", "csv", "reddit", "youtube"]
        parser.add_argument("--kind", choices=kinds, help="default: csv for *.csv and *.tsv, else folder")
        parser.add_argument("--retry", action="store_true", help="of reddit and youtube: first try again what failed before")
        parser.add_argument("--purpose", choices=Clip.Purpose.values, default=Clip.Purpose.BENCHMARK)
        parser.add_argument("--category", choices=list(CATEGORIES), default="", help="expected category of all clips")
        parser.add_argument("--licence", default="", help="where a file or row names none")
        parser.add_argument("--limit", type=int, metavar="N", help="at most this many files")
        parser.add_argument("--by", metavar="USERNAME", help="the person in whose name this happens")
        parser.add_argument("--wait", action="store_true", help="wait for the ingest of all of them")

    def handle(self, *, sources, kind, purpose, category, licence, limit, by, wait, retry, **options):
        self.live = self.stdout.isatty()
        self.width = 0
        try:
            person = User.objects.get(username=by) if by else None
        except User.DoesNotExist:
            raise CommandError(f"There is nobody called {by!r}.")
        if kind in ("reddit", "youtube"):
            try:
                return self._sites(kind, sources, purpose, category, licence, limit, person, wait, retry)
            except (searches.BadSearch, SourceError, reddit.NoListing) as error:
                raise CommandError(str(error) or "This is no listing of Reddit's.")
            except KeyboardInterrupt:
                raise CommandError("Stopped waiting; workers go on. Nothing is fetched twice.", returncode=130)
        if not sources:
            raise CommandError("Name a folder or a file.")
        try:
            found = find(
                sources, kind=kind, defaults={"purpose": purpose, "expected_category": category, "licence": licence}
            )
        except SourceError as error:
            raise CommandError(str(error))
        if limit is not None:
            found = found[: max(0, limit)]
        try:
            links, found = [item for item in found if item.url], [item for item in found if not item.url]
            unlinked = self._links(links, sources, person, wait)
            clips, refused = self._bring(found, person) if found or not links else ([], [])
            refused += unlinked
            failed = self._wait(clips) if wait else []
        except KeyboardInterrupt:
            self._say("")
            raise CommandError("Stopped. Run the same command again to go on; nothing comes in twice.", returncode=130)
        if refused or failed:
            raise CommandError(
                f"{len(refused) + len(failed)} of {len(found) + len(links)} could not be taken; the lines above say why.",
                returncode=1,
            )

    def _links(self, links, sources, person, wait):
        """Put the links of tables into the archive; those that cannot be fetched are returned."""
        rows, refused = [], []
        for item in links:
            try:
                rows.append(searches.linked(item.url, item.story))
            except searches.BadSearch as error:
                refused.append(item)
                self._say(f"{item.name}: {error}")
        if rows:
            what = ", ".join(Path(source).name for source in sources)[:500]
            search = Sourcing.objects.create(kind=Sourcing.Kind.LINKS, what=what, by=person)
            searches.store(search, rows)
            refused += self._outcome(search, wait)
        return refused

    def _sites(self, kind, sources, purpose, category, licence, limit, person, wait, retry):
        if retry:
            site = {"reddit": "reddit", "youtube": "youtube"}[kind]
            failed = SourceItem.objects.filter(site=site, state=SourceItem.State.FAILED)
            self._say(f"{fetch_job.retry(list(failed.values_list('pk', flat=True)))} that failed are tried again.")
        files = [Path(source) for source in sources if kind == "reddit" and Path(source).is_file()]
        said = {"category": category, "purpose": purpose, "licence": licence}
        refused = []
        for path in files:
            try:
                posts, _after = reddit.posts(path.read_text(encoding="utf-8-sig"))
            except UnicodeDecodeError:
                raise SourceError(f"{path} is not UTF-8 text.")
            except reddit.NoListing:
                raise SourceError(f"{path} is no listing of Reddit's.")
            rows, left_out = searches.listed(posts[:limit], **said)
            search = Sourcing.objects.create(kind=kind, what=path.name[:500], by=person)
            searches.store(search, rows, left_out=left_out)
            refused += self._outcome(search, wait)
        words = [source for source in sources if Path(source) not in files]
        if words or not files:
            search = searches.start(kind=kind, words=words, limit=100 if limit is None else limit, by=person, **said)
            refused += self._outcome(search, wait)
        if refused:
            raise CommandError(
                f"{len(refused)} could not be fetched; the lines above say why. --retry tries again.", returncode=1
            )

    def _outcome(self, search, wait):
        """Say what a search found and, with --wait, what became of it; the items that failed."""
        warned = False
        while wait:
            job = search.job and type(search.job).objects.get(pk=search.job_id)
            busy = search.items.filter(state__in=[SourceItem.State.WAITING, SourceItem.State.FETCHING]).count()
            if job and job.state in ("failed", "cancelled"):
                raise CommandError(job.error or "The search was cancelled.")
            if not (job and job.is_active) and not busy:
                break
            self._show(f"{busy} wait to be fetched")
            if not warned and worker_missing("io"):
                warned = True
                self._say("No worker serves the queue “io”; start one with: celery -A studio worker -Q io")
            time.sleep(0.5)
        search.refresh_from_db()
        if search.job and not wait:
            self._say(f"The search is queued as job {search.job_id}; the page “Sources” shows what comes of it.")
            return []
        self._say(f"{search.what}: {search.found} new, {search.known} known already, {search.left_out} without a video.")
        failed = list(search.items.filter(state=SourceItem.State.FAILED))
        for item in failed:
            self._say(f"{item}: {item.reason}")
        if wait:
            self._say(f"{search.items.filter(state=SourceItem.State.BROUGHT).count()} clips were brought in.")
        return failed

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
