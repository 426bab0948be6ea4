"""What must hold of samples and pairs, and how accepted ones read in the public format."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from modelzoo.instruct.models import InstructSample, PreferencePair, video_stem
from tests.factories import ClipFactory, InstructSampleFactory, PreferencePairFactory

pytestmark = pytest.mark.django_db


def refused(make, words):
    with pytest.raises(IntegrityError, match=words), transaction.atomic():
        make()


class TestPublicRows:
    def test_conversations_of_one_clip_are_one_record(self):
        clip = ClipFactory(purpose="training", source_id="1xyz9ab")
        first = InstructSampleFactory(clip=clip, place=0, question="What breaks?", answer="The crate floats.")
        second = InstructSampleFactory(clip=clip, place=1, kind="follow_up", question="When?", answer="After two seconds.")
        InstructSampleFactory(clip=clip, place=2, state="generated")
        own = InstructSampleFactory(clip=clip, origin="question", place=0, question="Which?", answer="(B) It floats.")
        other = InstructSampleFactory(question="Is it normal?", answer="Yes, nothing breaks.", kind="glitch_free")
        rows = list(InstructSample.objects.public_rows())
        assert [row.key for row in rows] == [f"1xyz9ab-{clip.pk}", f"clip-{other.clip_id}"]
        assert rows[0].record == {
            "video": f"1xyz9ab-{clip.pk}.mp4",
            "QA": [
                {"i": "", "q": "What breaks?", "a": "The crate floats."},
                {"i": "", "q": "When?", "a": "After two seconds."},
                {"i": "", "q": "Which?", "a": "(B) It floats."},
            ],
        }
        assert rows[0].ids == (first.pk, second.pk, own.pk) and rows[0].clip_id == clip.pk

    def test_a_follow_up_without_its_question_is_left_out(self):
        clip = ClipFactory(purpose="training")
        InstructSampleFactory(clip=clip, place=0, state="rejected")
        InstructSampleFactory(clip=clip, place=1, kind="follow_up")
        assert list(InstructSample.objects.public_rows()) == []

    def test_a_pair_has_the_fields_of_the_public_file(self):
        pair = PreferencePairFactory(sample__clip__source_id="a/b c", rejected_score=2.0)
        (row,) = PreferencePair.objects.public_rows()
        stem = video_stem(pair.clip_id, "a/b c")
        assert row.record == {
            "id": f"{stem}_{pair.pk}",
            "video": f"{stem}.mp4",
            "prompt": pair.prompt,
            "chosen": pair.chosen,
            "rejected": pair.rejected,
            "chosen_score": 5.0,
            "rejected_score": 2.0,
        }
        assert row.key == f"{stem}_{pair.pk}" and "/" not in stem

    def test_nothing_of_a_clip_that_is_no_training_clip_any_more(self):
        pair = PreferencePairFactory()
        for field, value in (("purpose", "benchmark"), ("purpose", "training"), ("state", "failed")):
            type(pair.clip).objects.filter(pk=pair.clip_id).update(**{field: value})
            shown = value == "training"
            assert (
                bool(list(InstructSample.objects.public_rows())) == shown == bool(list(PreferencePair.objects.public_rows()))
            )

    def test_nor_a_pair_whose_true_answer_was_rejected(self):
        pair = PreferencePairFactory()
        InstructSample.objects.filter(pk=pair.sample_id).update(state="rejected", reason="wrong")
        assert list(PreferencePair.objects.public_rows()) == []


class TestTheDatabase:
    def test_it_takes_training_clips_only(self):
        benchmark = ClipFactory()
        refused(lambda: InstructSampleFactory(clip=benchmark), "training clips only")
        sample = InstructSampleFactory()
        refused(lambda: PreferencePairFactory(sample=sample, clip=benchmark), "training clips only")

    def test_a_rejected_row_has_its_reason_and_no_other_has(self):
        refused(lambda: InstructSampleFactory(state="rejected", reason=""), "rejected_sample_has_its_reason")
        refused(lambda: InstructSampleFactory(reason="wrong"), "rejected_sample_has_its_reason")
        refused(lambda: InstructSampleFactory(decided_at=None), "decided_sample_has_its_time")
        refused(lambda: InstructSampleFactory(state="generated", decided_at=timezone.now()), "decided_sample_has_its_time")

    def test_an_accepted_pair_prefers_what_it_says_it_prefers(self):
        refused(lambda: PreferencePairFactory(rejected=""), "accepted_pair_has_two_answers")
        sample = InstructSampleFactory()
        refused(lambda: PreferencePairFactory(sample=sample, rejected=sample.answer), "accepted_pair_has_two_answers")
        refused(lambda: PreferencePairFactory(rejected_score=5.0), "accepted_pair_prefers_the_chosen")
        refused(lambda: PreferencePairFactory(chosen_score=5.5), "pair_scores_are_0_to_5")
