"""The pages of training runs: who may see them, what they say in each state, and how many queries that costs."""

import re
import uuid

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from modelzoo.models import TrainingRun
from modelzoo.runs import charts, planning, series
from studio import jobs
from studio.celery import worker_key
from studio.models import Job
from tests.factories import UserFactory
from tests.modelzoo.runs import queued, training_room  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("training_room")]
FORM = {"preset": "tiny-sft", "data": ["worlds/train"], "overrides": "max_steps=40\n\nbatch = 8", "processes": "1"}
TEXT = {"headers": {"HX-Request": "true"}}


@pytest.fixture
def page(client, lead):
    client.force_login(lead)
    cache.set(worker_key("gpu"), "somebody", 60)
    return client


def make_run(**fields):
    values = {"name": f"run-{uuid.uuid4().hex[:8]}", "stage": "sft", "preset": "tiny-sft", "host": "here", "carried": True}
    return TrainingRun.objects.create(**values | fields)


def plan_of(client, **changes):
    response = client.post(reverse("run_new"), FORM | changes)
    assert response.status_code == 302, response.context["form"].errors
    return Job.objects.get(pk=int(response.url.strip("/").split("/")[-1]))


def test_from_the_form_over_the_estimate_to_the_run(page, lead):
    job = plan_of(page, name="first-try")
    assert (job.kind, job.queue, job.owner) == ("modelzoo.estimate", "gpu", lead)
    assert job.arguments["overrides"] == ["max_steps=40", "batch = 8"]
    waiting = page.get(reverse("run_plan", args=[job.pk])).content.decode()
    assert "Start the run" not in waiting and "Queued" in waiting
    assert page.post(reverse("run_start", args=[job.pk])).status_code == 409
    jobs.run(job.pk)
    shown = page.get(reverse("run_plan", args=[job.pk]) + "?part=estimate", **TEXT).content.decode()
    assert "Start the run" in shown and "9.0 MB" in shown and "12 s" in shown and "<html" not in shown
    first, second = (page.post(reverse("run_start", args=[job.pk])) for _ in range(2))
    run = TrainingRun.objects.get()
    assert first.url == second.url == reverse("run", args=[run.pk])
    assert (run.name, run.owner, run.state) == ("first-try", lead, "queued")
    again = page.get(f"{reverse('run_new')}?like={job.pk}").context["form"]
    assert again["overrides"].value() == "max_steps=40\nbatch = 8" and again["data"].value() == ["worlds/train"]


def test_what_cannot_fit_has_no_button_and_says_what_would_do(page):
    job = plan_of(page, overrides="batch=100000")
    jobs.run(job.pk)
    shown = page.get(reverse("run_plan", args=[job.pk])).content.decode()
    assert "This cannot fit." in shown and "--set batch=8" in shown and "Start the run" not in shown
    assert page.post(reverse("run_start", args=[job.pk])).status_code == 409


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"overrides": "learnig_rate=1"}, "overrides", "Did you mean learning_rate?"),
        ({"overrides": "batch"}, "overrides", "KEY=VALUE"),
        ({"data": []}, "data", "required"),
        ({"data": ["../../etc"]}, "data", "not one of the available choices"),
        ({"preset": "tiny-dpo"}, "init", "choose its weights"),
        ({"init": "run:99:model"}, "init", "not one of the available choices"),
        ({"processes": "0"}, "processes", "greater than or equal to 1"),
        ({"name": "../x"}, "name", "letters, digits"),
        ({"name": "taken"}, "name", "already"),
    ],
)
def test_a_bad_form_comes_back_with_a_sentence_at_its_field(page, changes, field, sentence):
    make_run(name="taken")
    response = page.post(reverse("run_new"), FORM | changes)
    assert response.status_code == 422 and sentence in str(response.context["form"].errors[field])
    assert not Job.objects.exists()


def test_without_data_the_form_says_where_to_put_it(page, settings, tmp_path):
    settings.TRAINING_DATA_DIRS = [str(tmp_path / "nothing-here")]
    shown = page.get(reverse("run_new")).content.decode()
    assert "There is nothing to train on yet" in shown and "nothing-here" in shown


def test_the_list_is_empty_then_filled_filtered_and_paged(page, django_assert_max_num_queries):
    assert "No runs yet" in page.get(reverse("runs")).content.decode()
    for number in range(35):
        make_run(name=f"run number {number} with a very long name {'x' * 100}", state="finished", latest={"loss": 0.123456})
    make_run(name="lost one", state="lost", stage="dpo")
    with django_assert_max_num_queries(4):
        shown = page.get(reverse("runs")).content.decode()
    assert shown.count("<tr>") == 31 and "lost one" in shown and "0.1235" in shown and "Older" in shown
    assert page.get(reverse("runs") + "?state=lost").content.decode().count("<tr>") == 2
    assert "No runs fit" in page.get(reverse("runs") + "?state=failed").content.decode()
    assert page.get(reverse("runs") + "?before=x&state=odd").status_code == 200


def test_a_run_shows_its_state_figures_checkpoints_answers_and_lineage(page, lead, django_assert_max_num_queries):
    parent = make_run(name="parent", state="finished")
    spec = {"data": [{"path": "/d/x", "kind": "public", "rows": 5, "clips": 2, "sha256": "ab" * 32}], "commit": "c0ffee" * 6}
    spec |= {"data_sha256": "cd" * 32, "overrides": {"batch": 8}, "settings": {"batch": 8}, "versions": {"torch": "2.13"}}
    latest = {"loss": 0.5, "samples_per_s": 12.345, "mfu": 0.317, "memory_bytes": 2.5e9, "elapsed_s": 3725}
    run = make_run(state="running", parent=parent, parent_step=40, spec=spec, latest=latest, step=5, steps=10, eta_s=61)
    for step in (1, 5):
        run.checkpoints.create(
            step=step, folder=f"step-{step}", bytes=2048, sha256="ef" * 32, committed_at=timezone.now(), is_kept=step == 5
        )
        asked = {"clip_id": "clip-7", "question": "Why?", "expected": "<b>that</b>"}
        for _twice in range(2):  # two pairs of one question
            run.samples.create(step=step, answer=f"because {step}", **asked)
    with django_assert_max_num_queries(14):
        shown = page.get(reverse("run", args=[run.pk])).content.decode()
    for text in ("31.7 %", "2.50 GB", "12.35", "1 h 2 min", "1 min 1 s", "abab", "c0ffee", "because 5", "removed by"):
        assert text in shown, text
    assert "&lt;b&gt;that" in shown and f"init=run:{run.pk}:5" in shown and shown.count("because 5") == 1
    assert "parent</a>, step 40" in re.sub(r"\s+", " ", shown)
    for part in ("state", "log", "rest"):
        response = page.get(f"{reverse('run', args=[run.pk])}?part={part}", **TEXT)
        assert response.status_code == 200 and b"<html" not in response.content and len(response.content) < 30_000


@pytest.mark.parametrize("state", TrainingRun.State.values)
def test_every_state_has_its_page_and_only_the_buttons_that_work(page, state):
    run = make_run(state=state, error="It ended in an odd way." if state in ("failed", "lost") else "")
    shown = page.get(reverse("run", args=[run.pk])).content.decode()
    assert ('id="run-stop"' in shown) == (state in ("queued", "starting", "running"))
    assert ('id="run-resume"' in shown) == (state in ("failed", "stopped", "interrupted", "lost"))
    assert ("It ended in an odd way." in shown) == (state in ("failed", "lost"))
    assert ("every 2s" in shown) == (state in ("queued", "starting", "running", "stopping"))


def test_without_a_worker_the_page_says_so_and_how_to_start_one(page):
    cache.delete(worker_key("gpu"))
    run = make_run(state="running")
    for path in (reverse("run", args=[run.pk]), reverse("runs")):
        assert "celery -A studio worker -Q gpu" in page.get(path).content.decode()


def test_stop_and_resume_by_htmx_and_by_form_and_twice(page, lead):
    run = make_run(state="running", plan={"preset": "tiny-sft", "data": ["x"]})
    stop, resume = reverse("run_stop", args=[run.pk]), reverse("run_resume", args=[run.pk])
    response = page.post(stop, **TEXT)
    assert response.status_code == 200 and b"Stopping" in response.content
    late = page.post(stop, **TEXT)
    assert late.status_code == 409 and b"is stopping now" in late.content
    assert page.post(resume).status_code == 302
    run.move(to="stopped", allowed=["stopping"])
    assert page.post(resume).url == reverse("run", args=[run.pk])
    run.refresh_from_db()
    assert run.state == "queued"
    entry = run.events.order_by("pgh_id").last()
    assert entry.state == "queued" and entry.pgh_context["user"] == lead.pk


def test_a_queued_run_says_what_it_waits_for(page):
    make_run(name="the busy one", state="running")
    run = make_run(state="queued", host="")
    assert "waits for the busy one" in page.get(reverse("run", args=[run.pk])).content.decode()


def test_series_are_bounded_and_take_odd_questions(page):
    run = make_run()
    lines = [{"step": n, "loss": 1 / n, "odd/key": 1, "elapsed_s": n} for n in range(1, 4001)]
    series.append(run, lines)
    TrainingRun.objects.filter(pk=run.pk).update(metric_lines=4000)
    address = reverse("run_series", args=[run.pk])
    whole = page.get(address, {"keys": "step,loss,odd/key,step"})
    assert set(whole.json()["columns"]) == {"step", "loss"} and len(whole.content) < 60_000
    everything = {key: 123.456 for key in charts.KEYS}
    long = make_run(stage="dpo")
    series.append(long, [everything | {"step": n, "loss": n / 7, "mfu": 1 / n} for n in range(1, 2049)])
    TrainingRun.objects.filter(pk=long.pk).update(metric_lines=2048)
    most = page.get(reverse("run_series", args=[long.pk]), {"keys": ",".join(charts.KEYS)})
    assert len(most.json()["columns"]["loss"]["mean"]) == 512 and len(most.content) < 250_000
    near = page.get(address, {"keys": "step,loss", "since": "100", "until": "150"}).json()
    assert near["level"] == 0 and near["columns"]["loss"]["mean"][near["columns"]["step"]["mean"].index(125)] == 0.008
    known = {"level": whole.json()["level"], "known": len(whole.json()["columns"]["loss"]["mean"])}
    assert len(page.get(address, {"keys": "loss", **known}).json()["columns"]["loss"]["mean"]) == 1
    for odd in ("since=nan", "since=9&until=1", "level=-3&known=-1", "level=0&known=1e14", "level=x", ""):
        assert page.get(f"{address}?keys=loss&{odd}").status_code == 200, odd


def test_comparing_takes_six_and_says_so(page):
    found = [make_run(name=f"run {n}", stage="dpo" if n else "sft") for n in range(8)]
    shown = page.get(reverse("run_compare"), {"run": [run.pk for run in found]})
    assert len(shown.context["page"]["runs"]) == 6 and "The first 6 runs are shown." in shown.content.decode()
    assert "No run is chosen" in page.get(reverse("run_compare") + "?run=x&run=999999").content.decode()


def test_only_leads_and_admins_come_in(client):
    run = make_run()
    for roles, status in ((["annotator", "reviewer"], 403), (["lead"], 200), (["admin"], 200)):
        client.force_login(UserFactory(roles=roles))
        for name in ("runs", "run_new", "run_compare"):
            assert client.get(reverse(name)).status_code == status
        assert client.get(reverse("run", args=[run.pk])).status_code == status


def test_exports_with_videos_are_offered_and_unpacked_once(page, lead):
    from modelzoo import export_jobs, exporting
    from modelzoo.runs import choices
    from tests.modelzoo.test_export import MP4, approved

    approved(video=MP4 + b"for training")
    for videos in ("copy", "none"):
        jobs.run(export_jobs.start(by=lead, options=exporting.Options(videos=videos)).pk)
    job = Job.objects.filter(kind=export_jobs.KIND, arguments__videos="copy").get()
    assert [choice.id for choice in choices.exports()] == [f"export:{job.pk}"]
    path = choices.path_of_data(f"export:{job.pk}")
    assert next(path.glob("PhysGame_*_annotation.json")) and next(path.rglob("*.mp4")).read_bytes().endswith(b"for training")
    export_jobs.remove(job)
    job.refresh_from_db()
    assert choices.path_of_data(f"export:{job.pk}") == path and choices.exports() == []
    assert planning.Plan(**Job(arguments={"preset": "tiny-sft", "data": []}).arguments).stage == "sft"
