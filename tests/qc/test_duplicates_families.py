"""Families follow from pairs and from what people say of them, and stay on one side of the wall."""

import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from annotator import curating, families
from annotator.families import Straddles
from annotator.models import Clip, ClipFamily, WrongState
from qc.duplicates import finding, grouping
from qc.duplicates.models import DuplicatePair
from tests.factories import ClipFactory, QuestionFactory, UserFactory
from tests.qc.duplicates import clip_with_print, pair

pytestmark = pytest.mark.django_db
State = DuplicatePair.State


def family_of(*clips):
    """The families of clips, as numbers from 0 on in the order met; None for a clip alone."""
    found = [Clip.objects.get(pk=clip.pk).family_id for clip in clips]
    names = {family: number for number, family in enumerate(dict.fromkeys(filter(None, found)))}
    return [names.get(family) for family in found]


@pytest.fixture
def clips():
    return [ClipFactory() for _ in range(4)]


def test_pairs_chain_clips_into_one_family_and_a_verdict_takes_it_apart(clips, lead):
    a, b, c, d = clips
    ab, bc = pair(a, b, "same"), pair(b, c, cover=0.85)
    pair(c, d, cover=0.5)  # a person is asked; until then it joins nothing
    grouping.regroup([a.pk])
    assert family_of(a, b, c, d) == [0, 0, 0, None]
    grouping.rule(user=lead, pair_id=bc.pk, verdict="different", seen="open")
    assert family_of(a, b, c) == [0, 0, None]
    grouping.rule(user=lead, pair_id=ab.pk, verdict="different", seen="same")
    assert family_of(a, b, c) == [None, None, None] and not ClipFamily.objects.exists()
    grouping.rule(user=lead, pair_id=bc.pk, verdict="scene", seen="different")
    assert family_of(a, b, c) == [None, 0, 0]
    assert Clip.objects.get(pk=b.pk).events.count() >= 4, "the history of a clip says when it changed families"
    assert [event.state for event in bc.events.order_by("pgh_id")][-1] == "scene"


def test_what_was_called_different_never_rejoins_by_itself(clips, lead):
    a, b, c, _d = clips
    ab = pair(a, b, cover=0.95)
    grouping.regroup([a.pk])
    grouping.rule(user=lead, pair_id=ab.pk, verdict="different", seen="open")
    strong, weak = pair(a, c, "same", cover=0.99), pair(b, c, "same", cover=0.9)
    grouping.regroup([c.pk])
    assert family_of(a, b, c) == [0, None, 0], "the stronger of the two holds"
    weak.refresh_from_db()
    assert (weak.state, weak.together) == ("open", False), "and the other waits for a person"
    with pytest.raises(WrongState, match=f"clips {a.pk} and {b.pk} into one family"):
        grouping.rule(user=lead, pair_id=strong.pk, verdict="same", seen="same")
        grouping.rule(user=lead, pair_id=weak.pk, verdict="same", seen="open")
    weak.refresh_from_db()
    assert weak.state == "open" and family_of(a, b, c) == [0, None, 0]


def test_people_cannot_contradict_a_chain_of_verdicts(clips, lead):
    a, b, c, _d = clips
    pairs = [pair(a, b, "same", by=lead), pair(b, c, "same", by=lead), pair(a, c)]
    grouping.regroup([a.pk])
    with pytest.raises(WrongState, match=f"{a.pk}, {b.pk}, {c.pk}"):
        grouping.rule(user=lead, pair_id=pairs[2].pk, verdict="different", seen="open")
    assert family_of(a, b, c) == [0, 0, 0]


def test_the_same_verdict_twice_is_one_and_a_late_one_is_told(clips, lead):
    one = pair(*clips[:2])
    grouping.rule(user=lead, pair_id=one.pk, verdict="same", seen="open")
    events = one.events.count()
    grouping.rule(user=lead, pair_id=one.pk, verdict="same", seen="open")
    assert one.events.count() == events
    with pytest.raises(WrongState, match=f"{lead} has ruled on this pair in between: same clip"):
        grouping.rule(user=UserFactory(roles=["lead"]), pair_id=one.pk, verdict="different", seen="open")


@pytest.mark.django_db(transaction=True)
def test_matches_at_once_make_one_family():
    hub, *rest = (ClipFactory() for _ in range(5))
    for other in rest:
        pair(hub, other, "same")
    barrier = threading.Barrier(4)

    def match(clip):
        barrier.wait()
        try:
            grouping.regroup([clip.pk])
        finally:
            connection.close()

    threads = [threading.Thread(target=match, args=[clip]) for clip in rest]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert family_of(hub, *rest) == [0] * 5 and ClipFamily.objects.count() == 1


def test_a_new_clip_is_compared_with_all_and_again_after_a_restart():
    finding.forget_index()
    old, stranger = clip_with_print(1), clip_with_print(2)
    for _restart in range(2):
        new = clip_with_print(1)
        from annotator import prints

        found = finding.candidates(new.pk, prints.of(new.fingerprint))
        assert old.pk in found and stranger.pk not in found and new.pk not in found
        finding.forget_index()


# ---- The wall


def split_family():
    one, other = ClipFactory(content="accepted"), ClipFactory(content="accepted")
    pair(one, other, "same")
    grouping.regroup([one.pk])
    return one, other


def test_a_purpose_that_would_split_a_family_is_refused_by_name_and_by_the_database():
    one, other = split_family()
    with pytest.raises(Straddles) as refusal:
        curating.give_purpose([other.pk], "training")
    assert f"clip {one.pk} for the benchmark" in str(refusal.value)
    assert f"clip {other.pk} for training" in str(refusal.value)
    with pytest.raises(IntegrityError, match="cannot be for the benchmark and for training"), transaction.atomic():
        Clip.objects.filter(pk=other.pk).update(purpose="training")
    assert curating.give_purpose([one.pk, other.pk], "practice") == 0, "no truth: not for practice, whatever its family"
    with pytest.raises(IntegrityError), transaction.atomic():
        curating_both = Clip.objects.filter(pk__in=[one.pk, other.pk])
        curating_both.update(purpose="training")  # row by row: the first would be alone on its side
    assert curating.judge([other.pk], "unusable") == 1
    assert curating.give_purpose([other.pk], "training") == 1, "what is set aside is on no side"
    with pytest.raises(Straddles):
        curating.judge([other.pk], "accepted")


def test_an_export_refuses_and_names_the_clips(tmp_path):
    question = QuestionFactory(approved=True)
    other = ClipFactory(purpose="training")
    pair(question.clip, other, "same")
    grouping.regroup([other.pk])
    with pytest.raises(CommandError, match=f"clip {question.clip_id} for the benchmark and clip {other.pk} for training"):
        call_command("export_physgame", tmp_path / "out", videos="none")
    assert not (tmp_path / "out").exists()
    curating.judge([other.pk], "not_gameplay")
    call_command("export_physgame", tmp_path / "out", videos="none")


def test_one_function_keeps_any_two_sides_apart():
    one, other = split_family()
    alone = ClipFactory()
    sides = {"train": Clip.objects.filter(pk=one.pk), "test": Clip.objects.filter(pk__in=[other.pk, alone.pk])}
    assert families.straddling(sides) == [{"train": [one.pk], "test": [other.pk]}]
    with pytest.raises(Straddles, match=f"clip {one.pk} in train and clip {other.pk} in test"):
        families.keep_apart(sides)
    families.keep_apart({"train": Clip.objects.filter(pk__in=[one.pk, other.pk]), "test": Clip.objects.filter(pk=alone.pk)})
