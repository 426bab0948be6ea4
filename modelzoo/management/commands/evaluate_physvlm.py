"""Evaluate a PhysVLM on multiple-choice questions and pairs, by likelihood."""

from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from studio.terminal import Line


class Command(BaseCommand):
    help = (
        "Evaluate a model on folders in the PhysGame format: options by likelihood, letters, and pairs where there are any, "
        "with 95% intervals. Needs neither database nor workers."
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--model", required=True, metavar="PATH", help="model folder or checkpoint")
        parser.add_argument("--data", nargs="+", required=True, metavar="DIR", help="folders with questions or pairs")
        parser.add_argument(
            "--controls",
            nargs="?",
            const=0,
            type=int,
            metavar="N",
            help="also blind, with one frame, and with shuffled frames: on all questions, or on N of them, evenly spread",
        )
        parser.add_argument("--limit", type=int, default=0, metavar="N", help="only N questions and pairs, evenly spread")
        parser.add_argument(
            "--against", type=Path, metavar="FILE", help="an earlier report on the same data: test the change"
        )
        parser.add_argument("--out", type=Path, metavar="FILE", help="write the report, with every item, as JSON")
        parser.add_argument(
            "--cache", type=Path, metavar="DIR", help="frames that runs share (default: cache/ in the data folder)"
        )

    def handle(self, *, model, data, controls, limit, against, out, cache, **options):
        from modelzoo.physvlm import evaluate
        from modelzoo.physvlm.data.sources import BadData, read
        from modelzoo.physvlm.files import write_json
        from modelzoo.physvlm.runfolder import RunError, read_json

        for name, number in (("--limit", limit), ("--controls", controls or 0)):
            if number < 0:
                raise CommandError(f"{name} {number}: must be 0 or more.")
        if against and not against.is_file():
            raise CommandError(f"{against} is not a report that --out wrote.")
        line = Line(self.stdout)
        try:
            report = evaluate.evaluate(
                model,
                read(data),
                cache=cache or Path(settings.DATA_DIR) / "cache",
                controls=("none",) if controls is None else evaluate.CONTROLS,
                limit=limit,
                control_limit=controls or 0,
                progress=lambda what, done, total: line.show(f"{what}: {done} of {total}"),
            )
            if against:
                report["compared"] = evaluate.compare(read_json(against), report)
            if out:
                write_json(out, report)
        except (BadData, RunError, ValueError) as error:
            line.end()
            raise CommandError(str(error)) from error
        except OSError as error:
            line.end()
            raise CommandError(f"{error.filename or out}: {error.strerror or error}.") from error
        line.end()
        self.stdout.write(evaluate.in_words(report))
        if against:
            self.stdout.write(evaluate.compared_in_words(report["compared"]))
