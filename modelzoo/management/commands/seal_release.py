"""Seal a release: a numbered set that never changes again."""

from django.core.management.base import BaseCommand, CommandError

from modelzoo.models import Release
from modelzoo.releases import content, sealing
from studio.terminal import Line


class _Shown(sealing.Progress):
    def __init__(self, line):
        self.line = line

    def waiting(self):
        self.line.show("another release is being sealed; waiting")

    def files(self, done, total):
        self.line.show(f"{done} of {total} videos")

    def rows(self, done, total):
        self.line.show(f"{done} of {total} rows")


class Command(BaseCommand):
    help = "Freeze a numbered set under NAME: rows, hashes, dataset card. What is sealed never changes."

    def add_arguments(self, parser):
        parser.add_argument("name", metavar="NAME", help="small letters, digits, dots, dashes and underscores")
        parser.add_argument("--kind", choices=Release.Kind.values, required=True)
        parser.add_argument("--split", choices=Release.Split.values, default="", help="test for benchmarks, else train")
        parser.add_argument("--category", action="append", default=[], help="only this category; may be repeated")
        parser.add_argument("--source", action="append", default=[], help="only clips of this source; may be repeated")
        parser.add_argument("--licence", action="append", default=[], help="only clips of this licence; may be repeated")
        parser.add_argument("--sample-kind", action="append", default=[], help="only samples or pairs of this kind")
        parser.add_argument(
            "--allow-unchecked",
            action="store_true",
            help="also questions whose leak check is neither clear nor waived; the dataset card then says so",
        )
        parser.add_argument(
            "--leave-out-conflicts", action="store_true", help="leave out clips that the split firewall refuses"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what it would hold, and seal nothing")

    def handle(self, *, name, kind, split, dry_run, **options):
        filters = content.Filters(
            categories=tuple(options["category"]),
            sources=tuple(options["source"]),
            licences=tuple(options["licence"]),
            kinds=tuple(options["sample_kind"]),
            allow_unchecked=options["allow_unchecked"],
            leave_out_conflicts=options["leave_out_conflicts"],
        )
        line = Line(self.stdout)
        try:
            if dry_run:
                self._tell(sealing.preview(name, kind=kind, split=split, filters=filters, progress=_Shown(line)), line)
                return
            release = sealing.seal(name, kind=kind, split=split, filters=filters, progress=_Shown(line))
        except sealing.CannotSeal as error:
            line.end()
            raise CommandError(str(error)) from error
        line.end()
        self.stdout.write(
            f"Sealed {release.name}, {kind} number {release.number}: {release.rows_count} rows on"
            f" {release.clips_count} clips, SHA-256 {release.sha256}."
        )
        if release.facts["left_out"]:
            self.stdout.write(
                f"{release.facts['left_out']} approved questions have not passed the leak check and are not in it."
            )

    def _tell(self, found, line):
        line.end()
        if found.refusal:
            raise CommandError(found.refusal)
        self.stdout.write(
            f"Would seal {found.rows} rows on {found.clips} clips: {found.added} added, {found.changed} changed,"
            f" {found.removed} removed{f' since {found.previous.name}' if found.previous else ''}."
        )
        if found.left_out:
            self.stdout.write(f"{found.left_out} approved questions have not passed the leak check and would not be in it.")
