"""The local text-only baseline: leaky questions planted among GlitchWorld's, its figures, its page. Figures: pytest -s."""

import dataclasses
import io
import random

import pytest
from django.core.management import call_command
from django.urls import reverse

from annotator.models import Question
from qc.baseline import chance, fit, probes, runs
from qc.baseline.items import Item, family_of
from qc.baseline.models import BaselineRun, BaselineScore
from studio import jobs
from studio.models import Job
from tests.factories import QuestionFactory, UserFactory
from tests.qc.planted import PLANTED, plant, told, world


def quiet(done):
    pass


def test_planted_leaks_come_first():
    items, leaky = plant(world(150), random.Random(1))
    fitted = fit.fit(items, tick=quiet)
    for way in fit.WAYS:
        order = [items[index].revision for index in fitted.chances[way][:, 0].argsort()[::-1]]
        print(told(f"baseline, {way}", order, leaky))
        assert len(leaky & set(order[:PLANTED])) >= 0.6 * PLANTED and len(leaky & set(order[:10])) >= 8


def test_clean_questions_stay_at_chance_and_a_cue_is_found():
    items = world(700)
    credits = runs._credits(fit.fit(items, tick=quiet).chances["options"])
    clean = chance.figure(credits, [chance.tie_variance(1)] * len(items), [item.family for item in items])
    print(f"clean: {clean}")
    assert clean.verdict == chance.AT_CHANCE
    longer = [dataclasses.replace(i, options=(i.options[0] + " Look for it.", *i.options[1:])) for i in items[:200]]
    fitted = fit.fit(longer, tick=quiet)
    assert sum(runs._credits(fitted.chances["options"])) > 140  # 50 by chance


def test_questions_about_one_family_share_a_fold():
    assert family_of(7, None) == -7 and family_of(7, 3) == family_of(8, 3) == 3
    folds = fit.folds_of([n // 3 for n in range(60)])
    assert all(len(set(folds[n : n + 3])) == 1 for n in range(0, 60, 3)) and set(folds) == set(range(fit.FOLDS))


class TestChance:
    def test_the_sample_size_is_the_formulas(self):
        # (1.95996 sqrt(.25 x .75) + .84162 sqrt(.3 x .7))^2 / .05^2 = 609.5
        assert chance.NEEDED == 610 and chance.sample_size(0.35) == 157

    def test_far_below_chance_is_an_alarm_and_few_questions_tell_nothing(self):
        def verdict(right, n):
            return chance.figure([1.0] * right + [0.0] * (n - right), [3 / 16] * n, range(n)).verdict

        assert verdict(40, 100) == chance.ABOVE and verdict(10, 100) == chance.BELOW
        assert verdict(28, 100) == chance.TOO_FEW and verdict(180, 700) == chance.AT_CHANCE

    def test_questions_of_one_family_count_for_less(self):
        credits, variances = [1.0, 1.0, 0.0, 0.0], [3 / 16] * 4
        alone, paired = (chance.figure(credits, variances, families) for families in ([1, 2, 3, 4], [1, 1, 2, 2]))
        assert chance.design_effect(credits, [1, 1, 2, 2]) == 2 and paired.low < alone.low and paired.p > alone.p

    def test_letters_are_tested_by_chi_square(self):
        assert chance.letters_p([25, 25, 25, 25]) == 1 and chance.letters_p([40, 20, 20, 20]) == pytest.approx(
            0.0073832, 1e-4
        )


def test_probes_share_ties_and_leave_out_what_cannot_be_decided():
    one = Item(1, 1, "Gravity", 1, "", "Is it a crate?", ("aaaa", "bbbb", "c", "d"))
    other = dataclasses.replace(one, options=("e", "f", "g", "h"), published_order="CABD")
    found = probes.tally([one, other])
    assert (found["longest"].n, found["longest"].right) == (1, 0.5) and found["shortest"].right == 0
    assert (found["alphabet"].n, found["alphabet"].right) == (2, 2.0) and probes.letters([one, other]) == [0, 0, 1, 0]


@pytest.fixture
def questions(db, settings):
    settings.JOB_HEARTBEAT_S = 3600.0  # its thread cannot see what a test has not committed, and would stop the job
    author = UserFactory(username="wordy")
    return [
        QuestionFactory(submitted=True, author=author, correct=f"The crate hangs {n} metres above, unnaturally so.")
        for n in range(24)
    ]


def run_it():
    job = runs.start()
    assert jobs.run(job.pk) == "done", Job.objects.get(pk=job.pk).error
    return BaselineRun.objects.get(job=job)


class TestRuns:
    def test_a_run_is_stored_with_a_row_for_each_question(self, questions):
        QuestionFactory(returned=True), QuestionFactory(approved=True), QuestionFactory()
        made = run_it()
        assert (made.questions, made.families, made.learned) == (25, 25, 25)
        assert sorted(made.scores.values_list("options_place", flat=True)) == list(range(1, 26))
        assert made.figures["options"]["verdict"] == chance.ABOVE and made.words[0]["right"] == made.words[0]["n"]
        assert made.groups["author"][0]["options"]["n"] == 24
        again = run_it()
        assert set(BaselineScore.objects.values_list("run", flat=True)) == {again.pk} and BaselineRun.objects.count() == 2

    def test_nothing_to_read_ends_it_in_words_and_few_clips_only_try_the_probes(self, db, settings):
        settings.JOB_HEARTBEAT_S = 3600.0
        job = runs.start()
        assert jobs.run(job.pk) == "failed" and "no submitted question" in Job.objects.get(pk=job.pk).error
        QuestionFactory(submitted=True)
        made = run_it()
        assert made.learned == 0 and made.figures == {} and made.probes["longest"]["n"] == 1

    def test_the_night_runs_only_when_something_is_new(self, questions):
        job = runs.nightly()
        assert runs.nightly() == job and jobs.run(job.pk) == "done"
        assert runs.nightly() is None
        Question.objects.filter(pk=questions[0].pk).update(state="returned")
        assert runs.nightly() is not None

    def test_a_cancelled_run_stores_nothing(self, questions):
        job = runs.start()
        Job.objects.filter(pk=job.pk).update(cancel_requested=True)
        assert jobs.run(job.pk) == "cancelled" and not BaselineRun.objects.exists()

    def test_the_command_prints_the_figures(self, questions, monkeypatch):
        real = runs.start

        def start(**options):
            job = real(**options)
            jobs.run(job.pk)
            return job

        monkeypatch.setattr(runs, "start", start)
        out = io.StringIO()
        call_command("check_baseline", stdout=out)
        assert "24 questions of 24 clip families" in out.getvalue() and "Below 610 questions" in out.getvalue()


class TestPages:
    def test_it_opens_without_a_run_and_with_one(self, client, lead, questions):
        client.force_login(lead)
        assert "No run yet" in client.get(reverse("baseline")).content.decode()
        client.post(reverse("baseline_start"))
        assert jobs.run(Job.objects.get(kind=runs.KIND).pk) == "done"
        text = client.get(reverse("baseline") + "?by=question").content.decode()
        assert "24 questions of 24 clip families" in text and "Above chance" in text and "unnaturally" in text
        assert "Below 610 questions" in text and "wordy" in text
        assert 'id="baseline"' in client.get(questions[0].get_absolute_url()).content.decode()

    def test_who_may_still_answer_blind_sees_no_key(self, client, questions):
        run_it()
        client.force_login(UserFactory(roles=["lead", "reviewer"]))
        text = client.get(reverse("baseline")).content.decode()
        assert "Answer this question blind first" in text and "metres above, unnaturally" not in text

    def test_it_costs_the_same_however_many(self, client, lead, questions, django_assert_num_queries):
        run_it()
        client.force_login(lead)
        with django_assert_num_queries(7):  # session, person, history, run, job, authors, questions
            client.get(reverse("baseline"))

    def test_the_api_tells_runs_and_starts_one(self, client, lead, questions):
        made = run_it()
        client.force_login(lead)
        assert client.get(reverse("api_baseline")).json()["results"][0]["figures"]["options"]["n"] == 24
        assert client.get(reverse("api_baseline_run", args=[made.pk])).json()["probes"]["longest"]["n"] == 24
        assert client.post(reverse("api_baseline"), {}, content_type="application/json").status_code == 202
