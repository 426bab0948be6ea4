"""Import predictions that were made elsewhere, to compare them with what the Studio measured itself."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from modelzoo.evaluation import commanding, importing, opening, sets
from modelzoo.physvlm.data.sources import BadData


class Command(BaseCommand):
    help = "Import a file of predictions (GameBench's or PhysVLM's layout, or CSV) as an evaluation."

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path)
        parser.add_argument("--name", required=True, help="what the leaderboard calls the model")
        parser.add_argument("--release", metavar="NAME", help="the benchmark release it answers")
        parser.add_argument("--set", metavar="NAME", help="or the question set")
        parser.add_argument("--data", nargs="+", metavar="DIR", help="or folders with the questions")
        parser.add_argument(
            "--protocol", default="standard", help="how it was asked; “paper” judges by the layout's own rule"
        )

    def handle(self, *, file, name, release, data, protocol, **options):
        try:
            question_set, _source = commanding.question_set_of(release=release, name=options["set"], data=data)
            evaluation = importing.store(file.read_bytes(), question_set, name=name, protocol=protocol, file_name=file.name)
        except OSError as error:
            raise CommandError(f"{error.filename or file}: {error.strerror or error}.") from error
        except (opening.CannotEvaluate, sets.CannotFreeze, importing.BadFile, BadData) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Evaluation {evaluation.pk}. " + commanding.in_words(evaluation))
