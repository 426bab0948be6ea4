"""Write approved questions in the public PhysGame format."""

import time
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from modelzoo import exporting
from modelzoo.outdir import CannotWrite
from studio.terminal import Line


class _Shown(exporting.Progress):
    def __init__(self, line):
        self.line = line

    def texts(self, done):
        self.line.show(f"{done} questions")

    def videos(self, done, total):
        self.line.show(f"{done} of {total} videos")


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
        parser.add_argument("--replace", action="store_true", help="replace an export that is in OUT already")

    def handle(self, *, out, videos, video_file, purpose, allow_unchecked, replace, **options):
        started = time.monotonic()
        line = Line(self.stdout)
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
