"""The leak check end to end: real HTTP to a local server, real jobs; the right verdict for the right reason."""

import json
import threading

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction
from django.utils import translation

from annotator import letters
from annotator.models import OPTION_KEYS, Lease, Question, Remark, WrongState
from annotator.services import Invalid, submit
from qc import handing_out, leaks, services
from qc.leak_models import LeakAnswer, LeakCheck, LeakWaiver
from qc.leak_verdicts import PERSON, passed, return_approved, waive, with_standing
from qc.models import BlindAnswer, Review
from studio import jobs
from studio.llm import endpoints
from studio.llm.models import LLMCall
from studio.models import Job
from tests.factories import CONTENT, ClipFactory, QuestionFactory
from tests.llm_server import always, first, garbage, knows, longest, mumbles, nearly, status
from tests.qc.conftest import review, ruling

pytestmark = pytest.mark.django_db
KNOWN = {CONTENT["correct"]}


def check(question, **options):
    """Check the current revision as a worker would; returns the LeakCheck."""
    revision = question.revisions.get(number=question.revision_number)
    job, _count = leaks.start([revision.pk], **options)
    jobs.run(job.pk)
    return LeakCheck.objects.get(job=job)


def first_letter_of_the_key():
    """Where the key stands in the first order of the usual question, and so in the options alone."""
    from django.conf import settings

    order = letters.rotations(settings.LETTER_SEED, CONTENT["stem"], *(CONTENT[key] for key in OPTION_KEYS))[0]
    return letters.LETTERS[order.index("correct")]


def submitted(**content):
    return QuestionFactory(submitted=True, **content)


class TestVerdicts:
    def test_a_model_that_knows_the_answer_makes_a_question_leaky(self, use, server):
        use(wise=knows(KNOWN))
        found = check(submitted())
        assert (found.state, found.current) == ("leaky", True)
        assert found.reason == (
            "wise chose the correct option in 4 of 4 orders, always the same content, without the video."
        )
        answers = list(found.answers.all())
        assert [(a.kind, a.number, a.option) for a in answers] == [
            ("options_only", 0, "correct"), *(("rotation", n, "correct") for n in range(4)),
        ]  # fmt: skip
        assert {a.letter for a in answers if a.kind == "rotation"} == set("ABCD"), "the letter moves, the content stays"
        assert sum(server.answered.values()) == 5 == LLMCall.objects.filter(state="answered").count()

    def test_one_that_always_says_the_same_letter_is_right_once_in_four_and_clears(self, use):
        use(stuck=always("B"))
        found = check(submitted())
        assert (found.state, found.reason) == (
            "clear",
            "stuck said B in all 4 orders, whatever stood there, so it chose the correct option in 1 of 4 orders without the"
            " video.",
        )
        rotations = found.answers.filter(kind="rotation")
        assert {a.letter for a in rotations} == {"B"} and {a.option for a in rotations} == set(OPTION_KEYS)

    def test_one_that_picks_the_longest_is_right_where_the_key_is_longest_and_only_there(self, use):
        use(measuring=longest)
        found = check(submitted(correct=CONTENT["correct"] + " It stays there until the end of the clip."))
        assert found.state == "leaky" and "in 4 of 4 orders, always the same content" in found.reason
        assert {a.option for a in found.answers.all()} == {"correct"}
        assert {a.letter for a in found.answers.filter(kind="rotation")} == set("ABCD")
        found = check(submitted(distractor_2=CONTENT["distractor_2"] + " It stays there until the end of the clip."))
        assert found.state == "clear" and {a.option for a in found.answers.all()} == {"distractor_2"}
        assert "measuring chose one and the same distractor in all 4 orders" in found.reason

    def test_the_reason_is_told_in_the_readers_language(self, use):
        use(stuck=always("B"))
        found = check(submitted())
        with translation.override("zh-hans"):
            found.refresh_from_db()
            assert "stuck 在全部 4 种顺序中都回答 B" in found.reason

    def test_one_that_nearly_knows_leaves_it_unsure(self, use):
        use(near=nearly(KNOWN))
        found = check(submitted())
        assert found.state == "unsure" and "in 3 of 4 orders" in found.reason

    @pytest.mark.parametrize(
        ("silent", "reason"),
        [
            (mumbles(""), "empty"),
            (mumbles("I cannot see the video, so I cannot say."), "nothing"),
            (mumbles("A or B"), "several"),
            (mumbles("A", finish_reason="length"), "cut"),
        ],
    )
    def test_no_answer_is_never_right_and_never_clears(self, use, silent, reason):
        use(mute=silent)
        found = check(submitted())
        assert found.state == "unsure" and "no answer to most" in found.reason
        assert set(found.answers.values_list("option", "no_answer")) == {("", reason)}

    @pytest.mark.parametrize(
        ("models", "state"),
        [
            ([knows(KNOWN), nearly(KNOWN), always("A")], "leaky"),
            ([knows(KNOWN), always("B"), always("A")], "unsure"),
            ([longest, always("B"), always("A")], "clear"),
            ([nearly(KNOWN), mumbles(""), always("A")], "unsure"),
        ],
        ids=["two of three", "one of three", "none", "one and one silent"],
    )
    def test_of_several_families_two_in_three_must_know(self, use, models, state):
        use(**dict(zip(["gpt", "llama", "qwen"], models, strict=True)))
        found = check(submitted(distractor_1=CONTENT["distractor_1"] + " It does so again and again, to the end."))
        assert (found.state, found.answers.count()) == (state, 15)

    def test_models_of_one_family_are_one_voice(self, use):
        use({"small": "gpt", "large": "gpt"}, small=always("A"), large=knows(KNOWN))
        found = check(submitted())
        assert found.state == "leaky" and found.reason.startswith("large chose")

    def test_the_papers_rule_asks_once(self, use, server, settings):
        settings.LEAK_RULE = "paper"
        use(wise=knows(KNOWN), other=always("A"))
        assert check(submitted()).state == "leaky"
        assert sum(server.answered.values()) == 1
        use(blind=knows({CONTENT["distractor_3"]}))
        assert check(submitted()).state == "clear"


class TestWhatIsAsked:
    def test_the_video_its_title_and_the_key_never_leave(self, use, server):
        use(m=always("A"))
        question = submitted(clip=ClipFactory(title="Crate floats in the sky", text="a story"))
        check(question)
        sent = json.dumps(server.bodies)
        assert "Crate floats in the sky" not in sent and "a story" not in sent and "video_url" not in sent
        assert "correct option" not in sent and "distractor" not in sent and "Gravity" not in sent
        assert all(body["temperature"] == 0 for body in server.bodies)
        with_stem = [body for body in server.bodies if CONTENT["stem"] in body["messages"][0]["content"]]
        assert len(with_stem) == 4 and len(server.bodies) == 5

    def test_the_same_wording_is_not_paid_again(self, use, server):
        use(m=always("A"))
        first_one, again = check(submitted()), check(submitted())
        assert again.answers.count() == 5 and sum(server.answered.values()) == 5
        assert set(first_one.answers.values_list("call")) == set(again.answers.values_list("call"))


class TestWhatFollows:
    def test_a_leaky_question_goes_back_to_its_author_with_the_evidence(self, use, reviewer):
        question = submitted()
        revision = question.revisions.get()
        handing_out.hold(reviewer, revision)
        use(wise=knows(KNOWN))
        check(question)
        question.refresh_from_db()
        assert (question.state, question.review_slots) == ("returned", 0) and not Lease.objects.exists()
        remark = Remark.objects.get()
        assert (remark.field, remark.code, remark.by.username) == ("correct", "leaky", PERSON)
        assert "4 of 4 orders" in remark.comment and "from the options alone" in remark.comment
        assert not remark.by.is_active and not remark.by.has_usable_password()

    def test_a_reviewer_in_the_middle_is_told_in_words(self, use, reviewer):
        question = submitted()
        revision = question.revisions.select_related("question__clip").get()
        handing_out.hold(reviewer, revision)
        BlindAnswer.objects.create(revision=revision, reviewer=reviewer, answer="correct", watched_s=10)
        use(wise=knows(KNOWN))
        check(question)
        ruling = services.Ruling("approve", [], "", "7f1d3d0e-0f3c-4a52-a5a5-6f0d1f6d1a11")
        with pytest.raises(WrongState, match="leak check sent this question back .* not stored"):
            services.rule(user=reviewer, revision=revision, ruling=ruling)
        revision.question.refresh_from_db()
        with pytest.raises(WrongState, match="leak check sent this question back"):
            handing_out.hold(reviewer, revision)
        assert not Review.objects.exists()

    def test_an_approval_before_the_leak_was_found_cannot_be_undone(self, use, reviewer):
        question = submitted(revision__approvals_needed=2)
        given = review(reviewer, question, ruling())
        use(wise=knows(KNOWN))
        check(question)
        with pytest.raises(WrongState, match="can no longer be undone"):
            services.undo(user=reviewer, review_id=given.pk)
        question.refresh_from_db()
        assert question.state == "returned" and Remark.objects.exists()

    def test_one_lucky_answer_to_the_options_alone_is_no_evidence(self, use):
        use(gpt=knows(KNOWN), llama=knows(KNOWN), lucky=always(first_letter_of_the_key()))
        check(submitted())
        assert "gpt chose it from the options alone" in Remark.objects.get().comment
        assert "lucky" not in Remark.objects.get().comment

    def test_the_remark_is_in_the_authors_language(self, use):
        question = submitted(author__language="zh-hans")
        use(wise=knows(KNOWN))
        check(question)
        assert Remark.objects.get().comment

    @pytest.mark.parametrize("state", ["approved", "disputed"])
    def test_what_people_decided_first_stands_but_does_not_pass_the_gate(self, use, state):
        question = submitted()
        Question.objects.filter(pk=question.pk).update(state=state, review_slots=0)
        use(wise=knows(KNOWN))
        check(question)
        question.refresh_from_db()
        assert question.state == state and not Remark.objects.exists()
        assert not passed(question.revisions.all()).exists()

    def test_a_lead_may_send_an_approved_one_back(self, use, lead):
        question = QuestionFactory(approved=True)
        use(wise=knows(KNOWN))
        check(question)
        return_approved(user=lead, revision=question.revisions.get())
        question.refresh_from_db()
        assert question.state == "returned" and Remark.objects.get().by == lead
        with pytest.raises(WrongState):
            return_approved(user=lead, revision=question.revisions.get())

    def test_a_revision_is_checked_as_it_is_submitted(self, use, annotator):
        use(m=always("B"))
        clip = ClipFactory(open_slots=1)
        content = {"sub_label": "", **CONTENT}
        revision = submit(
            user=annotator, clip=clip, base_version=0, content=content, client_key="7f1d3d0e-0f3c-4a52-a5a5-6f0d1f6d1a12"
        )
        (found,) = revision.leak_checks.all()
        assert found.state == "checking"
        assert jobs.run(found.job_id) == "done"
        found.refresh_from_db()
        assert found.state == "clear"

    def test_without_a_key_nothing_is_begun_and_nothing_pretends(self, use, monkeypatch):
        use(m=always("B"))
        monkeypatch.delenv("TEST_LLM_KEY")
        question = submitted()
        leaks.on_submitted(question.revisions.get())
        assert not LeakCheck.objects.exists() and not Job.objects.exists()
        with pytest.raises(endpoints.NoModel, match="TEST_LLM_KEY"):
            leaks.start([question.revisions.get().pk])
        assert with_standing(question.revisions.all()).get().leak_standing == "unchecked"


class TestWhenItFails:
    @pytest.mark.parametrize("fault", [status(500), garbage(), status(400, message="no such thing")])
    def test_a_model_that_does_not_answer_fails_the_check_in_words_and_keeps_the_old_verdict(self, use, fault):
        question = submitted()
        use(m=always("B"))
        old = check(question)
        use(down=fault)
        new = check(question)
        old.refresh_from_db()
        assert new.state == "failed" and "down" in new.reason and not new.current
        assert old.current and passed(question.revisions.all()).exists()

    def test_one_failure_leaves_the_other_checks_alone(self, use):
        unlucky, lucky = submitted(), submitted(correct="The crate rests on nothing at all.")

        def picky(body, number):
            return (status(400) if CONTENT["correct"] in body["messages"][0]["content"] else always("A"))(body, number)

        use(m=picky)
        job, count = leaks.start([unlucky.revisions.get().pk, lucky.revisions.get().pk])
        assert count == 2 and jobs.run(job.pk) == "done"
        assert sorted(LeakCheck.objects.values_list("state", flat=True)) == ["clear", "failed"]

    def test_a_spent_budget_stops_the_job_in_words_and_it_goes_on_later(self, use, settings, server):
        from decimal import Decimal

        use(m=always("B"))
        questions = [submitted(correct=f"The crate floats {n} metres above.") for n in range(3)]
        settings.LLM_BUDGET_JOB_USD = Decimal("0.004")
        job, _count = leaks.start([question.revisions.get().pk for question in questions])
        assert jobs.run(job.pk) == "failed"
        bought = sum(server.answered.values())
        assert "budget of this job" in Job.objects.get(pk=job.pk).error and 0 < bought < 15
        assert set(LeakCheck.objects.values_list("state", flat=True)) <= {"failed", "clear"}
        settings.LLM_BUDGET_JOB_USD = Decimal(1)
        assert jobs.retry(job) and jobs.run(job.pk) == "done"
        assert sum(server.answered.values()) == 15 and set(LeakCheck.objects.values_list("state", flat=True)) == {"clear"}

    def test_checks_of_a_job_that_died_for_good_can_be_made_anew(self, use):
        use(m=always("B"))
        question = submitted()
        job, _count = leaks.start([question.revisions.get().pk])
        Job.objects.filter(pk=job.pk).update(state="failed")
        assert check(question).state == "clear"
        assert LeakCheck.objects.order_by("id").first().state == "failed"

    @pytest.mark.django_db(transaction=True)
    def test_two_starts_at_once_make_one_check(self, use):
        use(m=always("B"))
        pk, barrier = submitted().revisions.get().pk, threading.Barrier(2)
        counts = []

        def work():
            barrier.wait()
            counts.append(leaks.start([pk])[1])
            connection.close()

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(counts) == [0, 1] and LeakCheck.objects.count() == 1

    def test_faults_on_the_way_change_no_verdict(self, use):
        use(wise=first([status(429, retry_after="0")], then=knows(KNOWN)))
        assert check(submitted()).state == "leaky"


class TestWaivers:
    @pytest.fixture
    def leaky(self, use):
        question = submitted()
        use(wise=knows(KNOWN))
        check(question)
        question.refresh_from_db()
        return question

    def test_a_waiver_brings_a_returned_question_back_to_review_and_through_the_gate(self, leaky, lead):
        revision = leaky.revisions.get()
        assert not passed(leaky.revisions.all()).exists()
        waive(user=lead, revision=revision, reason="Two checkers found it hard.")
        leaky.refresh_from_db()
        assert (leaky.state, leaky.review_slots, leaky.settled_at) == ("submitted", 1, None)
        assert not Remark.objects.exists() and passed(leaky.revisions.all()).get() == revision
        assert with_standing(leaky.revisions.all()).get().leak_standing == "waived"

    def test_it_covers_the_same_wording_submitted_again_and_no_other(self, leaky, lead):
        Question.objects.filter(pk=leaky.pk).update(saved_at="2100-01-01T00:00Z")  # its author has begun to rewrite it
        waive(user=lead, revision=leaky.revisions.get(), reason="Fine.")
        leaky.refresh_from_db()
        assert leaky.state == "returned"
        again = submit(
            user=leaky.author, clip=leaky.clip, base_version=leaky.version, content=leaky.content_dict(),
            client_key="7f1d3d0e-0f3c-4a52-a5a5-6f0d1f6d1a13",
        )  # fmt: skip
        jobs.run(again.leak_checks.get().job_id)
        again.question.refresh_from_db()
        assert again.leak_checks.get().state == "leaky" and again.question.state == "submitted"
        assert passed(leaky.revisions.filter(number=2)).exists()

    def test_it_needs_a_reason_a_leak_and_another_person(self, leaky, lead):
        revision = leaky.revisions.get()
        with pytest.raises(Invalid, match="Write why"):
            waive(user=lead, revision=revision, reason="  ")
        with pytest.raises(Invalid, match="at most 2000"):
            waive(user=lead, revision=revision, reason="x" * 2001)
        with pytest.raises(PermissionDenied):
            waive(user=leaky.author, revision=revision, reason="I like it.")
        with pytest.raises(IntegrityError, match="cannot waive"), transaction.atomic():
            LeakWaiver.objects.create(revision=revision, lead=leaky.author, reason="I like it.")
        with pytest.raises(WrongState, match="nothing to waive"):
            waive(user=lead, revision=submitted().revisions.get(), reason="Fine.")
        waive(user=lead, revision=revision, reason="Fine.")
        with pytest.raises(WrongState, match="Another lead"):
            waive(user=lead, revision=revision, reason="Fine, too.")

    def test_it_never_changes(self, leaky, lead):
        waiver = waive(user=lead, revision=leaky.revisions.get(), reason="Fine.")
        with pytest.raises(Exception, match="leak_waivers_never_change"), transaction.atomic():
            LeakWaiver.objects.filter(pk=waiver.pk).update(reason="Other.")


def test_every_answer_names_its_call_and_an_option_or_why_not(use):
    use(m=mumbles("none of them"))
    check(submitted())
    answer = LeakAnswer.objects.first()
    assert answer.call.purpose == leaks.PURPOSE and answer.call.text == "none of them"
    with pytest.raises(IntegrityError), transaction.atomic():
        LeakAnswer.objects.filter(pk=answer.pk).update(option="correct")


@pytest.mark.django_db(transaction=True)
def test_a_job_has_several_requests_under_way_and_the_first_exception_ends_it(use, server, settings):
    settings.LLM_PARALLEL = 4
    server.delay_s = 0.05
    use(m=always("A"))
    questions = [submitted(correct=f"The crate floats {n} metres above.") for n in range(6)]
    job, _count = leaks.start([question.revisions.get().pk for question in questions])
    assert jobs.run(job.pk) == "done"
    assert 1 < server.most_under_way <= 4 and set(LeakCheck.objects.values_list("state", flat=True)) == {"clear"}
    settings.LLM_BUDGET_DAY_USD = 0
    question = submitted(correct="The crate is of another kind.")
    job, _count = leaks.start([question.revisions.get().pk])
    assert jobs.run(job.pk) == "failed"
    assert LeakCheck.objects.get(job=job).state == "failed"
