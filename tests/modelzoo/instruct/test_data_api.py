"""Samples and pairs over the API."""

import pytest

from modelzoo.instruct.models import InstructSample
from studio import jobs
from studio.models import Job
from tests.factories import InstructSampleFactory, PreferencePairFactory, UserFactory
from tests.llm_server import talks

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(client):
    client.force_login(UserFactory(roles=["lead"], username="lead"))

    def ask(method, path, data=None):
        data = {"data": data, "content_type": "application/json"} if method != "get" else {"data": data}
        response = getattr(client, method)(f"/api/v1/{path}", **data)
        return response.status_code, response.json()

    return ask


def test_deciding_about_samples(api):
    sample = InstructSampleFactory(state="generated")
    code, found = api("get", "instruct/next/")
    assert code == 200 and found["sample"]["id"] == sample.pk and found["sample"]["version"] == 0
    words = {"question": "What floats in it?", "answer": "The red crate, in the air."}
    code, row = api("post", f"instruct/{sample.pk}/edit/", {"version": 0, **words})
    assert (code, row["state"], row["version"], row["decided_by"]["username"]) == (200, "accepted", 1, "lead")
    assert row["answer"] == words["answer"] and row["made"]["question"] == sample.question
    code, error = api("post", f"instruct/{sample.pk}/reject/", {"version": 0, "reason": "wrong"})
    assert code == 409 and "came first" in error["error"]["message"]
    for action, data, field in (
        ("reject", {"version": 1, "reason": "title"}, "reason"),
        ("reject", {"version": 1}, "reason"),
        ("accept", {}, "version"),
        ("edit", {"version": 1, "question": "What floats in it?", "answer": "It."}, "answer"),
    ):
        code, error = api("post", f"instruct/{sample.pk}/{action}/", data)
        assert code == 422 and field in error["error"]["fields"], (action, error)
    code, row = api("post", f"instruct/{sample.pk}/reopen/", {"version": 1})
    assert (code, row["state"], row["question"], row["made"]) == (200, "generated", sample.question, None)
    assert api("post", f"instruct/{sample.pk}/accept/", {"version": 2})[1]["state"] == "accepted"
    assert api("get", "instruct/next/") == (200, {"sample": None})
    assert api("post", "instruct/999999/accept/", {"version": 0})[0] == 404


def test_deciding_about_pairs(api):
    pair = PreferencePairFactory(state="generated", verdict="")
    code, row = api("post", f"preference/{pair.pk}/reject/", {"version": 0, "reason": "both_true"})
    assert (code, row["state"], row["reason"], row["version"]) == (200, "rejected", "both_true", 1)
    assert api("post", f"preference/{pair.pk}/accept/", {"version": 0})[0] == 409
    code, row = api("post", f"preference/{pair.pk}/accept/", {"version": 1})
    assert (code, row["state"]) == (200, "accepted") and row["chosen_means"] == "all of it: what is taken for the truth"


def test_lists_filter(api):
    pair = PreferencePairFactory(kind="spatial")
    InstructSampleFactory(kind="choice", state="rejected", reason="bad_choice")
    assert [row["kind"] for row in api("get", "instruct/", {"reason": "bad_choice"})[1]["results"]] == ["choice"]
    assert [row["id"] for row in api("get", "preference/", {"kind": "spatial"})[1]["results"]] == [pair.pk]
    assert api("get", "preference/", {"sample": pair.sample_id + 1})[1]["results"] == []
    assert api("get", "instruct/", {"state": "odd"})[0] == 422
    assert api("get", f"preference/{pair.pk}/")[1]["overlap"] == pytest.approx(pair.overlap)


def test_figures(api):
    PreferencePairFactory(sample__decided_by=UserFactory())
    found = api("get", "instruct/figures/")[1]
    assert found["counts"] == [{"origin": "model", "state": "accepted", "kind": "open", "reason": "", "count": 1}]
    assert found["acceptance"][0]["accepted"]["hits"] == 1 and found["acceptance"][0]["kind"] == ""
    (kind,) = api("get", "preference/figures/")[1]["kinds"]
    assert kind["wrong"]["n"] == 1 and kind["people"]["value"] is None


def test_estimates_and_builds(api, training_clip, use, server):
    training_clip(title="x"), training_clip(title="y")
    use(talks({"x": "The red crate hangs in the air."}))
    code, plan = api("post", "instruct/estimates/", {"limit": 1})
    assert code == 200 and (plan["model"], plan["calls"], plan["clips"]) == ("m", 1, 1)
    assert float(plan["most_usd"]) == pytest.approx((plan["tokens_in"] * 2.5 + plan["tokens_out"] * 10) / 1e6, abs=1e-6)
    assert not server.asked and not Job.objects.exists()
    code, job = api("post", "instruct/builds/", {"accept": True})
    assert code == 202 and job["total"] == 2 and jobs.run(job["id"]) == "done"
    assert InstructSample.objects.filter(state="accepted").exists()
    code, error = api("post", "instruct/builds/", {})
    assert code == 409 and "nothing to build" in error["error"]["message"]
    code, plan = api("post", "preference/estimates/", {"ways": ["temporal", "meta+spatial"], "scale": "1/8"})
    assert code == 200 and plan["calls"] == plan["judge_calls"] > 0
    code, job = api("post", "preference/builds/", {"ways": ["temporal"], "limit": 1})
    assert code == 202 and job["total"] == 1
    for bad in ({"ways": ["upside"]}, {"scale": "0/0"}, {"limit": 0}, {"model": "nobody"}, {"scale": "2"}):
        assert api("post", "preference/estimates/", bad)[0] == 422, bad
    assert api("post", "instruct/estimates/", {"model": "nobody"})[0] == 422


def test_without_a_model_the_estimate_says_so(api, settings):
    settings.LLM_MODELS = "[]"
    code, plan = api("post", "instruct/estimates/", {})
    assert code == 200 and plan["model"] is None and plan["no_model"] and plan["calls"] == 0
