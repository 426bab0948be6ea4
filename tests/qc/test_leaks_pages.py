"""The leads' page of leak checks, the panel on a question's page, probes, and the command."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from annotator.models import Question
from qc import leak_probes, leaks
from qc.leak_models import LeakAnswer, LeakCheck, LeakProbe, LeakWaiver
from studio import jobs
from studio.models import Job
from tests.factories import CONTENT, QuestionFactory, UserFactory
from tests.llm_server import always, keyword, knows, status
from tests.qc.test_leaks import KNOWN, check, submitted

pytestmark = pytest.mark.django_db


def page(client, question):
    return client.get(question.get_absolute_url()).content.decode()


class TestThePage:
    def test_it_lists_what_was_found_and_says_what_the_check_cannot_know(self, client, lead, use):
        use(wise=knows(KNOWN))
        leaky = submitted()
        check(leaky)
        client.force_login(lead)
        text = client.get(reverse("leaks")).content.decode()
        assert "wise chose the correct option in 4 of 4 orders" in text and f"{leaky.get_absolute_url()}#leak-check" in text
        assert "these models on one day" in text and "$20.00 is spent or reserved" in text and "1 of 256" in text
        assert leaky.get_absolute_url() not in client.get(reverse("leaks") + "?show=clear").content.decode()

    @pytest.mark.parametrize("show", ["leaky", "unsure", "failed", "checking", "clear", "unchecked", "nonsense"])
    def test_every_tab_opens_with_rows_and_without(self, client, lead, use, show):
        client.force_login(lead)
        address = f"{reverse('leaks')}?show={show}"
        assert client.get(address).status_code == 200
        use(down=status(400))
        check(submitted())
        submitted(correct="Another option.")
        assert client.get(address + "&before=99").status_code == 200

    def test_who_may_still_answer_blind_reads_no_key_here(self, client, lead, use):
        question = submitted()
        use(m=always("B"))
        shown = {}
        for roles in (["lead"], ["lead", "reviewer"]):
            lead.roles = roles
            lead.save(update_fields=["roles"])
            client.force_login(lead)
            text = client.get(reverse("leaks") + "?show=unchecked").content.decode()
            assert question.get_absolute_url() in text
            shown["reviewer" in roles] = CONTENT["correct"] in text
        assert shown == {False: True, True: False}

    def test_without_a_key_it_says_what_to_do_and_the_button_rests(self, client, lead, settings, monkeypatch):
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        client.force_login(lead)
        text = client.get(reverse("leaks")).content.decode()
        assert "Set OPENAI_API_KEY" in text and "disabled" in text
        question = submitted()
        assert "Set OPENAI_API_KEY" in page(client, question)
        client.post(reverse("leaks_start"))
        client.post(reverse("leak_check", args=[question.pk]))
        assert not Job.objects.exists()

    def test_the_button_checks_what_is_unchecked(self, client, lead, use):
        use(m=always("B"))
        for state in ({"submitted": True}, {"returned": True}, {}):
            QuestionFactory(**state)
        client.force_login(lead)
        assert client.post(reverse("leaks_start")).status_code == 302
        (found,) = LeakCheck.objects.all()
        assert found.revision.question.state == "submitted" and jobs.run(found.job_id) == "done"
        client.post(reverse("leaks_start"))
        assert LeakCheck.objects.count() == 1

    def test_it_costs_the_same_however_many(self, client, lead, use, django_assert_num_queries):
        use(m=always("B"))
        for n in range(4):
            check(submitted(correct=f"Option {n} of many."))
        client.force_login(lead)
        with django_assert_num_queries(4):  # session, person, checks with all they belong to, budget
            client.get(reverse("leaks") + "?show=clear")


class TestThePanel:
    def test_author_and_lead_see_the_evidence_and_nobody_else_the_panel(self, client, lead, reviewer, use):
        use(wise=knows(KNOWN))
        question = submitted()
        check(question)
        for person in (lead, question.author):
            client.force_login(person)
            text = page(client, question)
            assert "4 of 4 orders right" in text and "Options alone" in text and "wise-2026" in text
        both = UserFactory(roles=["lead", "reviewer"])
        other = submitted(correct="Something else floats.")
        client.force_login(both)
        assert 'id="leak-check"' not in page(client, other), "who may still answer blind sees no evidence"

    def test_a_lead_waives_with_a_reason_and_the_author_cannot(self, client, lead, use):
        use(wise=knows(KNOWN))
        question = submitted(author=UserFactory(roles=["annotator", "lead"]))
        check(question)
        address = reverse("leak_waive", args=[question.pk])
        client.force_login(question.author)
        assert client.post(address, {"reason": "Mine."}).status_code == 403
        client.force_login(lead)
        client.post(address, {"reason": " "})
        assert not LeakWaiver.objects.exists()
        client.post(address, {"reason": "People found it hard."})
        text = page(client, question)
        assert "People found it hard." in text and "waived the check of revision 1" in text
        client.post(address, {"reason": "Twice."})
        assert LeakWaiver.objects.get().reason == "People found it hard."

    def test_a_lead_sends_an_approved_one_back(self, client, lead, use):
        use(wise=knows(KNOWN))
        question = QuestionFactory(approved=True)
        check(question)
        client.force_login(lead)
        assert "Send back to its author" in page(client, question)
        client.post(reverse("leak_return", args=[question.pk]))
        question.refresh_from_db()
        assert question.state == "returned" and "Answerable without the clip" in page(client, question)
        assert client.post(reverse("leak_return", args=[question.pk])).status_code == 302

    def test_checking_again_shows_the_history(self, client, lead, use):
        use(m=always("B"))
        question = submitted()
        check(question)
        client.force_login(lead)
        client.post(reverse("leak_check", args=[question.pk]))
        assert "asked just now" in page(client, question)
        jobs.run(LeakCheck.objects.latest("pk").job_id)
        assert "Earlier checks" in page(client, question)

    def test_a_strangers_question_is_not_there(self, client, annotator, use):
        client.force_login(annotator)
        assert client.post(reverse("leak_probe", args=[submitted().pk]), {"kind": "drop"}).status_code == 404


class TestProbes:
    @pytest.fixture
    def leaky(self, use):
        use(wordy=keyword("hangs in the air"))
        question = submitted()
        check(question)
        question.refresh_from_db()
        assert question.state == "returned"
        return question

    def probe(self, client, question, **form):
        client.force_login(question.author)
        client.post(reverse("leak_probe", args=[question.pk]), form)
        job = Job.objects.latest("pk")
        assert jobs.run(job.pk) == "done"
        return LeakProbe.objects.filter(job=job).order_by("id")

    def test_replacing_the_words_that_give_it_away_shows_it(self, client, leaky, server):
        client.force_login(leaky.author)
        assert "costs at most $0.0" in page(client, leaky)
        (probe,) = self.probe(client, leaky, kind="replace", field="correct", phrase="hangs in the air", replacement="stays")
        right = sum(answer.is_right for answer in probe.answers.all())
        assert probe.answers.count() == 4 and right == 1  # the first letter, whatever stands there
        text = page(client, leaky)
        assert "<del>hangs in the air</del>" in text and "1/4" in text and "4/4" in text
        assert "The crate stays after" in json.dumps(server.bodies[-1])

    def test_dropping_each_option_asks_for_what_is_left(self, client, leaky, server):
        probes = self.probe(client, leaky, kind="drop")
        assert [probe.field for probe in probes] == ["correct", "distractor_1", "distractor_2", "distractor_3"]
        assert LeakAnswer.objects.filter(probe__isnull=False).count() == 12
        without_key = LeakAnswer.objects.filter(probe=probes[0])
        assert {answer.letter for answer in without_key} == {"A"}
        assert all(answer.is_right for answer in LeakAnswer.objects.filter(probe__in=probes[1:]))
        assert "D." not in server.bodies[-1]["messages"][0]["content"]
        assert "A, B or C." in server.bodies[-1]["messages"][0]["content"]
        assert "instead" in page(client, leaky)

    @pytest.mark.parametrize(
        ("form", "words"),
        [
            ({"kind": "replace", "field": "correct", "phrase": "not there"}, "do not stand there"),
            ({"kind": "replace", "field": "note", "phrase": "x"}, "Choose the question or one of its options"),
            ({"kind": "replace", "field": "correct", "phrase": CONTENT["correct"]}, "Nothing would be left"),
            ({"kind": "shout"}, "Drop options, or replace a phrase"),
            ({}, "Drop options, or replace a phrase"),
        ],
    )
    def test_what_cannot_be_probed_is_said(self, client, leaky, form, words):
        client.force_login(leaky.author)
        response = client.post(reverse("leak_probe", args=[leaky.pk]), form, follow=True)
        assert words in response.content.decode() and not LeakProbe.objects.exists()

    def test_one_at_a_time_and_only_after_a_verdict(self, client, leaky):
        client.force_login(leaky.author)
        for words in ("The probe has begun", "is under way"):
            response = client.post(reverse("leak_probe", args=[leaky.pk]), {"kind": "drop"}, follow=True)
            assert words in response.content.decode()
        other = submitted(author=leaky.author, correct="Nothing like it.")
        response = client.post(reverse("leak_probe", args=[other.pk]), {"kind": "drop"}, follow=True)
        assert "Wait for the verdict" in response.content.decode()

    def test_a_model_that_fails_is_told_and_the_probe_may_be_made_again(self, client, leaky, use):
        use(wordy=status(400, message="out of order"))
        (probe,) = self.probe(client, leaky, kind="replace", field="stem", phrase="glitch", replacement="thing")
        assert "out of order" in probe.error and "out of order" in page(client, leaky)
        use(wordy=always("A"))
        leak_probes.run_probes(jobs.Run(Job.objects.get(pk=_restart(probe.job).pk)))
        probe.refresh_from_db()
        assert probe.error == "" and probe.answers.count() == 4


def _restart(job):
    Job.objects.filter(pk=job.pk).update(state="queued")
    return jobs.claim(job.pk)


class TestTheCommand:
    def run(self, *arguments):
        out = io.StringIO()
        call_command("check_leaks", *arguments, stdout=out)
        return out.getvalue()

    @pytest.fixture(autouse=True)
    def at_once(self, monkeypatch, settings):
        """Jobs are run where they are waited for, as a worker would."""
        real = leaks.start

        def start(*arguments, **options):
            job, count = real(*arguments, **options)
            if job:
                jobs.run(job.pk)
            return job, count

        monkeypatch.setattr(leaks, "start", start)

    def test_it_checks_what_has_no_verdict_and_with_all_everything(self, use, server):
        use(m=always("B"))
        questions = [submitted(correct=f"Option {n}.") for n in range(3)]
        assert "3 clear. Spent $0.00" in self.run()
        assert "0 questions to check" in self.run()
        asked = sum(server.asked.values())
        assert "3 clear. Spent $0.0000" in self.run("--all") and sum(server.asked.values()) == asked
        Question.objects.filter(pk=questions[0].pk).update(state="returned")
        assert "2 questions to check" in self.run("--all", "--dry-run")

    def test_a_dry_run_says_what_it_can_cost_and_asks_nothing(self, use, server):
        use(m=always("B"), n=always("A"))
        submitted()
        told = self.run("--dry-run", "--model", "n")
        assert "1 questions to check with n, rule “rotations”." in told and "It costs at most $0.0" in told
        assert not server.asked and not LeakCheck.objects.exists()
        use(m=always("B"))
        assert "price is unknown" not in self.run("--dry-run")

    def test_a_missing_key_or_name_ends_it_in_words(self, use, monkeypatch):
        use(m=always("B"))
        with pytest.raises(CommandError, match="No model is called gpt-9"):
            self.run("--model", "gpt-9")
        with pytest.raises(CommandError, match="m has no Batch API"):
            submitted()
            self.run("--batch")
        monkeypatch.delenv("TEST_LLM_KEY")
        with pytest.raises(CommandError, match="Set TEST_LLM_KEY"):
            self.run()

    def test_failures_end_it_with_their_reason(self, use):
        use(m=status(400, message="out of order"))
        submitted()
        with pytest.raises(CommandError, match="1 checks failed; the first: m answers 400: .*out of order"):
            self.run()

    def test_a_spent_budget_ends_it_in_words(self, use, settings):
        use(m=always("B"))
        settings.LLM_BUDGET_JOB_USD = 0
        submitted()
        with pytest.raises(CommandError, match="budget of this job"):
            self.run()
