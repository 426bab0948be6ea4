"""build_physinstruct against a local server that knows the truth, sometimes bad on purpose."""

import io

import pytest
from django.core.management import call_command
from PIL import Image

from annotator.models import Clip
from modelzoo.instruct import building, firewall, own, reasons, seeds
from modelzoo.instruct.models import BuildStep, InstructSample
from studio import jobs
from studio.llm import budget
from studio.llm.models import LLMCall
from studio.models import Job
from tests.factories import QuestionFactory, clip_truth, known_clip
from tests.llm_server import mumbles, pictures, status, talks, turn

pytestmark = pytest.mark.django_db
BREAKS = "The red crate hangs in the air after its shelf is gone."


def built(**options):
    job = building.start(building.plan(), **options)
    state = jobs.run(job.pk)
    job.refresh_from_db()
    return job, state


class TestARun:
    def test_good_replies_become_samples_that_wait_for_people(self, training_clip, use, server):
        clip, calm = training_clip(title="What a crate"), training_clip(title="Quiet day")
        use(talks({"What a crate": BREAKS}))
        job, state = built()
        assert state == "done" and job.cost_usd > 0
        kinds = InstructSample.objects.filter(clip=clip).order_by("place").values_list("kind", "state", "reason")
        assert list(kinds) == [(kind, "generated", "") for kind in ("open", "follow_up", "yes_no", "choice")]
        assert set(InstructSample.objects.filter(clip=calm).values_list("kind", flat=True)) == {"glitch_free", "yes_no"}
        sample = InstructSample.objects.filter(clip=clip).first()
        assert sample.seen == {"frames": [0, 1, 3, 4, 5, 6, 8, 9], "width": 64, "height": 48, "title": "What a crate"}
        assert sample.recipe.startswith("conversation-1-")
        shown = [Image.open(io.BytesIO(data)).size for data in pictures(server.bodies[0])]
        assert shown == [(64, 48)] * 8
        text = server.bodies[0]["messages"][0]["content"][0]["text"]
        assert "may be wrong" in text and "“What a crate”" in text
        stored = str(LLMCall.objects.first().request)
        assert "picture:" in stored and "base64" not in stored

    def test_bad_replies_end_in_their_reasons(self, training_clip, use):
        """One clip for each reason of reasons.py; a new reason has no clip here, which fails."""
        replies = {
            "prose": ("not_json", "The crate floats."),
            "shape": ("schema", '{"glitch": true}'),
            "extra": ("schema", '{"glitch": true, "conversation": [{"kind": "poem", "question": "Q?", "answer": "A."}]}'),
            "nothing": ("schema", '{"glitch": true, "conversation": []}'),
        }
        asks, copied = "What breaks in it?", next(seed for seed in seeds.seeds() if seed["kind"] == "open")
        turns = {
            "too_short": [turn("open", asks, "Floats.")],
            "too_long": [turn("open", asks, "The crate floats. " * 80)],
            "title": [turn("open", asks, "As the title suggests, the crate floats up there.")],
            "frames": [turn("open", asks, "In the last frame the crate floats up there.")],
            "refusal": [turn("open", asks, "I'm sorry, I can't help with that request.")],
            "repeated": [turn("open", f"{asks} Here?", BREAKS), turn("open", f"{asks} Here, now?", BREAKS)],
            "copied": [turn("open", asks, copied["answer"])],
            "no_verdict": [turn("yes_no", "Is all of it normal?", BREAKS)],
            "no_reason": [turn("yes_no", "Is all of it normal?", "No, never.")],
            "bad_choice": [turn("choice", "Which is true? (A) It floats. (B) It burns.", "(A) It floats.")],
            "contradiction": [turn("glitch_free", "Does anything break?", "Nothing breaks; the crate stands as crates do.")],
        }
        assert set(turns) == set(reasons.OF_SAMPLES)
        for title in [*replies, *turns]:
            training_clip(title=title)
        use(talks(dict.fromkeys(turns, BREAKS), bad={title: text for title, (_why, text) in replies.items()} | turns))
        assert built()[1] == "done"
        steps = dict(BuildStep.objects.exclude(reason="").values_list("clip__title", "reason"))
        assert steps == {title: why for title, (why, _text) in replies.items()}
        dropped = dict(InstructSample.objects.filter(state="rejected").values_list("clip__title", "reason"))
        assert dropped == {why: why for why in turns}
        kept = InstructSample.objects.filter(state="generated").values_list("clip__title", flat=True)
        assert list(kept) == ["repeated"], "the first of both"

    def test_no_reply_is_a_reason_too_and_a_retry_asks_only_for_it(self, training_clip, use, server):
        training_clip(title="good"), training_clip(title="away")
        good, away = talks({"good": BREAKS, "away": BREAKS}), status(503)
        use(lambda body, number: (away if "“away”" in str(body) and number < 2 else good)(body, number))
        job, state = built()
        assert state == "done"
        assert dict(BuildStep.objects.values_list("clip__title", "reason")) == {"good": "", "away": "no_reply"}
        again = building.start(building.plan())
        assert again.total == 1 and jobs.run(again.pk) == "done"
        assert sorted(server.answered.values()) == [1, 1]

    def test_a_reply_that_was_cut_and_frames_that_are_gone(self, training_clip, use, server):
        training_clip(), training_clip(proxy="proxies/nowhere.mp4")
        use(mumbles('{"glitch": tr', finish_reason="length"))
        built()
        assert list(BuildStep.objects.order_by("id").values_list("reason", flat=True)) == ["cut", "no_frames"]

    def test_again_asks_nothing_and_accept_needs_no_person(self, training_clip, use, server):
        clip = training_clip(title="x")
        use(talks({"x": BREAKS}))
        built(accept=True)
        assert InstructSample.objects.filter(state="accepted", decided_by=None).count() == 4
        assert building.plan().calls == 0 and building.plan(again=True).calls == 1
        jobs.run(building.start(building.plan(again=True)).pk)
        assert sum(server.asked.values()) == 1 and InstructSample.objects.filter(clip=clip).count() == 4


class TestMoney:
    def test_the_dry_run_says_calls_tokens_and_dollars_and_asks_nothing(self, training_clip, use, server):
        training_clip(title="x"), training_clip(title="y")
        use(talks({}))
        out = io.StringIO()
        call_command("build_physinstruct", "--dry-run", stdout=out)
        plan = building.plan()
        assert plan.calls == 2 and plan.tokens_out == 2400
        # 2.5 dollars for a million tokens in, 10 for a million out
        assert (
            plan.most_usd == (plan.tokens_in * 25 + 2400 * 100) / 10_000_000
            or pytest.approx(float(plan.most_usd)) == (plan.tokens_in * 2.5 + 24000) / 1e6
        )
        assert f"2 calls to m, at most {plan.tokens_in} tokens in and 2400 out." in out.getvalue()
        assert f"It costs at most ${plan.most_usd:.4f}." in out.getvalue()
        assert not server.asked and not Job.objects.exists()

    def test_it_costs_no_more_than_was_said(self, training_clip, use):
        training_clip(title="x"), training_clip(title="y")
        use(talks({"x": BREAKS}))
        most = building.plan().most_usd
        job, _state = built()
        assert 0 < job.cost_usd <= most
        assert building.plan(again=True).usual_usd == pytest.approx(job.cost_usd, abs=1e-5)

    def test_a_spent_budget_stops_it_and_a_retry_goes_on(self, training_clip, use, settings, server):
        for n in range(4):
            training_clip(title=f"x{n}")
        use(talks({}))
        one = building.plan(limit=1).most_usd
        settings.LLM_BUDGET_JOB_USD = one * 3 / 2
        job, state = built()
        assert state == "failed" and "budget of this job" in job.error
        done = BuildStep.objects.filter(state="done").count()
        assert 0 < done < 4
        settings.LLM_BUDGET_JOB_USD = one * 8
        assert jobs.retry(job) and jobs.run(job.pk) == "done"
        assert BuildStep.objects.filter(state="done").count() == 4 and max(server.asked.values()) == 1
        assert budget.spent_today()[0] == Job.objects.get(pk=job.pk).cost_usd


class TestWhichClips:
    def test_only_ready_training_clips(self, training_clip, use):
        use(talks({}))
        mine = training_clip()
        training_clip(purpose="benchmark"), training_clip(state="failed"), training_clip(content="unusable")
        assert [clip.pk for clip in building.plan().clips] == [mine.pk]

    def test_a_benchmark_clip_is_refused_with_the_reason_even_in_the_middle_of_a_build(self, training_clip, use, server):
        clip, other = training_clip(), training_clip(purpose="benchmark")
        assert "Benchmark" in firewall.refusals([clip, other])[other.pk] and clip.pk not in firewall.refusals([clip, other])
        use(talks({}))
        assert building.plan(clips=[other]).refused == {"It is a clip for: Benchmark.": 1}
        job = building.start(building.plan())
        type(clip).objects.filter(pk=clip.pk).update(purpose="benchmark")
        jobs.run(job.pk)
        step = BuildStep.objects.get()
        assert (step.reason, step.detail) == ("clip_refused", "It is a clip for: Benchmark.") and not server.asked

    def test_a_family_member_of_a_benchmark_clip_is_refused(self, training_clip, use):
        use(talks({}))
        clip, kin, benchmark = training_clip(), training_clip(), training_clip(purpose="benchmark")
        family = Clip._meta.get_field("family").related_model.objects.create()
        Clip.objects.filter(pk__in=[kin.pk, benchmark.pk]).update(family=family)
        plan = building.plan()
        assert [one.pk for one in plan.clips] == [clip.pk]
        assert plan.refused == {f"It looks like clip {benchmark.pk}, which is for the benchmark.": 1}


class TestWithoutAModel:
    def test_glitchworlds_own_pairs_are_used_and_it_says_so(self, settings):
        settings.LLM_MODELS = "[]"
        known_clip(purpose="training")
        known_clip(purpose="training", truth=clip_truth(clip_id="gw1-meadow-8", glitch=False))
        out = io.StringIO()
        call_command("build_physinstruct", "--dry-run", stdout=out)
        assert "GlitchWorld's own pairs are used instead" in out.getvalue()
        job, state = built()
        assert state == "done" and "GlitchWorld's own pairs" in job.log
        made = InstructSample.objects.filter(origin="glitchworld", state="accepted")
        assert made.count() == job.result["from_glitchworld"] >= 4
        assert set(made.filter(place=0).values_list("kind", flat=True)) == {"open", "glitch_free"}
        assert own.from_glitchworld(list(made.values_list("clip", flat=True))) == 0, "again, nothing is new"

    def test_approved_questions_become_pairs(self, settings):
        settings.LLM_MODELS = "[]"
        question = QuestionFactory(approved=True, clip__purpose="training")
        QuestionFactory(submitted=True, clip__purpose="training")
        built()
        rows = InstructSample.objects.order_by("place")
        assert [row.kind for row in rows] == ["open", "follow_up", "choice"]
        assert rows[0].answer == question.correct and rows[1].answer == "From 1.0 s to 3.0 s."
        assert rows[2].answer[4:] == question.correct and rows[2].answer in rows[2].question
