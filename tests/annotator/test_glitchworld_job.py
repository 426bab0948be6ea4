"""GlitchWorld's clips made in the background, from the page of those who lead."""

import pytest
from django.urls import reverse

from annotator import glitchworld_job
from annotator.models import Clip, Truth
from studio import jobs
from studio.models import Job
from tests.conftest import wait_until


def run(job):
    jobs.run(job.pk)
    job.refresh_from_db()
    return job


@pytest.mark.slow
def test_a_worker_makes_clips_with_their_truth_and_ingests_them(client, lead, start_worker):
    client.force_login(lead)
    start_worker(queues="cpu")
    answer = client.post(reverse("truths_make"), {"clips": 2, "seed": 7, "purpose": "practice"})
    job = Job.objects.get(kind=glitchworld_job.KIND)
    assert answer.url == reverse("job", args=[job.pk])
    wait_until(
        lambda: Clip.objects.filter(state=Clip.State.READY).count() == 2, seconds=150, what="two clips of GlitchWorld"
    )
    job.refresh_from_db()
    assert (job.done, job.total) == (2, 2)
    assert {clip.purpose for clip in Clip.objects.all()} == {"practice"}
    assert {clip.source for clip in Clip.objects.all()} == {"glitchworld"}
    assert Truth.objects.count() == 2


def test_the_same_wish_while_it_waits_is_one_job(db, lead):
    wish = {"clips": 3, "seed": 1, "purpose": "training", "twins": False}
    assert glitchworld_job.start(by=lead, **wish) == glitchworld_job.start(by=lead, **wish)
    assert glitchworld_job.start(by=lead, **wish | {"seed": 2}) != glitchworld_job.start(by=lead, **wish)


@pytest.mark.django_db(transaction=True)
def test_a_cancelled_job_leaves_nothing(lead):
    job = glitchworld_job.start(by=lead, clips=400, seed=1, purpose="training", twins=False)
    Job.objects.filter(pk=job.pk).update(cancel_requested=True)
    assert run(job).state == Job.State.CANCELLED
    assert not Clip.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_the_command_refuses_is_said_in_its_sentence(lead):
    job = glitchworld_job.start(by=lead, clips=0, seed=1, purpose="training", twins=False)
    assert run(job).state == Job.State.FAILED
    assert "clip" in job.error and "Traceback" not in job.error


@pytest.mark.parametrize("wrong", [{"clips": 0}, {"clips": 1001}, {"seed": -1}, {"purpose": "sale"}, {"clips": "many"}])
def test_a_bad_wish_comes_back_with_its_error(client, lead, wrong):
    client.force_login(lead)
    answer = client.post(reverse("truths_make"), {"clips": 2, "seed": 7, "purpose": "practice", **wrong})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert not Job.objects.exists()


def test_the_page_offers_it(client, lead):
    client.force_login(lead)
    assert reverse("truths_make") in client.get(reverse("truths")).text
