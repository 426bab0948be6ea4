"""What people decide: once, by whoever came first, and pairs follow their true answer."""

import threading

import pytest
from django.db import connection

from annotator.models import WrongState
from modelzoo.instruct import demo, figures, rulings
from modelzoo.instruct.models import InstructSample, PreferencePair
from studio import history
from tests.factories import ClipFactory, InstructSampleFactory, PreferencePairFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead():
    return UserFactory(roles=["lead"])


@pytest.fixture
def waits():
    return InstructSampleFactory(state="generated")


def now(row):
    row.refresh_from_db()
    return row.state, row.reason, row.decided_by, row.version


class TestADecision:
    def test_accepting(self, lead, waits):
        rulings.accept(user=lead, sample_id=waits.pk, version=0)
        assert now(waits) == ("accepted", "", lead, 1) and waits.decided_at and waits.made is None
        assert list(InstructSample.objects.accepted()) == [waits]

    def test_rejecting_has_a_reason(self, lead, waits):
        for bad in ("", "title", "both_true"):
            with pytest.raises(rulings.BadText):
                rulings.reject(user=lead, sample_id=waits.pk, version=0, reason=bad)
        rulings.reject(user=lead, sample_id=waits.pk, version=0, reason="dull")
        assert now(waits) == ("rejected", "dull", lead, 1)

    def test_an_edit_accepts_and_keeps_what_was_made(self, lead, waits):
        made = {"question": waits.question, "answer": waits.answer}
        edit = {"user": lead, "sample_id": waits.pk}
        rulings.edit(**edit, version=0, question=waits.question, answer=" The red crate\nfloats in the air. ")
        assert now(waits) == ("accepted", "", lead, 1)
        assert waits.answer == "The red crate floats in the air." and waits.made == made
        rulings.edit(**edit, version=1, question="What floats in this clip?", answer="The red crate floats in the air.")
        waits.refresh_from_db()
        assert waits.made == made, "what a model wrote stays, however often people edit"
        rulings.edit(**edit, version=2, **made)
        waits.refresh_from_db()
        assert waits.made is None and waits.version == 3
        assert InstructSample.objects.filter(made__isnull=True).exists(), "not JSON's null"

    @pytest.mark.parametrize(
        ("kind", "question", "answer", "field"),
        [
            ("open", "", "The crate floats in the air.", "question"),
            ("open", "What breaks?", " \n ", "answer"),
            ("open", "What breaks?", "x" * 4001, "answer"),
            ("open", "What breaks?", "Floats.", "answer"),
            ("yes_no", "Is it normal?", "The crate hangs in the air.", "answer"),
            ("choice", "Which? (A) One. (B) Two.", "(A) One.", "question"),
        ],
    )
    def test_an_edit_must_have_the_form_of_its_kind(self, lead, kind, question, answer, field):
        sample = InstructSampleFactory(state="generated", kind=kind)
        with pytest.raises(rulings.BadText) as refusal:
            rulings.edit(user=lead, sample_id=sample.pk, version=0, question=question, answer=answer)
        assert refusal.value.field == field and now(sample) == ("generated", "", None, 0)

    def test_taking_it_back_brings_the_words_back(self, lead, waits):
        words = waits.answer
        rulings.edit(user=lead, sample_id=waits.pk, version=0, question=waits.question, answer="The crate floats, oddly.")
        rulings.reopen(user=lead, sample_id=waits.pk, version=1)
        assert now(waits) == ("generated", "", None, 2) and waits.answer == words and waits.made is None

    def test_the_history_tells_it(self, lead, waits):
        rulings.reject(user=lead, sample_id=waits.pk, version=0, reason="wrong")
        newest = history.of(waits)[0]
        assert ("state", "Waits for a person", "Rejected") in newest.changes


class TestTwoAtOnce:
    def test_the_second_is_told_who_came_first(self, lead, waits):
        other = UserFactory(roles=["lead"])
        rulings.accept(user=lead, sample_id=waits.pk, version=0)
        with pytest.raises(WrongState, match=f"{lead} came first.*Accepted"):
            rulings.reject(user=other, sample_id=waits.pk, version=0, reason="wrong")
        assert now(waits) == ("accepted", "", lead, 1)

    def test_the_same_decision_sent_twice_is_one(self, lead, waits):
        for _again in range(2):
            rulings.accept(user=lead, sample_id=waits.pk, version=0)
        assert now(waits) == ("accepted", "", lead, 1)
        with pytest.raises(WrongState):
            rulings.accept(user=UserFactory(), sample_id=waits.pk, version=0)

    @pytest.mark.django_db(transaction=True)
    def test_in_truth_at_once_one_wins(self, waits):
        people = [UserFactory(roles=["lead"]) for _ in range(4)]
        barrier, won, told = threading.Barrier(4), [], []

        def rule(person, number):
            try:
                barrier.wait(10)
                if number % 2:
                    rulings.accept(user=person, sample_id=waits.pk, version=0)
                else:
                    rulings.reject(user=person, sample_id=waits.pk, version=0, reason="wrong")
                won.append(person)
            except WrongState:
                told.append(person)
            finally:
                connection.close()

        threads = [threading.Thread(target=rule, args=pair) for pair in zip(people, range(4), strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        waits.refresh_from_db()
        assert len(won) == 1 and len(told) == 3 and waits.decided_by == won[0] and waits.version == 1


class TestPairsFollowTheirSample:
    def test_an_edit_drops_them_and_taking_it_back_brings_them_back(self, lead):
        pair = PreferencePairFactory()
        doubted = PreferencePairFactory(sample=pair.sample, kind="temporal", state="generated", verdict="")
        dropped = PreferencePairFactory(sample=pair.sample, kind="spatial", state="rejected", reason="right")
        rulings.edit(
            user=lead, sample_id=pair.sample_id, version=0, question=pair.prompt, answer="The crate simply floats there."
        )
        assert now(pair)[:2] == now(doubted)[:2] == ("rejected", "chosen_changed")
        rulings.reopen(user=lead, sample_id=pair.sample_id, version=1)
        assert now(pair)[:2] == ("rejected", "chosen_changed"), "the sample is not accepted"
        rulings.accept(user=lead, sample_id=pair.sample_id, version=2)
        assert now(pair)[:2] == ("accepted", "") and now(doubted)[:2] == ("generated", "")
        assert now(dropped) == ("rejected", "right", None, 0)

    def test_a_rejected_sample_takes_its_pairs_with_it(self, lead):
        pair, other = PreferencePairFactory(), PreferencePairFactory()
        rulings.reject(user=lead, sample_id=pair.sample_id, version=0, reason="wrong")
        assert now(pair)[:2] == ("rejected", "chosen_changed") and now(other)[0] == "accepted"
        assert list(PreferencePair.objects.accepted()) == [other]


class TestPairs:
    def test_a_person_decides_where_the_judge_could_not(self, lead):
        pair = PreferencePairFactory(state="generated", verdict="")
        rulings.accept_pair(user=lead, pair_id=pair.pk, version=0)
        assert now(pair) == ("accepted", "", lead, 1)
        rulings.reject_pair(user=lead, pair_id=pair.pk, version=1, reason="both_true")
        assert now(pair) == ("rejected", "both_true", lead, 2)
        with pytest.raises(WrongState, match="came first"):
            rulings.accept_pair(user=UserFactory(), pair_id=pair.pk, version=1)

    def test_a_pair_that_prefers_nothing_cannot_be_accepted(self, lead):
        even = PreferencePairFactory(state="rejected", reason="right", rejected_score=5.0)
        with pytest.raises(WrongState, match="score the same"):
            rulings.accept_pair(user=lead, pair_id=even.pk, version=0)
        stale = PreferencePairFactory(state="rejected", reason="chosen_changed", chosen="It was another answer then.")
        with pytest.raises(WrongState, match="true answer was changed"):
            rulings.accept_pair(user=lead, pair_id=stale.pk, version=0)
        assert now(even)[3] == now(stale)[3] == 0


class TestSampling:
    def test_everybody_gets_each_one_once_in_an_order_of_their_own(self):
        ready = [InstructSampleFactory(state="generated") for _ in range(5)]
        InstructSampleFactory(state="accepted")
        InstructSampleFactory(state="generated", clip=ClipFactory(purpose="training", state="failed"))
        firsts = set()
        for _person in range(6):
            person, seen, last = UserFactory(), [], None
            for _ in ready:
                last = rulings.next_sample(person, after=last and last.pk)
                seen.append(last)
            assert set(seen) == set(ready), "passing over goes round"
            firsts.add(seen[0])
        assert len(firsts) > 1
        InstructSample.objects.update(state="accepted", decided_at=ready[0].created_at)
        assert rulings.next_sample(person) is None and rulings.next_sample(person, after=10**9) is None

    def test_the_only_one_is_not_passed_over_to_itself(self, lead, waits):
        assert rulings.next_sample(lead) == waits and rulings.next_sample(lead, after=waits.pk) is None


class TestFigures:
    def test_the_acceptance_rate_is_of_what_people_ruled_on(self, lead):
        for number in range(10):
            sample = InstructSampleFactory(state="generated", kind="open" if number < 8 else "choice")
            if number < 7:
                rulings.accept(user=lead, sample_id=sample.pk, version=0)
            elif number == 7:
                rulings.edit(
                    user=lead, sample_id=sample.pk, version=0, question=sample.question, answer="It floats in the air."
                )
            else:
                rulings.reject(user=lead, sample_id=sample.pk, version=0, reason="wrong")
        InstructSampleFactory(state="rejected", reason="title")  # by rule
        InstructSampleFactory(state="generated")
        InstructSampleFactory(origin="glitchworld", decided_by=lead)
        found, by_kind = figures.acceptance()
        assert (found.as_written, found.edited, found.rejected) == (7, 1, 2)
        # 8 of 10 at 95 %: (0.490, 0.943), as in textbooks
        assert (found.share.value, round(found.share.low, 3), round(found.share.high, 3)) == (0.8, 0.490, 0.943)
        assert [(kind, one.share.hits, one.share.n) for kind, _label, one in by_kind] == [("open", 8, 8), ("choice", 0, 2)]

    def test_nothing_has_no_rate(self):
        found, by_kind = figures.acceptance()
        assert found.share.value is found.share.low is None and by_kind == [] == figures.of_pairs()

    def test_pairs_by_kind(self, lead):
        # "a b c d" and "a c x": common "a c", 2 of 4 and of 3 words: F1 is 2·2/7; 3 words less 4
        first = PreferencePairFactory(chosen="a b c d", rejected="a c x", verdict="wrong")
        PreferencePairFactory(chosen="a b", rejected="c d e f g", verdict="right", state="rejected", reason="right")
        PreferencePairFactory(rejected="", state="rejected", reason="empty", verdict="")
        PreferencePairFactory(kind="distractor", origin="question", verdict="")
        meta, distractor = figures.of_pairs()
        assert (meta.kind, meta.n, meta.accepted) == ("meta", 2, 1)
        assert (meta.longer, meta.longer_sd) == (1.0, 2.0) and meta.overlap == pytest.approx(2 / 7)
        assert (meta.wrong.hits, meta.right.hits, meta.wrong.n) == (1, 1, 2)
        assert distractor.wrong.value is None and meta.people.value is None
        rulings.reject_pair(user=lead, pair_id=first.pk, version=0, reason="dull")
        assert (figures.of_pairs()[0].people.hits, figures.of_pairs()[0].people.n) == (0, 1)

    def test_counts_by_state_kind_and_reason(self):
        InstructSampleFactory.create_batch(2)
        InstructSampleFactory(kind="choice", state="rejected", reason="bad_choice")
        InstructSampleFactory(kind="choice", state="rejected", reason="wrong")
        InstructSampleFactory(kind="choice", state="rejected", reason="wrong")
        found = figures.cells(InstructSample)
        by_kind = figures.table(found, 2, InstructSample.Kind.choices)
        assert [(name, states["accepted"], states["rejected"], total) for name, _l, states, total in by_kind] == [
            ("open", 2, 0, 2), ("choice", 0, 3, 3),
        ]  # fmt: skip
        assert [(reason, count) for reason, _l, count in figures.dropped(found)] == [("wrong", 2), ("bad_choice", 1)]


def test_the_demo_shows_some_decisions_once(lead):
    clip = ClipFactory(purpose="training")
    for place in range(5):
        InstructSampleFactory(clip=clip, origin="glitchworld", place=place)
    for _again in range(2):
        demo.review_some(lead)
    states = InstructSample.objects.order_by("place").values_list("state", "version")
    assert list(states) == [("accepted", 0), ("accepted", 0), ("accepted", 1), ("rejected", 1), ("generated", 1)]
