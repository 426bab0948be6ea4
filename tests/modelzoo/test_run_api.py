"""Training runs over the API."""

import pytest

from modelzoo.models import TrainingRun
from modelzoo.runs import series
from studio import jobs
from studio.models import ApiToken, Job
from tests.modelzoo.runs import PLAN, training_room  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("training_room")]


@pytest.fixture
def ask(client, lead):
    _token, secret = ApiToken.issue(user=lead, name="test")

    def send(method, path, data=None):
        headers = {"Authorization": f"Bearer {secret}"}
        more = {} if data is None else {"data": data, "content_type": "application/json"}
        response = getattr(client, method)(f"/api/v1/runs/{path}", headers=headers, **more)
        return response.status_code, response.json()

    return send


def test_choices_estimate_start_and_stop_by_token(ask, lead):
    status, offered = ask("get", "choices/")
    assert status == 200 and [one["id"] for one in offered["data"]] == ["worlds/train"]
    assert {one["name"] for one in offered["presets"]} >= {"tiny-sft", "tiny-dpo"}
    status, job = ask("post", "estimates/", PLAN | {"name": "by-token"})
    assert (status, job["state"], job["queue"]) == (202, "queued", "gpu")
    status, refused = ask("post", "", {"estimate": job["id"]})
    assert status == 409 and "Wait for it" in refused["error"]["message"]
    jobs.run(job["id"])
    (status, run), (again, same) = (ask("post", "", {"estimate": job["id"]}) for _ in range(2))
    assert (status, again, run["id"]) == (202, 202, same["id"])
    assert (run["name"], run["state"], run["owner"]["id"], run["estimate"]["fits"]) == ("by-token", "queued", lead.pk, True)
    assert ask("post", f"{run['id']}/stop/")[1]["state"] == "stopped"
    status, late = ask("post", f"{run['id']}/stop/")
    assert status == 409 and "stopped now" in late["error"]["message"]
    assert ask("post", f"{run['id']}/resume/")[1]["state"] == "queued"
    status, found = ask("get", "?state=queued&stage=sft")
    assert [one["id"] for one in found["results"]] == [run["id"]]
    assert TrainingRun.objects.get().events.last().pgh_context["user"] == lead.pk


def test_a_bad_plan_is_told_at_its_field(ask):
    status, said = ask("post", "estimates/", PLAN | {"overrides": ["learnig_rate=1"]})
    assert status == 422 and "learning_rate" in str(said["error"])
    status, said = ask("post", "estimates/", PLAN | {"data": ["../etc"]})
    assert status == 422 and "not offered" in str(said["error"])
    assert ask("post", "", {"estimate": 10**9})[0] == 422
    assert not Job.objects.exists()


def test_curves_by_token(ask):
    run = TrainingRun.objects.create(name="one", stage="sft")
    series.append(run, [{"step": n, "loss": 1 / n} for n in range(1, 11)])
    TrainingRun.objects.filter(pk=run.pk).update(metric_lines=10)
    status, found = ask("get", f"{run.pk}/series/?keys=step,loss,nothing&since=3&until=4")
    assert status == 200 and found["lines"] == 10 and set(found["columns"]) == {"step", "loss"}
    assert 3 in found["columns"]["step"]["mean"] and 10 not in found["columns"]["step"]["mean"]
    assert ask("get", f"{run.pk}/series/")[0] == 422
