"""The job pages: who sees what, the progress part, cancel and retry, and the red notice when nobody works."""

import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from studio import jobs
from studio.celery import worker_key
from studio.models import Job
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def no_worker():
    cache.clear()


@pytest.fixture
def mine(annotator):
    return jobs.enqueue("studio.selfcheck", owner=annotator, title="Mine", total=10)


def running(job, *, done, total=10, seconds=10):
    started = timezone.now() - timedelta(seconds=seconds)
    jobs.claim(job.pk)
    Job.objects.filter(pk=job.pk).update(started_at=started, done=done, total=total, unit="clips")


def test_people_see_their_own_jobs_leads_and_admins_all(client, mine, annotator, lead, admin):
    theirs = jobs.enqueue("studio.selfcheck", owner=UserFactory(), title="Theirs")
    for person, sees in ((annotator, {mine}), (lead, {mine, theirs}), (admin, {mine, theirs})):
        client.force_login(person)
        assert set(client.get(reverse("jobs")).context["jobs"]) == sees
        for job in (mine, theirs):
            for name in ("job", "job_progress"):
                status = client.get(reverse(name, args=[job.pk])).status_code
                assert status == (200 if job in sees else 404)
    client.force_login(annotator)
    for name in ("job_cancel", "job_retry"):
        assert client.post(reverse(name, args=[theirs.pk])).status_code == 404
        assert client.get(reverse(name, args=[mine.pk])).status_code == 405
    theirs.refresh_from_db()
    assert theirs.state == "queued"


def test_progress_shows_bar_rate_and_time_left_and_asks_again_each_second(client, mine, annotator):
    cache.set(worker_key("io"), "here", 15)
    running(mine, done=400, total=1000, seconds=100)
    client.force_login(annotator)
    part = client.get(reverse("job_progress", args=[mine.pk]), headers=HTMX).content.decode()
    assert 'hx-trigger="every 1s"' in part and 'value="400" max="1000"' in part
    assert "40 %" in part and "400 of 1000 clips" in part and "4.0 clips/s" in part
    assert re.search(r"2 min 3[0-3] s left", part)  # a second later on a busy machine it is 1.5 more
    assert "No worker" not in part and "<html" not in part


def test_without_a_worker_it_says_so_in_red_and_how_to_start_one(client, mine, annotator):
    client.force_login(annotator)
    part = client.get(reverse("job_progress", args=[mine.pk])).content.decode()
    assert "notice bad" in part and "No worker serves the queue “io”" in part
    assert "celery -A studio worker -Q io" in part


def test_it_stops_asking_once_the_job_ended_and_tells_the_page(client, mine, annotator):
    Job.objects.filter(pk=mine.pk).update(state="done", finished_at=timezone.now())
    client.force_login(annotator)
    response = client.get(reverse("job_progress", args=[mine.pk]), headers=HTMX)
    assert b"hx-trigger" not in response.content
    assert response["HX-Trigger-After-Swap"] == "job-ended"
    assert b"No worker" not in response.content


def test_cancel_and_retry_through_htmx_and_without_it(client, mine, annotator):
    client.force_login(annotator)
    part = client.post(reverse("job_cancel", args=[mine.pk]), headers=HTMX)
    assert part.status_code == 200 and b"Do it again" in part.content
    late = client.post(reverse("job_cancel", args=[mine.pk]), headers=HTMX)
    assert late.status_code == 409 and b"ended already" in late.content
    assert client.post(reverse("job_retry", args=[mine.pk])).url == reverse("job", args=[mine.pk])
    mine.refresh_from_db()
    assert mine.state == "queued"
    page = client.post(reverse("job_retry", args=[mine.pk]), follow=True)
    assert b"neither failed nor cancelled" in page.content


def test_a_running_job_that_was_cancelled_says_it_is_stopping(client, mine, annotator):
    running(mine, done=1)
    client.force_login(annotator)
    part = client.post(reverse("job_cancel", args=[mine.pk]), headers=HTMX)
    assert b"Stopping" in part.content and b'-cancel"' not in part.content


def test_the_page_shows_error_log_and_result(client, mine, annotator):
    Job.objects.filter(pk=mine.pk).update(
        state="failed", error="Traceback\n<b>boom</b>", log="09:00:00 began\n", result={"clips": 3}
    )
    client.force_login(annotator)
    page = client.get(reverse("job", args=[mine.pk])).content.decode()
    assert "&lt;b&gt;boom&lt;/b&gt;" in page and "09:00:00 began" in page and "clips" in page
    log = client.get(reverse("job", args=[mine.pk]), {"part": "log"}, headers=HTMX).content.decode()
    assert log.strip() == "09:00:00 began"


def test_the_list_pages_by_key_filters_and_costs_the_same_for_all(client, lead, django_assert_num_queries):
    now = timezone.now()
    Job.objects.bulk_create(
        Job(kind="studio.selfcheck", queue="io", owner=lead, state="failed" if n % 2 else "done", created_at=now)
        for n in range(120)
    )
    client.force_login(lead)
    seen, query = [], {}
    for _ in range(3):
        with django_assert_num_queries(3):  # session, lead, jobs with owners
            page = client.get(reverse("jobs"), query)
        seen += [job.pk for job in page.context["jobs"]]
        query = {"before": page.context["older"]}
    assert len(seen) == 120 and seen == sorted(seen, reverse=True) and page.context["older"] is None
    failed = client.get(reverse("jobs"), {"state": "failed", "kind": "studio.selfcheck"}).context["jobs"]
    assert len(failed) == 50 and {job.state for job in failed} == {"failed"}
    assert client.get(reverse("jobs"), {"state": "nonsense", "before": "x"}).status_code == 200


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.4, "59 s"), (61, "1 min 1 s"), (3600, "1 h 0 min"), (90000, "1 day"), (200000, "2 days"), (-3, "0 s")],
)
def test_lengths_of_time_in_words(seconds, words):
    from studio.templatetags.jobs import duration

    assert duration(seconds) == words
