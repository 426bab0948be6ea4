"""Write approved questions in the public PhysGame format."""

import time
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from modelzoo import exporting, formats
from modelzoo.models import Release
from modelzoo.outdir import CannotWrite
from modelzoo.releases import writing
from studio.terminal import Line


class _Shown(exporting.Progress):
    def __init__(self, line):
        self.line = line

    def texts(self, done):
        self.line.show(f"{done} questions")

    def videos(self, done, total):
        self.line.show(f"{done} of {total} videos")

    def rows(self, done, total):
        self.line.show(f"{done} of {total} rows")


class Command(BaseCommand):
    help = "Write the approved questions on accepted clips to the directory OUT, in the public PhysGame format."

    def add_arguments(self, parser):
        parser.add_argument("out", metavar="OUT", type=Path, help="a directory that does not exist yet, or is empty")
        parser.add_argument("--videos", choices=exporting.VIDEO_WAYS, default="copy", help="how video files get in (copy)")
        parser.add_argument(
            "--video-file",
            choices=exporting.VIDEO_FILES,
            default="original",
            help="original: the file as it came, if it is an MP4, else its proxy (this is the default)",
        )
        parser.add_argument("--purpose", choices=exporting.PURPOSES, default="benchmark", help="of which clips (benchmark)")
        parser.add_argument(
            "--allow-unchecked",
            action="store_true",
            help="also questions whose leak check is neither clear nor waived; the dataset card then says so",
        )
        parser.add_argument("--release", metavar="NAME", help="write this sealed release, not what is approved now")
        parser.add_argument(
            "--formats",
            nargs="+",
            choices=list(formats.FORMATS),
            default=["physgame"],
            help="of a release: what to write it as (physgame, the public format)",
        )
        parser.add_argument("--replace", action="store_true", help="replace an export that is in OUT already")

    def handle(self, *, out, videos, video_file, purpose, allow_unchecked, replace, release, **options):
        started = time.monotonic()
        line = Line(self.stdout)
        if release is not None:
            self._release(line, release, out, wanted=options["formats"], videos=videos, replace=replace)
            return
        if options["formats"] != ["physgame"]:
            raise CommandError("Other formats are written from a sealed release: add --release NAME.")
        try:
            summary = exporting.export(
                out,
                options=exporting.Options(videos, video_file, purpose, allow_unchecked),
                replace=replace,
                progress=_Shown(line),
            )
        except (exporting.CannotExport, CannotWrite) as error:
            line.end()
            raise CommandError(str(error)) from error
        except OSError as error:
            line.end()
            raise CommandError(f"{error.filename or out}: {error.strerror}. Nothing was written.") from error
        line.end()
        self.stdout.write(
            f"Wrote {summary.questions} questions on {summary.clips} clips to {out}:"
            f" {summary.files} files, {summary.bytes / 1e6:.1f} MB, {time.monotonic() - started:.1f} s."
        )
        if summary.left_out:
            self.stdout.write(
                f"{summary.left_out} approved questions were left out, because their leak check is neither clear nor waived."
                " Run manage.py check_leaks, or use --allow-unchecked."
            )
        if summary.changed_ids:
            self.stdout.write(
                f"{summary.changed_ids} ids could not be names of files; manifest.json lists what became of them."
            )

    def _release(self, line, name, out, **options):
        started = time.monotonic()
        release = Release.objects.filter(name=name).first()
        if release is None:
            raise CommandError(f"There is no release {name}. Seal one with manage.py seal_release.")
        try:
            done = writing.write(release, out, progress=_Shown(line), **options)
        except (exporting.CannotExport, CannotWrite) as error:
            line.end()
            raise CommandError(str(error)) from error
        except OSError as error:
            line.end()
            raise CommandError(f"{error.filename or out}: {error.strerror}. Run it again to go on.") from error
        line.end()
        self.stdout.write(
            f"Wrote {name}, {done.rows} rows on {done.clips} clips, to {out}:"
            f" {done.files} files, {done.bytes / 1e6:.1f} MB, {time.monotonic() - started:.1f} s."
        )
        if done.left_out:
            self.stdout.write(f"{done.left_out} rows were left out: their clips were taken down.")
