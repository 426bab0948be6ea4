"""The demo's way to a checkpoint, with the trainer left out: what goes in, and that doing it again changes nothing."""

import pytest

from annotator.models import Clip, ClipFamily
from modelzoo import demo_chain
from modelzoo.instruct.models import InstructSample, PreferencePair
from modelzoo.models import Release, TrainingRun
from studio import jobs
from studio.models import Job
from tests.modelzoo.films import film
from tests.modelzoo.test_export import approved

pytestmark = pytest.mark.django_db


def trained(run, plan, by):
    made, _new = TrainingRun.objects.get_or_create(name=plan.name, defaults={"state": "finished", "stage": plan.stage})
    return made


def test_the_chain_is_sealed_once_and_its_job_may_run_again(lead, monkeypatch):
    for mark in range(3):
        approved(video=film(mark), clip_source=Clip.Source.DEMO)
    twin = approved(video=film(9), clip_source=Clip.Source.DEMO, clip_family=ClipFamily.objects.create())
    monkeypatch.setattr(demo_chain, "_train", trained)
    for _time in range(2):
        job = demo_chain.start(by=lead)
        assert demo_chain.start(by=lead) == job
        assert jobs.run(job.pk) == Job.State.DONE
        counts = InstructSample.objects.count(), PreferencePair.objects.count()
        TrainingRun.objects.filter(name=demo_chain.DPO).delete()  # as if it had been killed before
        found = dict(Release.objects.values_list("name", "rows_count"))
        assert found == {demo_chain.BENCHMARK: 3, demo_chain.INSTRUCT: 1, demo_chain.PREFERENCE: counts[1]}
        assert counts == (3, 4)  # stem, span and choice of one question; three distractors and a wrong span
    assert Clip.objects.get(pk=twin.clip.pk).purpose == Clip.Purpose.BENCHMARK
    trained(None, type("Plan", (), {"name": demo_chain.DPO, "stage": "dpo"}), None)
    assert demo_chain.start(by=lead) is None
