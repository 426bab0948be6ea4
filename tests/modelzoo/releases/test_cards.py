"""What the dataset card says of agreement, kinds and acceptance; what a question's page says of several questions' rows."""

import pytest
import yaml
from django.urls import reverse
from django.utils import timezone

from modelzoo.models import Checkpoint, RunRelease, TrainingRun
from modelzoo.releases import sealing
from qc.models import BlindAnswer
from tests.factories import InstructSampleFactory, PreferencePairFactory, QuestionFactory, UserFactory
from tests.modelzoo.releases.test_formats import training_clip
from tests.modelzoo.releases.test_seal import questions

pytestmark = pytest.mark.django_db


def answered(question, *answers):
    """Blind answers of several people to a question's revision."""
    for answer in answers:
        person = UserFactory(roles=["reviewer"])
        BlindAnswer.objects.create(revision=question.revisions.get(), reviewer=person, answer=answer, watched_s=1)


def test_the_card_of_a_benchmark_has_alpha_with_its_interval():
    told = ["correct correct", "correct distractor_1", "distractor_1 distractor_1"]
    for question, said in zip(questions(3), told, strict=True):
        answered(question, *said.split())
    answered(QuestionFactory(approved=True, clip__content="unusable"), "distractor_2", "distractor_3")  # not in the release
    release = sealing.seal("bench", kind="benchmark")
    found = release.facts["agreement"]["blind"]
    # Six values, three of each, one of three pairs apart: 1 - 5 * 2 / (2 * 3 * 3)
    assert (found["items"], found["ratings"], round(found["alpha"][0], 4)) == (3, 6, 0.4444)
    assert "| Blind answers | 3 | 6 | 0.444" in release.card and "| 0.667" in release.card
    assert release.facts["agreement"]["verdicts"]["items"] == 0


def test_the_card_of_training_data_counts_kinds_and_acceptance(lead):
    clip = training_clip(0)
    first = InstructSampleFactory(clip=clip, place=0, decided_by=lead)
    InstructSampleFactory(clip=clip, place=1, kind="follow_up", decided_by=lead, made={"question": "a", "answer": "b"})
    InstructSampleFactory(clip=clip, place=2, kind="yes_no", state="rejected", decided_by=lead)
    PreferencePairFactory(sample=first)
    PreferencePairFactory(sample=first, kind="span", origin="glitchworld", place=1)
    release = sealing.seal("sft", kind="instruct")
    assert release.facts["by_kind"] == {"follow_up": 1, "open": 1}
    assert release.facts["acceptance"] == {"as_written": 1, "edited": 1, "rejected": 1}
    assert "| Open question | 1 |" in release.card and "| Follow-up | 1 |" in release.card
    # 2 of 3: Wilson's interval is (2/3 + z²/6 ± z √(2/27 + z²/36)) / (1 + z²/3), z = 1.96
    assert (
        "Of 3 samples" in release.card and "2 were accepted (66.7%, 95% interval 20.8% to 93.9%), 1 of them" in release.card
    )
    assert "No question behind these rows was judged by two people" in release.card
    pairs = sealing.seal("dpo", kind="preference")
    assert "| Wrong title | 1 |" in pairs.card and "| Wrong time span | 1 |" in pairs.card
    head = yaml.safe_load(pairs.card.split("---")[1])
    assert head["configs"][0]["data_files"] == [{"split": "train", "path": "PhysDPO_dpo.json"}]


def test_a_row_of_several_questions_is_found_from_each_and_so_is_what_went_on_from_its_run(client, lead):
    clip = training_clip(0)
    made = [QuestionFactory(approved=True, clip=clip) for _ in range(2)]
    for place, question in enumerate(made):
        InstructSampleFactory(clip=clip, place=place, origin="question", revision=question.revisions.get())
    release = sealing.seal("sft", kind="instruct")
    row = release.rows.get()
    assert (row.question_id, row.questions) == (None, sorted(question.pk for question in made))
    learned = TrainingRun.objects.create(name="sft-run", stage="sft")
    child = TrainingRun.objects.create(name="dpo-run", stage="dpo", parent=learned)
    TrainingRun.objects.create(name="other-run")
    RunRelease.objects.create(run=learned, release=release, sha256=release.sha256)
    for run in (learned, child):
        saved = {"folder": f"{run.name}-5", "bytes": 1, "sha256": "0" * 64, "committed_at": timezone.now()}
        Checkpoint.objects.create(run=run, step=5, **saved)
    client.force_login(lead)
    for url in (*(reverse("question", args=[question.pk]) for question in made), release.get_absolute_url()):
        page = client.get(url).content.decode()
        assert "sft-run-5" in page and "dpo-run-5" in page and "went on from sft-run" in page and "other-run" not in page
    other = QuestionFactory(approved=True)
    assert "sft-run" not in client.get(reverse("question", args=[other.pk])).content.decode()
