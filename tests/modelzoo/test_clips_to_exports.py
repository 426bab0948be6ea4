"""From the clips of a running `make demo` to every export, by the commands and pages people use.

The model is a local server that speaks OpenAI's API. It answers from the ground truth of each clip, and is bad on purpose
in every way that has a reason: each bad reply must end in its own reason, and none in an export.
"""

import io
import json
import random
from collections import Counter

import pytest
from django.urls import reverse
from PIL import Image

from annotator.glitchworld.instruct import instruct_pairs
from annotator.models import Clip, Fingerprint
from annotator.truths import parse
from modelzoo import formats
from modelzoo.instruct import reasons, seeds
from modelzoo.instruct.models import BuildStep, InstructSample, PreferencePair
from modelzoo.models import Release
from qc.models import LeakCheck
from studio.llm.models import LLMCall
from tests.conftest import wait_until
from tests.demo import make_demo
from tests.llm_server import KEY, LLMServer, always, conversation_about, mumbles, pictures, status, talks, turn
from tests.modelzoo.releases import contracts

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ASKS = "What goes wrong around here?"
WRONG = "The blue ball rolls uphill by itself, although nothing pushes it."
UNUSABLE = "A dog flies over the fence and barks at the moon."  # what the judge cannot make up its mind about
WAYS = ("meta", "temporal", "spatial", "meta+temporal+spatial")


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
def server():
    with LLMServer() as server:
        yield server


@pytest.fixture
def demo(server, tmp_path, settings, django_db_blocker):
    """A demo that may ask the server, with one approved question and its three clips for training; models read its rows."""
    environment = {
        "STUDIO_LLM_MODELS": json.dumps([server.entry("m")]), "TEST_LLM_KEY": KEY, "NO_PROXY": "127.0.0.1",
        "STUDIO_LLM_TRIES": "2", "STUDIO_LLM_BACKOFF_S": "0.01",
    }  # fmt: skip
    with make_demo(tmp_path, "DEMO_CLIPS=1", "DEMO_STEPS=0", **environment) as demo, demo.database(django_db_blocker):
        settings.MEDIA_ROOT = demo.data_dir / "media"
        yield demo


def truth_of(clip):
    """What GlitchWorld says breaks in a clip, "" for nothing."""
    truth = parse(json.dumps(clip.truth.row))
    return instruct_pairs(truth, rng=random.Random(truth.clip_id))[0]["a"] if truth.glitch else ""


def review_samples(lead):
    """A lead goes through all that waits: edits one, rejects one, accepts the others."""
    seen = Counter()
    while sample := lead.json(reverse("api_instruct_next"))["sample"]:
        form = {"version": sample["version"], "review": 1, "decision": "accept"}
        if sample["kind"] == "follow_up":
            form |= {"decision": "reject", "reason": "dull"}
        elif sample["kind"] == "glitch_free":
            answer = "Nothing breaks in it, as far as one sees."
            form |= {"decision": "edit", "question": sample["question"], "answer": answer}
        lead.post(reverse("instruct_decide", args=[sample["id"]]), form)
        seen[form["decision"]] += 1
    return seen


def test_the_whole_way_and_every_bad_reply_ends_in_its_reason(server, demo, tmp_path):
    wait_until(lambda: not Fingerprint.objects.filter(compared_at=None).exists(), seconds=60, what="the comparison")
    training = list(Clip.objects.filter(purpose="training").select_related("truth").order_by("pk"))
    assert [bool(clip.truth.category) for clip in training] == [True, True, False]
    truths = {clip.title: truth_of(clip) for clip in training}
    server.add("m", Model(*truths, truths))
    demo.manage("check_leaks", "--model", "m", "--all")
    wait_until(lambda: LeakCheck.objects.filter(endpoints=["m"], current=True, state="clear").exists(), what="a leak check")
    lead = demo.visitor("lead")
    built = build_conversations(server, demo)
    assert review_samples(lead) == {"accept": 5, "reject": 1, "edit": 1}, built
    build_pairs(server, demo, lead)
    sealed = seal(demo)
    said = "\n".join(row.record for release in sealed for row in release.rows.all())
    for bad in ("As the title", "In the last frame", "I'm sorry", "I cannot tell", "in the image", "Floats.", "No, never."):
        assert bad not in said
    written = set()
    for release in sealed:
        out, wanted = tmp_path / "out" / release.name, formats.for_kind(release.kind)
        told = demo.manage("export_physgame", out, "--release", release.name, "--formats", *wanted)
        assert f"Wrote {release.name}, {release.rows_count} rows" in told
        contracts.check(release, out, cache=tmp_path / "cache" / release.name)
        written.update(wanted)
        assert release.name in lead.get(release.get_absolute_url())
    assert written == set(formats.FORMATS)


def build_conversations(server, demo):
    """Three builds, each of what the one before got no conversation about, with other frames; what they print."""
    plan = demo.manage("build_physinstruct", "--dry-run")
    assert "3 training clips to build from." in plan and "3 calls to m" in plan and "It costs at most $" in plan
    before = sum(server.asked.values())
    built = "".join(demo.manage("build_physinstruct", "--frames", frames) for frames in (8, 4, 3))
    assert "0 training clips" in demo.manage("build_physinstruct", "--dry-run")
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


def build_pairs(server, demo, lead):
    """Pairs of the six samples that stand alone, four ways each; the one that the judge left open is ruled on by hand."""
    assert "24 calls and at most 24 of the judge to m" in demo.manage("build_physdpo", "--dry-run", "--ways", *WAYS)
    told = demo.manage("build_physdpo", "--ways", *WAYS)
    pairs = PreferencePair.objects.all()
    dropped = {"title": 1, "empty": 1, "equal": 1, "right": 2, "refusal": 1, "frames": 1, "too_long": 1}
    assert counted(pairs.filter(state="rejected"), "reason") == dropped
    assert counted(pairs, "kind") == dict.fromkeys(("meta", "temporal", "spatial", "joint"), 6)
    assert counted(pairs, "state") == {"accepted": 15, "rejected": 8, "generated": 1}
    for reason, count in dropped.items():
        assert f"  {count} {reasons.ALL[reason]}" in told
    open_one = pairs.get(state="generated")
    assert (open_one.rejected, open_one.prompt, open_one.verdict) == (UNUSABLE, ASKS, "")
    page = lead.get(reverse("preference_pair", args=[open_one.pk]))
    assert UNUSABLE in page and reverse("preference_frame", args=[open_one.pk, 0]) in page
    answer = {"version": open_one.version, "decision": "accept"}
    lead.post(reverse("preference_decide", args=[open_one.pk]), answer)
    # Words of the true answer that change afterwards take the pairs along that were made of them.
    sample = open_one.sample
    words = {"version": sample.version, "decision": "edit", "question": ASKS, "answer": f"Look closely. {sample.answer}"}
    lead.post(reverse("instruct_decide", args=[sample.pk]), words)
    assert counted(pairs.filter(state="rejected"), "reason") == dropped | {"chosen_changed": 4}
    assert set(reasons.OF_PAIRS) < set(counted(pairs, "reason"))
    assert LLMCall.objects.filter(state="answered", endpoint="m").count() == len(server.answered)


def seal(demo):
    """The three releases, by the command; what they hold is what was accepted."""
    accepted = [model.objects.filter(state="accepted").count() for model in (InstructSample, PreferencePair)]
    assert accepted == [6, 12]
    for name, kind in (("bench", "benchmark"), ("sft", "instruct"), ("dpo", "preference")):
        assert f"Sealed {name}, {kind} number 1" in demo.manage("seal_release", name, "--kind", kind)
    bench, sft, dpo = Release.objects.order_by("pk")
    assert (bench.rows_count, sft.clips_count, sft.facts["turns"], dpo.rows_count) == (1, 3, 6, 12)
    assert sft.facts["acceptance"] == {"as_written": 4, "edited": 2, "rejected": 1}
    return [bench, sft, dpo]
