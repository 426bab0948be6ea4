"""The gate: an export holds what has passed the leak check, unless it is told otherwise, and then its card says so."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from modelzoo import exporting
from modelzoo.exporting import Options
from qc.leak_models import LeakCheck, LeakWaiver
from studio import jobs
from studio.models import Job
from tests.modelzoo.test_export import annotation, approved

pytestmark = pytest.mark.django_db
TEXTS, ANY = Options(videos="none"), Options(videos="none", allow_unchecked=True)


def judged(state, **fields):
    """An approved question whose leak check says `state`; None: it was never checked."""
    question = approved(**fields)
    if state is None:
        LeakCheck.objects.filter(revision__question=question).delete()
    else:
        verdict = state in LeakCheck.VERDICTS
        LeakCheck.objects.filter(revision__question=question).update(state=state, current=verdict)
    return question


def ids(folder):
    return {row["question_id"] for row in annotation(folder)}


def name(question):
    return f"pg{question.pk}"


def test_only_clear_and_waived_questions_get_in(tmp_path, lead):
    clear, waived = judged("clear"), judged("unsure")
    LeakWaiver.objects.create(revision=waived.revisions.get(), lead=lead, reason="Fine.")
    others = [judged(state) for state in ("leaky", "unsure", "failed", "checking", None)]
    summary = exporting.export(tmp_path / "out", options=TEXTS)
    assert ids(tmp_path / "out") == {name(clear), name(waived)}
    assert (summary.questions, summary.left_out) == (2, 5)
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert manifest["leak_check"] == {"models": ["model"], "questions": {"clear": 1, "waived": 1}}
    card = (tmp_path / "out/README.md").read_text()
    assert "1 of 2 are clear, 1 were let pass by a lead" in card and "Unchecked questions were allowed" not in card

    summary = exporting.export(tmp_path / "all", options=ANY)
    assert ids(tmp_path / "all") == {name(question) for question in (clear, waived, *others)} and summary.left_out == 0
    card = (tmp_path / "all/README.md").read_text()
    assert "**Unchecked questions were allowed in this export: 1 were never checked, 1 were being checked" in card
    assert "1 can be answered from the text alone" in card


def test_where_nothing_was_checked_the_card_says_there_is_no_check(tmp_path):
    judged(None)
    exporting.export(tmp_path / "out", options=ANY)
    assert "There is no leak check" in (tmp_path / "out/README.md").read_text()


def test_a_verdict_on_an_older_revision_does_not_count(tmp_path):
    from tests.factories import RevisionFactory

    question = judged("clear")
    RevisionFactory(question=question, number=2, stem="Another wording?")
    type(question).objects.filter(pk=question.pk).update(revision_number=2)
    with pytest.raises(exporting.CannotExport, match="has not passed the leak check"):
        exporting.export(tmp_path / "out", options=TEXTS)


def test_the_command_says_what_to_do(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    judged(None)
    with pytest.raises(CommandError, match="has not passed.*Set OPENAI_API_KEY.*check_leaks.*--allow-unchecked"):
        call_command("export_physgame", tmp_path / "out", "--videos", "none")
    assert not (tmp_path / "out").exists()
    call_command("export_physgame", tmp_path / "out", "--videos", "none", "--allow-unchecked")
    judged("clear")
    call_command("export_physgame", tmp_path / "two", "--videos", "none")
    assert "1 approved questions were left out, because their leak check" in capsys.readouterr().out


def test_the_page_counts_what_is_left_out_and_lets_a_lead_take_it_along(client, lead, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    judged(None)
    judged("leaky")
    client.force_login(lead)
    text = client.get(reverse("exports")).content.decode()
    assert "Not checked for leaks" in text and "The leak check found a leak" in text and "Set OPENAI_API_KEY" in text
    for choice, state in [({}, "failed"), ({"allow_unchecked": "on"}, "done")]:
        client.post(reverse("exports"), {"purpose": "benchmark", "videos": "none", **choice})
        job = Job.objects.latest("pk")
        jobs.run(job.pk)
        job.refresh_from_db()
        assert job.state == state
    assert job.result["questions"] == 2


def test_the_api_takes_the_same_choice(client, lead):
    judged(None)
    client.force_login(lead)
    body = json.dumps({"videos": "none", "allow_unchecked": True})
    response = client.post("/api/v1/exports/", body, content_type="application/json")
    assert response.status_code == 202
    assert jobs.run(response.json()["id"]) == "done"
