"""From GlitchWorld's clips to every export, by the commands and pages people use, with a real worker and a real server.

The model is a local server that speaks OpenAI's API. It answers from the ground truth of each clip, and is bad on purpose
in every way that has a reason: each bad reply must end in its own reason, and none in an export.
"""

import io
import json
import random
import uuid
from collections import Counter

import pytest
from django.core.management import call_command
from django.urls import reverse
from PIL import Image

from annotator import curating, services
from annotator.glitchworld.instruct import instruct_pairs
from annotator.models import Clip, Fingerprint, Question
from annotator.truths import parse
from modelzoo import formats
from modelzoo.instruct import reasons, seeds
from modelzoo.instruct.models import BuildStep, InstructSample, PreferencePair
from modelzoo.models import Release
from qc import services as reviewing
from qc.demo import texts
from qc.models import LeakCheck
from studio.llm.models import LLMCall
from tests.conftest import wait_until
from tests.factories import UserFactory
from tests.llm_server import KEY, LLMServer, always, conversation_about, mumbles, pictures, status, talks, turn
from tests.modelzoo.releases import contracts

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.django_db(transaction=True)]
SEED = 4  # with which one of three clips has no glitch
ASKS = "What goes wrong around here?"
WRONG = "The blue ball rolls uphill by itself, although nothing pushes it."
UNUSABLE = "A dog flies over the fence and barks at the moon."  # what the judge cannot make up its mind about
WAYS = ("meta", "temporal", "spatial", "meta+temporal+spatial")


def command(name, *arguments, **options):
    """What a command prints."""
    out = io.StringIO()
    call_command(name, *map(str, arguments), stdout=out, **options)
    return out.getvalue()


def counted(rows, *fields):
    """Counter of the values of one field, or of tuples of several."""
    return Counter(rows.values_list(*fields, flat=len(fields) == 1))


# ---- The model


def bad_turns(breaks):
    """One reply that deserves every reason a sample can be rejected for; its first question is kept."""
    copied = next(seed for seed in seeds.seeds() if seed["kind"] == "open")
    return {
        "": turn("open", ASKS, breaks),
        "repeated": turn("open", "What goes wrong around here now?", breaks),
        "too_short": turn("open", "Which thing is odd to you?", "Floats."),
        "too_long": turn("open", "How would you describe all of that at length?", f"{breaks} " * 40),
        "title": turn("open", "Who is it that misbehaves?", f"As the title suggests: {breaks}"),
        "frames": turn("follow_up", "When can one see that?", f"In the last frame. {breaks}"),
        "refusal": turn("follow_up", "Why does it happen at all?", "I'm sorry, I can't help with that request."),
        "copied": turn("open", "Could somebody sum it up for a friend?", copied["answer"]),
        "no_verdict": turn("yes_no", "Is everything as physics wants it?", breaks),
        "no_reason": turn("yes_no", "Might such a thing occur outside of games?", "No, never."),
        "bad_choice": turn("choice", "Choose one. (A) It floats about. (B) It burns down.", "(A) It floats about."),
        "contradiction": turn("glitch_free", "Does anything break?", "Nothing breaks; all stand where things stand."),
    }


def way_of(body, text):
    """How the model of this request was misled."""
    shown, titled = pictures(body), "Its uploader called it" in text
    small = Image.open(io.BytesIO(shown[0])).width < 100
    return {(True, 1, True): "joint", (True, 8, False): "meta", (False, 1, False): "temporal", (False, 8, True): "spatial"}[
        titled, len(shown), small
    ]


class Model:
    """The behaviour of the server. `one` and `other` have a glitch, in `calm` nothing breaks; {title: what is true}."""

    def __init__(self, one, other, calm, truths):
        self.truths, self.misled = truths, self.misleading(truths[one])
        bad = {other: '{"glitch": true}', calm: status(503)}
        self.by_frames = {
            8: {other: "Something floats, I believe.", calm: mumbles('{"glitch": fal', finish_reason="length")},
            4: bad,
            3: {other: list(bad_turns(truths[other]).values())},
        }

    def misleading(self, breaks):
        """{(question, way): reply} where it is not just wrong."""
        asked = {made["kind"]: made for made in conversation_about(breaks)}
        right = asked["open"]["answer"]
        return {
            (asked["open"]["question"], "meta"): f"As the title says, {WRONG}",
            (asked["open"]["question"], "temporal"): "",
            (asked["open"]["question"], "spatial"): right,
            (asked["open"]["question"], "joint"): f"{right[:60]}; or so it seems to whoever watches from far away.",
            (asked["yes_no"]["question"], "meta"): "I cannot tell what happens there.",
            (asked["yes_no"]["question"], "temporal"): f"Yes: in the image {WRONG}",
            (asked["yes_no"]["question"], "spatial"): f"{WRONG} " * 40,
            (asked["choice"]["question"], "meta"): "It must be (B).",
            (ASKS, "joint"): UNUSABLE,
        }

    def __call__(self, body, number):
        text = body["messages"][0]["content"]
        if isinstance(text, str):
            if "Reference:" in text:
                return mumbles("Ten out of five.")(body, number) if UNUSABLE in text else talks({})(body, number)
            return always("A")(body, number)  # a question without its clip
        text = text[0]["text"]
        if "Write 4 to 6 questions" not in text:
            question = text.rpartition("Question: ")[2]
            return mumbles(self.misled.get((question, way_of(body, text)), WRONG))(body, number)
        bad = self.by_frames[len(pictures(body))]
        for title, behaviour in bad.items():
            if f"Title: “{title}”" in text and callable(behaviour):
                return behaviour(body, number)
        return talks(self.truths, bad=bad)(body, number)


# ---- The way


@pytest.fixture
def people(db):
    return {role: UserFactory(username=role, roles=[role]) for role in ("annotator", "reviewer", "lead")}


def brought(tmp_path):
    """(clips for training: two with a glitch and one without; one for the benchmark), made, brought in and compared."""
    command("make_glitchworld", tmp_path / "training", clips=3, seed=SEED, glitch_free=0.34)
    command("make_glitchworld", tmp_path / "benchmark", clips=1, seed=SEED + 1, glitch_free=0.0)
    for purpose in ("training", "benchmark"):
        command("import_clips", tmp_path / purpose, "--purpose", purpose, "--wait")
    wait_until(lambda: not Fingerprint.objects.filter(compared_at=None).exists(), seconds=60, what="the comparison")
    training = list(Clip.objects.filter(purpose="training").select_related("truth").order_by("pk"))
    training.sort(key=lambda clip: not clip.truth.category)
    assert [bool(clip.truth.category) for clip in training] == [True, True, False]
    return training, Clip.objects.get(purpose="benchmark")


def truth_of(clip):
    """What GlitchWorld says breaks in a clip, "" for nothing."""
    truth = parse(json.dumps(clip.truth.row))
    return instruct_pairs(truth, rng=random.Random(truth.clip_id))[0]["a"] if truth.glitch else ""


def approve_a_question(clip, people):
    """One question about a clip, written, checked for leaks, answered blind and approved."""
    truth = parse(json.dumps(clip.truth.row))
    content = texts.question(truth, hand=texts.HANDS["annotator"], rng=random.Random(1), frame_count=clip.frame_count)
    curating.judge([clip.pk], Clip.Content.ACCEPTED)
    revision = services.submit(
        user=people["annotator"], clip=clip, base_version=0, content=services.clean_draft(content), client_key=uuid.uuid4()
    )  # fmt: skip
    wait_until(lambda: LeakCheck.objects.filter(revision=revision, state="clear").exists(), what="the leak check")
    reviewing.answer_blind(
        user=people["reviewer"], revision=revision, answer="correct", watched_s=clip.duration_s, seconds=9
    )  # fmt: skip
    ruling = reviewing.Ruling("approve", [], "", uuid.uuid4())
    reviewing.rule(user=people["reviewer"], revision=revision, ruling=ruling)
    assert Question.objects.get(clip=clip).state == "approved"


def review_samples(client):
    """A lead goes through all that waits on the page: edits one, rejects one, accepts the others."""
    seen = Counter()
    while sample := client.get(reverse("instruct_review")).context.get("sample"):
        data = {"version": sample.version, "review": 1, "decision": "accept"}
        if sample.kind == "follow_up":
            data |= {"decision": "reject", "reason": "dull"}
        elif sample.kind == "glitch_free":
            data |= {"decision": "edit", "question": sample.question, "answer": "Nothing breaks in it, as far as one sees."}
        assert client.post(reverse("instruct_decide", args=[sample.pk]), data).status_code == 302
        seen[data["decision"]] += 1
    return seen


def test_the_whole_way_and_every_bad_reply_ends_in_its_reason(start_worker, settings, monkeypatch, tmp_path, client, people):
    monkeypatch.setenv("TEST_LLM_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with LLMServer() as server:
        settings.LLM_MODELS = json.dumps([server.entry("m")])
        start_worker(
            queues="cpu,io,llm", STUDIO_LLM_MODELS=settings.LLM_MODELS, TEST_LLM_KEY=KEY, STUDIO_LLM_TRIES="2",
            STUDIO_LLM_BACKOFF_S="0.01",
        )  # fmt: skip
        training, measured = brought(tmp_path)
        truths = {clip.title: truth_of(clip) for clip in training}
        server.add("m", Model(*truths, truths))
        approve_a_question(measured, people)
        client.force_login(people["lead"])
        built = build_conversations(server)
        assert review_samples(client) == {"accept": 5, "reject": 1, "edit": 1}, built
        build_pairs(server, client)
    sealed = seal()
    said = "\n".join(row.record for release in sealed for row in release.rows.all())
    for bad in ("As the title", "In the last frame", "I'm sorry", "I cannot tell", "in the image", "Floats.", "No, never."):
        assert bad not in said
    written = set()
    for release in sealed:
        out, wanted = tmp_path / "out" / release.name, formats.for_kind(release.kind)
        told = command("export_physgame", out, "--release", release.name, "--formats", *wanted)
        assert f"Wrote {release.name}, {release.rows_count} rows" in told
        contracts.check(release, out, cache=tmp_path / "cache" / release.name)
        written.update(wanted)
    assert written == set(formats.FORMATS)


def build_conversations(server):
    """Three builds, each of what the one before got no conversation about, with other frames; what they print."""
    plan = command("build_physinstruct", "--dry-run")
    assert "3 training clips to build from." in plan and "3 calls to m" in plan and "It costs at most $" in plan
    before = sum(server.asked.values())
    built = "".join(command("build_physinstruct", frames=frames) for frames in (8, 4, 3))
    assert "0 training clips" in command("build_physinstruct", "--dry-run")
    assert sum(server.asked.values()) - before == 3 + (1 + 2) + 2  # one of them twice, for it gave no reply
    failed = {"not_json": 1, "cut": 1, "schema": 1, "no_reply": 1}
    assert counted(BuildStep.objects.filter(state="failed"), "reason") == failed
    rejected = InstructSample.objects.filter(state="rejected")
    assert counted(rejected, "reason") == dict.fromkeys(reasons.OF_SAMPLES, 1)
    waiting = InstructSample.objects.filter(state="generated")
    assert counted(waiting, "kind") == {"open": 2, "yes_no": 2, "follow_up": 1, "choice": 1, "glitch_free": 1}
    for reason in (*failed, *reasons.OF_SAMPLES):
        assert f"  1 {reasons.ALL[reason]}" in built
    return built


def build_pairs(server, client):
    """Pairs of the six samples that stand alone, four ways each; the one that the judge left open is ruled on by hand."""
    assert "24 calls and at most 24 of the judge to m" in command("build_physdpo", "--dry-run", ways=WAYS)
    told = command("build_physdpo", ways=WAYS)
    pairs = PreferencePair.objects.all()
    dropped = {"title": 1, "empty": 1, "equal": 1, "right": 2, "refusal": 1, "frames": 1, "too_long": 1}
    assert counted(pairs.filter(state="rejected"), "reason") == dropped
    assert counted(pairs, "kind") == dict.fromkeys(("meta", "temporal", "spatial", "joint"), 6)
    assert counted(pairs, "state") == {"accepted": 15, "rejected": 8, "generated": 1}
    for reason, count in dropped.items():
        assert f"  {count} {reasons.ALL[reason]}" in told
    open_one = pairs.get(state="generated")
    assert (open_one.rejected, open_one.prompt, open_one.verdict) == (UNUSABLE, ASKS, "")
    page = client.get(reverse("preference_pair", args=[open_one.pk])).content.decode()
    assert UNUSABLE in page and reverse("preference_frame", args=[open_one.pk, 0]) in page
    answer = {"version": open_one.version, "decision": "accept"}
    assert client.post(reverse("preference_decide", args=[open_one.pk]), answer).status_code == 302
    # Words of the true answer that change afterwards take the pairs along that were made of them.
    sample = open_one.sample
    words = {"version": sample.version, "decision": "edit", "question": ASKS, "answer": f"Look closely. {sample.answer}"}
    assert client.post(reverse("instruct_decide", args=[sample.pk]), words).status_code == 302
    assert counted(pairs.filter(state="rejected"), "reason") == dropped | {"chosen_changed": 4}
    assert set(reasons.OF_PAIRS) < set(counted(pairs, "reason"))
    assert LLMCall.objects.filter(state="answered").count() == len(server.answered)


def seal():
    """The three releases, by the command; what they hold is what was accepted."""
    accepted = [model.objects.filter(state="accepted").count() for model in (InstructSample, PreferencePair)]
    assert accepted == [6, 12]
    for name, kind in (("bench", "benchmark"), ("sft", "instruct"), ("dpo", "preference")):
        assert f"Sealed {name}, {kind} number 1" in command("seal_release", name, kind=kind)
    bench, sft, dpo = Release.objects.order_by("pk")
    assert (bench.rows_count, sft.clips_count, sft.facts["turns"], dpo.rows_count) == (1, 3, 6, 12)
    assert sft.facts["acceptance"] == {"as_written": 4, "edited": 2, "rejected": 1}
    return [bench, sft, dpo]
