"""The pages of training data: what they show, cost and decide."""

import io

import pytest
from django.urls import reverse
from PIL import Image

from modelzoo.instruct import building, opposing, rulings
from modelzoo.instruct.models import BuildStep, InstructSample, PreferencePair
from studio import jobs
from studio.models import Job
from tests.factories import InstructSampleFactory, PreferencePairFactory, UserFactory, clip_truth, known_clip
from tests.llm_server import talks

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(client):
    user = UserFactory(roles=["lead"], first_name="Lena", last_name="Fischer")
    client.force_login(user)
    return user


def text(response):
    return " ".join(response.content.decode().split())


class TestBuilding:
    def test_without_a_key_it_says_whose_pairs_are_used_and_uses_them(self, client, lead, settings):
        settings.LLM_MODELS = "[]"
        known_clip(purpose="training", truth=clip_truth(clip_id="gw1-meadow-8"))
        assert "own pairs are used" in text(client.get("/instruct/"))
        asked = {"limit": 10, "frames": 8, "model": ""}
        plan = text(client.get("/instruct/plan/", asked))
        assert "own pairs are used" in plan and "Begin the build" in plan and not Job.objects.exists()
        assert client.post("/instruct/start/", {**asked, "calls": 0}).url == "/instruct/"
        job = Job.objects.get()
        assert job.owner == lead and jobs.run(job.pk) == "done"
        page = text(client.get("/instruct/"))
        assert "own: no model was asked" in page
        assert InstructSample.objects.filter(origin="glitchworld").exists()
        assert "There is nothing to build from" in text(client.get("/instruct/plan/", asked))
        again = client.post("/instruct/start/", {**asked, "calls": 0})
        assert again.status_code == 409 and Job.objects.count() == 1

    def test_the_estimate_comes_first_and_binds(self, client, lead, training_clip, use, server):
        training_clip(title="x"), training_clip(title="y")
        use(talks({}))
        asked = {"limit": 10, "frames": 4, "model": "m"}
        plan = client.get("/instruct/plan/", asked)
        assert plan.context["plan"].calls == 2 and "$0." in text(plan) and not server.asked
        training_clip(title="z")
        late = client.post("/instruct/start/", {**asked, "calls": 2})
        assert late.status_code == 409 and "More came in" in text(late) and late.context["plan"].calls == 3
        assert not Job.objects.exists()
        assert client.post("/instruct/start/", {**asked, "calls": 3}).status_code == 302
        assert list(BuildStep.objects.values_list("conditions", flat=True)) == [{"frames": [1, 3, 6, 8]}] * 3
        assert jobs.run(Job.objects.get().pk) == "done"
        page = text(client.get("/instruct/"))
        assert 'Replies: <span class="nowrap">3 Done</span>' in page and "It cost $" in page

    def test_a_form_that_makes_no_sense_says_so(self, client, lead):
        for bad in ({"limit": 0, "frames": 8}, {"limit": 10, "frames": 99}, {"limit": 10, "frames": 8, "model": "none"}):
            assert client.get("/instruct/plan/", bad).status_code == 422
        assert client.get("/preference/plan/", {"limit": 10, "scale": "1/3"}).status_code == 422

    def test_pairs_are_built_the_same_way(self, client, lead, training_clip, use, server):
        training_clip(title="Flying horse again")
        InstructSampleFactory(clip=training_clip(title="My crate"))
        use(talks({}))
        asked = {"limit": 10, "ways": ["meta", "meta+temporal+spatial"], "frames": 1, "scale": "1/8"}
        plan = client.get("/preference/plan/", asked)
        assert (plan.context["plan"].calls, plan.context["plan"].judge_calls) == (2, 2)
        assert "Calls of the judge, at most" in text(plan)
        assert client.post("/preference/start/", {**asked, "calls": 2}).status_code == 302
        assert jobs.run(Job.objects.get().pk) == "done"
        assert set(PreferencePair.objects.values_list("kind", "conditions__scale")) == {("meta", "1"), ("joint", "1/8")}


class TestLists:
    def test_filters_and_pages(self, client, lead):
        mine = InstructSampleFactory(kind="choice", state="rejected", reason="bad_choice")
        InstructSampleFactory.create_batch(31, clip=mine.clip)
        first = client.get("/instruct/samples/")
        assert len(first.context["rows"]) == 30
        second = client.get("/instruct/samples/", {"before": first.context["older"]})
        assert [row.pk for row in second.context["rows"]][-1] == mine.pk and len(second.context["rows"]) == 2
        for narrow in ({"state": "rejected"}, {"kind": "choice"}, {"reason": "bad_choice"}):
            assert [row.pk for row in client.get("/instruct/samples/", narrow).context["rows"]] == [mine.pk]
        for nothing in ({"clip": mine.clip_id + 1}, {"origin": "question"}, {"state": "odd"}, {"before": "x"}):
            assert not client.get("/instruct/samples/", nothing).context["rows"]
        pair = PreferencePairFactory(kind="spatial", state="generated", verdict="")
        PreferencePairFactory(clip=pair.clip, sample=pair.sample)
        for narrow in ({"state": "generated"}, {"kind": "spatial"}):
            assert [row.pk for row in client.get("/preference/pairs/", narrow).context["rows"]] == [pair.pk]
        assert len(client.get("/preference/pairs/", {"verdict": "wrong", "clip": pair.clip_id}).context["rows"]) == 1

    @pytest.mark.parametrize("many", [1, 31])
    def test_queries_do_not_grow_with_rows(self, client, lead, many, django_assert_max_num_queries):
        for _ in range(many):
            PreferencePairFactory()
        InstructSampleFactory.create_batch(many, state="generated", decided_by=None)
        for path, most in (("/instruct/", 9), ("/instruct/samples/", 3), ("/preference/", 11), ("/preference/pairs/", 3)):
            with django_assert_max_num_queries(most):  # session and person in each
                assert client.get(path).status_code == 200


class TestReviewing:
    def decide(self, client, sample, **data):
        return client.post(reverse("instruct_decide", args=[sample.pk]), {"version": sample.version, **data})

    def test_one_after_the_other(self, client, lead):
        InstructSampleFactory.create_batch(3, state="generated")
        address = "/instruct/review/"
        for _ in range(3):
            page = client.get(address)
            shown = page.context["sample"]
            assert shown.state == "generated" and page.context["reviewing"]
            address = self.decide(client, shown, decision="accept", review="1").url
            assert address == f"/instruct/review/?judged={shown.pk}"
        empty = text(client.get(address))
        assert "No sample waits for a person" in empty and f"Look at sample {shown.pk} again" in empty
        assert InstructSample.objects.filter(state="accepted", decided_by=lead).count() == 3
        back = self.decide(client, InstructSample.objects.get(pk=shown.pk), decision="reopen", review="1")
        assert client.get(back.url).context["sample"] == shown and InstructSample.objects.waiting().get() == shown

    def test_the_loser_is_told_and_keeps_the_words(self, client, lead):
        sample = InstructSampleFactory(state="generated")
        other = UserFactory(roles=["lead"], first_name="Mei", last_name="Lin")
        rulings.reject(user=other, sample_id=sample.pk, version=0, reason="wrong")
        late = self.decide(client, sample, decision="edit", question="What floats here?", answer="The crate, in the air.")
        assert late.status_code == 409
        assert "Mei Lin came first" in text(late) and "The crate, in the air." in text(late)
        assert 'name="version" value="1"' in text(late), "who looked at it may decide now"

    def test_a_bad_edit_is_422_and_keeps_the_words(self, client, lead):
        sample = InstructSampleFactory(state="generated", kind="yes_no")
        bad = self.decide(client, sample, decision="edit", question="Is it normal?", answer="It floats in the air.")
        assert bad.status_code == 422 and "without yes or no" in text(bad) and "It floats in the air." in text(bad)
        for nonsense in ({"decision": "burn"}, {"decision": "accept", "version": "x"}, {"decision": "reject"}):
            assert self.decide(client, sample, **nonsense).status_code == 422
        sample.refresh_from_db()
        assert sample.state == "generated" and self.decide(client, sample, decision="accept").status_code == 302

    def test_the_page_shows_what_the_model_saw_and_the_conversation(self, client, lead, training_clip, use):
        clip = training_clip(title="x")
        use(talks({"x": "The red crate hangs in the air."}))
        jobs.run(building.start(building.plan()).pk)
        sample = InstructSample.objects.filter(clip=clip).first()
        page = text(client.get(reverse("instruct_sample", args=[sample.pk])))
        assert 'data-seek="3"' in page and "“x”" in page and "frames of 64×48 pixels" in page
        assert page.count("<li") >= 4 and "When does that begin?" in page


class TestAPair:
    def test_it_shows_what_the_misled_model_saw(self, client, lead, training_clip, use, server):
        wrong = training_clip(title="Flying horse again")
        InstructSampleFactory(clip=training_clip(title="My crate"))
        use(talks({}))
        settings = opposing.Settings.read(ways=["spatial", "temporal", "meta"])
        job = opposing.start(opposing.plan(settings), settings)
        assert jobs.run(job.pk) == "done"
        pairs = {pair.kind: pair for pair in PreferencePair.objects.all()}
        for kind, count, size in (("spatial", 8, (4, 3)), ("temporal", 1, (64, 48))):
            page = text(client.get(reverse("preference_pair", args=[pairs[kind].pk])))
            assert page.count("/frames/") == count
            frame = client.get(reverse("preference_frame", args=[pairs[kind].pk, count - 1]))
            assert Image.open(io.BytesIO(frame.content)).size == size
            assert client.get(reverse("preference_frame", args=[pairs[kind].pk, count])).status_code == 404
        page = text(client.get(reverse("preference_pair", args=[pairs["meta"].pk])))
        assert "“Flying horse again”" in page and f"#{wrong.pk}" in page
        assert "the right thing or person, but another event" in page and "By the words." in page

    def test_glitchworlds_pairs_say_that_nobody_was_asked(self, client, lead):
        pair = PreferencePairFactory(origin="glitchworld", kind="spatial", verdict="", rejected_score=0.0)
        page = text(client.get(reverse("preference_pair", args=[pair.pk])))
        assert "no model was asked" in page and "false by construction" in page and page.count("/frames/") == 8
        own = PreferencePairFactory(origin="question", kind="distractor", verdict="", rejected_score=0.0)
        assert "/frames/" not in text(client.get(reverse("preference_pair", args=[own.pk])))

    def test_ruling_on_pairs(self, client, lead):
        waits = PreferencePairFactory(state="generated", verdict="")
        other = PreferencePairFactory()
        decide = reverse("preference_decide", args=[waits.pk])
        assert client.post(decide, {"version": 0, "decision": "reject"}).status_code == 422
        gone = client.post(decide, {"version": 0, "decision": "reject", "reason": "both_true"})
        assert gone.url == reverse("preference_pair", args=[other.pk])
        late = client.post(decide, {"version": 0, "decision": "accept"})
        assert late.status_code == 409 and "came first" in text(late)
        waits.refresh_from_db()
        assert (waits.state, waits.reason, waits.decided_by) == ("rejected", "both_true", lead)
