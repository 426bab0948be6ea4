"""People, clips and questions in every state, so that each room of a new Studio has something to show."""

import sys
import tempfile
import time
import uuid
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from annotator import demo_clips, importing, services
from annotator.models import Clip, Question
from qc import services as reviewing
from studio.demo import PASSWORD
from studio.models import User
from studio.roles import Role

PEOPLE = {
    "annotator": [Role.ANNOTATOR],
    "annotator2": [Role.ANNOTATOR],
    "reviewer": [Role.REVIEWER],
    "reviewer2": [Role.REVIEWER],
    "lead": [Role.LEAD],
    "admin": [Role.ADMIN, Role.LEAD],
}
STEM = "What best describes the glitch observed in the video?"
# What becomes of the first clips; the rest wait in the writers' queue.
STORIES = ("submitted", "submitted", "approved", "returned", "disputed", "draft")


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser):
        parser.add_argument("--clips", type=int, default=12, help="how many clips to have (default 12)")
        parser.add_argument("--wait", type=int, default=300, help="seconds to wait for the workers to ingest them")

    def handle(self, *, clips, wait, **options):
        people = {name: self.person(name, roles) for name, roles in PEOPLE.items()}
        present = set(Clip.objects.filter(source=Clip.Source.DEMO).values_list("source_id", flat=True))
        missing = [index for index in range(clips) if f"demo-{index}" not in present]
        if missing:
            self.bring(missing, people["lead"])
        self.wait_for_ingest(clips, wait)
        for index, story in enumerate(STORIES[:clips]):
            clip = Clip.objects.filter(source=Clip.Source.DEMO, source_id=f"demo-{index}", state=Clip.State.READY).first()
            if clip and not clip.questions.exists():
                self.tell(story, clip, index, people)
        self.stdout.write(f"The demo has {Clip.objects.count()} clips and {Question.objects.count()} questions.")

    def person(self, name, roles):
        person, created = User.objects.get_or_create(
            username=name, defaults={"roles": roles, "email": f"{name}@example.org", "double_checks_left": 0}
        )
        if created:
            person.set_password(PASSWORD)
            person.save(update_fields=["password"])
        return person

    def bring(self, indexes, lead):
        with tempfile.TemporaryDirectory() as folder:
            for count, index in enumerate(indexes, 1):
                scene = demo_clips.scene(index)
                path = Path(folder) / f"demo-{index}.mp4"
                demo_clips.render(index, path)
                with path.open("rb") as file:
                    importing.bring(
                        file, original_name=path.name, source=Clip.Source.DEMO, source_id=f"demo-{index}",
                        title=scene.title, text="Drawn for the demo; nobody played this.", licence="CC0-1.0",
                        expected_category=scene.category, by=lead,
                    )  # fmt: skip
                path.unlink()
                self.stdout.write(
                    f"\rDrawing demo clips: {count} of {len(indexes)}", ending="" if sys.stdout.isatty() else "\n"
                )
                self.stdout.flush()
        self.stdout.write("")

    def wait_for_ingest(self, clips, wait):
        names = [f"demo-{index}" for index in range(clips)]
        waiting = Clip.objects.filter(source=Clip.Source.DEMO, source_id__in=names, state=Clip.State.INGESTING)
        end = time.monotonic() + wait
        while waiting.exists():
            if time.monotonic() > end:
                count = waiting.count()
                raise CommandError(f"{count} clips are not ingested after {wait} s. Ask manage.py doctor why.")
            time.sleep(0.3)

    def tell(self, story, clip, index, people):
        scene = demo_clips.scene(index)
        first, last = (min(int(second * clip.fps), clip.frame_count - 1) for second in scene.span_s)
        content = services.clean_draft(
            {
                "category": scene.category, "sub_label": scene.sub_label, "stem": STEM, "correct": scene.correct,
                **{f"distractor_{n}": text for n, text in enumerate(scene.distractors, 1)}, "spans": [[first, last]],
            }
        )  # fmt: skip
        author = people["annotator2" if story in ("submitted", "disputed") else "annotator"]
        if story == "draft":
            services.save_draft(user=author, clip_id=clip.pk, base_version=0, content=content | {"distractor_3": ""})
            return
        if story == "disputed":
            User.objects.filter(pk=author.pk).update(double_checks_left=1)
            author.refresh_from_db()
        revision = services.submit(user=author, clip=clip, base_version=0, content=content, client_key=uuid.uuid4())
        if story in ("approved", "disputed"):
            self.review(revision, people["reviewer2"], "approve", [], "")
        if story in ("returned", "disputed"):
            self.review(
                revision, people["reviewer"], "return", [{"field": "distractor_2", "code": "also_true"}],
                "Look at second three: this happens too.",
            )  # fmt: skip

    def review(self, revision, reviewer, verdict, reasons, comment):
        revision = revision.question.revisions.select_related("question__clip").get(pk=revision.pk)
        reviewing.answer_blind(
            user=reviewer, revision=revision, answer="correct", watched_s=revision.question.clip.duration_s, seconds=6
        )
        ruling = reviewing.Ruling(verdict, reasons, comment, uuid.uuid4())
        reviewing.rule(user=reviewer, revision=revision, ruling=ruling)
