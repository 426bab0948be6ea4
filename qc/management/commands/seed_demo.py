"""A lively Studio: people of each role, GlitchWorld's clips in every state, and two weeks of work on them."""

import sys
import tempfile

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from annotator.ingest.refusals import Refused
from annotator.models import Clip, Question
from qc.demo import TRAINING_CLIPS, people
from qc.demo.times import Clock


class Command(BaseCommand):
    help = (
        "Fill a new Studio with people, clips and questions in every state. The people's password is public: do this in "
        "no Studio that others can reach. Run again, it adds what is missing and changes nothing else."
    )

    def add_arguments(self, parser):
        parser.add_argument("--clips", type=int, default=24, help="how many clips to have beside those for training (24)")
        parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same clips, texts and stories")
        parser.add_argument("--wait", type=int, default=300, help="seconds to wait for the ingest of the clips")
        parser.add_argument(
            "--into-existing", action="store_true", help="also where people and clips are that are not of the demo"
        )

    def handle(self, *, clips, seed, wait, into_existing, **options):
        if clips < 0 or seed < 0:
            raise CommandError("The number of clips and the seed are 0 or more.")
        figures, here = people.missing(), Clip.objects.filter(source=Clip.Source.DEMO)
        told = Question.objects.filter(clip__in=here).exists()
        wanted = clips + TRAINING_CLIPS if clips else 0
        if figures or here.count() < wanted or (clips and not told):
            self._check(into_existing)
            with transaction.atomic():
                clock = Clock()
                for person in people.invite(figures):
                    clock.joined(person, clock.ago(days=15))
            if clips:
                self._fill(clips, seed, wait, all_untold=not told)
        self.stdout.write(
            f"The demo has {here.count()} clips and {Question.objects.filter(clip__in=here).count()} questions."
        )

    def _check(self, into_existing):
        strangers, foreign = people.strangers().count(), Clip.objects.exclude(source=Clip.Source.DEMO).count()
        taken = people.strangers().filter(username__in=[figure.username for figure in people.FIGURES]).first()
        if taken:
            raise CommandError(f"There is somebody else called {taken.username} here, which is a name of the demo's people.")
        if (strangers or foreign) and not into_existing:
            raise CommandError(
                f"This Studio holds {strangers} people and {foreign} clips that are not of the demo. Nothing was changed; "
                "to add the demo to them all the same, say --into-existing."
            )

    def _fill(self, clips, seed, wait, *, all_untold):
        from annotator.glitchworld.make import CannotMake
        from qc.demo import clips as films

        cast = people.cast()
        try:
            with tempfile.TemporaryDirectory(prefix="demo-") as folder:
                parts = films.bring(folder, clips=clips, seed=seed, by=cast["lead"], progress=self._show)
        except (CannotMake, Refused) as error:
            raise CommandError(str(error))
        new = [part for part in parts if part.created or all_untold]
        if left := films.ingest(new, seconds=wait):
            raise CommandError(
                f"{left} clips are not ingested after {wait} s. Ask manage.py doctor why, then run this again."
            )
        self._tell(new, cast, seed)
        from qc.demo import checks  # what jobs do, which the demo's second start need not load

        if late := checks.make(parts, cast, seconds=wait):
            self.stdout.write(late)

    def _tell(self, parts, cast, seed):
        from qc.demo.stories import CANNOT_BE_TOLD, Teller, no_checks

        with transaction.atomic(), no_checks():
            teller = Teller(people=cast, clock=Clock(), seed=seed)
            for part in parts:
                try:
                    with transaction.atomic():
                        teller.tell(part)
                except CANNOT_BE_TOLD as refusal:  # somebody was quicker at the clip, or its picture holds too little
                    self.stdout.write(f"Clip {part.clip.pk} is left as it is: {refusal}")
            teller.promote(parts)

    def _show(self, done, total):
        live = sys.stdout.isatty()
        if live or done in (0, total):
            self.stdout.write(f"\rRendering demo clips: {done} of {total}", ending="" if live and done < total else "\n")
            self.stdout.flush()
