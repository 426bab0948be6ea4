"""A leak check in a real browser: its author learns which words give the question away, a lead lets it pass."""

import json

import pytest
from playwright.sync_api import expect

from qc import leaks
from studio import jobs
from studio.models import Job
from tests.factories import QuestionFactory, UserFactory
from tests.llm_server import KEY, LLMServer, keyword

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_author_probes_words_and_a_lead_waives(page_for, settings, monkeypatch):
    monkeypatch.setenv("TEST_LLM_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    question = QuestionFactory(submitted=True, author__username="ann")
    with LLMServer() as server:
        server.add("wordy", keyword("hangs in the air"))
        settings.LLM_MODELS = json.dumps([server.entry("wordy")])
        job, _count = leaks.start([question.revisions.get().pk])
        jobs.run(job.pk)

        page = page_for(question.author, question.get_absolute_url())
        panel = page.locator("#leak-check")
        expect(panel.get_by_text("4 of 4 orders right")).to_be_visible()
        expect(page.get_by_text("Answerable without the clip")).to_be_visible()
        panel.get_by_text("Which words give it away?").click()
        expect(panel.get_by_text("Asks wordy; costs at most $0.0")).to_be_visible()
        panel.get_by_label("In", exact=True).select_option("correct")
        panel.get_by_label("replace", exact=True).fill("hangs in the air")
        panel.get_by_label("by (nothing: leave it out)").fill("stays")
        panel.get_by_role("button", name="Try").click()
        expect(page.get_by_text("The probe has begun")).to_be_visible()
        jobs.run(Job.objects.latest("pk").pk)
        page.reload()
        expect(panel.get_by_role("row", name="hangs in the air stays")).to_contain_text("1/4")

    page = page_for(UserFactory(username="lea", roles=["lead"]), "/leaks/")
    page.get_by_role("link", name=str(question.pk), exact=True).click()
    page.get_by_text("Let it pass all the same").click()
    page.get_by_label("Reason").fill("People without the clip guess this no better than chance.")
    page.get_by_role("button", name="Waive the leak check").click()
    expect(page.locator("#leak-check").get_by_text("People without the clip")).to_be_visible()
    expect(page.locator("h1 .badge")).to_have_text("Submitted")
