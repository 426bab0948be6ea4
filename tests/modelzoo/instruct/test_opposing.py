"""build_physdpo: what the misled model is shown, what is dropped, and the scores."""

import io

import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from modelzoo.instruct import opposing, rulings
from modelzoo.instruct.models import PreferencePair
from studio import jobs
from tests.factories import InstructSampleFactory, QuestionFactory, UserFactory, clip_truth, known_clip
from tests.llm_server import mumbles, pictures, talks

pytestmark = pytest.mark.django_db


def built(ways=opposing.WAYS, **options):
    settings = opposing.Settings.read(ways=ways, **options)
    job = opposing.start(opposing.plan(settings), settings)
    assert jobs.run(job.pk) == "done", job.error
    return {pair.kind: pair for pair in PreferencePair.objects.filter(job=job)}


@pytest.fixture
def sample(training_clip):
    training_clip(title="Flying horse again")
    return InstructSampleFactory(clip=training_clip(title="My crate"))


def test_each_way_shows_what_it_says(sample, use, server):
    use(talks({}))
    pairs = built([*opposing.WAYS, "meta+temporal+spatial"])
    assert {kind: (pair.state, pair.verdict, pair.rejected_score) for kind, pair in pairs.items()} == dict.fromkeys(
        ("meta", "temporal", "spatial", "joint"), ("accepted", "wrong", 1.0)
    )
    asked = [body for body in server.bodies if pictures(body)]
    shown = [[Image.open(io.BytesIO(one)).size for one in pictures(body)] for body in asked]
    assert shown == [[(64, 48)] * 8, [(64, 48)], [(4, 3)] * 8, [(4, 3)]]
    titled = ["Flying horse again" in str(body) for body in asked]
    assert titled == [True, False, False, True] and not any("My crate" in str(body) for body in asked)
    joint = pairs["joint"].conditions
    assert (joint["meta"], joint["temporal"], joint["spatial"]) == (True, True, True)
    assert (joint["frames"], joint["scale"], joint["title"]) == ([5], "1/16", "Flying horse again")
    assert pairs["temporal"].conditions["title_clip"] is None and pairs["temporal"].chosen_score == 5.0


@pytest.mark.parametrize(
    ("misled", "reason"),
    [
        ("", "empty"),
        ("The red crate hangs in the air after its shelf is gone, although nothing holds it!", "equal"),
        ("The red crate hangs in the air after its shelf is gone; a rope should hold it up instead of nothing.", "right"),
        ("As the title says, the horse flies.", "title"),
        ("I cannot tell what happens.", "refusal"),
        ("In these frames a horse flies over the fence.", "frames"),
        ("A horse flies over the fence. " * 50, "too_long"),
    ],
)
def test_answers_that_oppose_nothing_are_dropped(sample, use, server, misled, reason):
    use(talks({}, misled=misled))
    pair = built(["meta"])["meta"]
    assert (pair.state, pair.reason) == ("rejected", reason)
    assert (pair.judge_call is not None) == (reason == "right")


def test_the_letter_of_a_choice_shows_that_an_answer_is_right(training_clip, use, server):
    training_clip(title="Flying horse again")
    options = "Which is true? (A) A dog barks. (B) The crate floats. (C) A car honks. (D) Nothing breaks."
    InstructSampleFactory(clip=training_clip(), kind="choice", question=options, answer="(B) The crate floats.")
    use(talks({}, misled="It must be (B), I think."))
    pair = built(["meta"])["meta"]
    assert (pair.state, pair.reason, pair.judge_call) == ("rejected", "right", None)


def test_where_the_judge_says_nothing_that_can_be_used_a_person_decides(sample, use, server):
    answers = talks({})
    judge = mumbles("Ten out of five.")
    use(lambda body, number: (judge if "Reference:" in str(body) else answers)(body, number))
    pair = built(["meta"])["meta"]
    assert (pair.state, pair.verdict, pair.decided_at) == ("generated", "", None) and pair.judge_call


def test_what_a_person_edited_is_asked_about_again(sample, use, server):
    use(talks({}))
    built(["meta"])
    lead, words = UserFactory(), "The crate floats, which is odd."
    rulings.edit(user=lead, sample_id=sample.pk, version=0, question=sample.question, answer=words)
    pair = built(["meta"])["meta"]
    assert (pair.chosen, pair.state) == (words, "accepted")
    assert set(PreferencePair.objects.exclude(pk=pair.pk).values_list("reason", flat=True)) == {"chosen_changed"}
    assert opposing.plan(opposing.Settings.read(ways=["meta"])).calls == 0
    for version, text in ((1, "The crate floats in the air, oddly."), (2, words)):
        rulings.edit(user=lead, sample_id=sample.pk, version=version, question=sample.question, answer=text)
    assert PreferencePair.objects.get(state="accepted") == pair, "it came back with its words"


def test_again_asks_nothing_new(sample, use, server):
    use(talks({}))
    built()
    assert opposing.plan(opposing.Settings.read(ways=opposing.WAYS)).calls == 0
    assert sum(server.asked.values()) == 4  # three answers differ by what is shown; the judge reads the same text each time


def test_pairs_that_need_no_model(settings):
    settings.LLM_MODELS = "[]"
    question = QuestionFactory(approved=True, clip__purpose="training")
    clip = known_clip(purpose="training", truth=clip_truth(clip_id="gw1-meadow-8"))
    out = io.StringIO()
    call_command("build_physinstruct", "--dry-run", stdout=out)
    from modelzoo.instruct import building

    jobs.run(building.start(building.plan()).pk)
    settings_ = opposing.Settings.read(ways=opposing.WAYS)
    for new in (True, False):
        job = opposing.start(opposing.plan(settings_), settings_)
        jobs.run(job.pk)
        job.refresh_from_db()
        assert bool(job.result["pairs_without_a_model"]) == new
    mine = PreferencePair.objects.filter(origin="question")
    assert set(mine.filter(kind="distractor").values_list("rejected", flat=True)) == {
        question.distractor_1, question.distractor_2, question.distractor_3,
    }  # fmt: skip
    (span,) = mine.filter(kind="span")
    assert span.chosen == "From 1.0 s to 3.0 s." != span.rejected
    own = PreferencePair.objects.filter(clip=clip)
    assert own.exists() and set(own.values_list("kind", flat=True)) <= {"meta", "temporal", "spatial"}
    assert all(pair.prompt == pair.sample.question and pair.chosen == pair.sample.answer for pair in own)


def test_the_command_names_what_is_wrong_and_what_it_costs(sample, use):
    use(talks({}))
    out = io.StringIO()
    call_command("build_physdpo", "--dry-run", stdout=out)
    assert "3 calls and at most 3 of the judge to m" in out.getvalue() and "It costs at most $0." in out.getvalue()
    for arguments, words in ((["--ways", "upside"], "no way of misleading"), (["--scale", "2"], "not above 0")):
        with pytest.raises(CommandError, match=words):
            call_command("build_physdpo", *arguments)
