"""The order of the data: every item once an epoch, clips together, and nothing depends on what came before."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelzoo.physvlm.data.order import Order, deal, draw, epoch_order, total_steps


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.integers(1, 5), st.integers(0, 3), st.integers(0, 3))
def test_an_epoch_takes_every_item_once_and_keeps_groups_together(clips, group, seed, epoch):
    order = epoch_order(clips, group=group, seed=seed, epoch=epoch)
    assert sorted(order) == list(range(len(clips)))
    assert order == epoch_order(clips, group=group, seed=seed, epoch=epoch)
    runs, last = Counter(), object()
    for item in order:
        runs[clips[item]] += clips[item] != last
        last = clips[item]
    for clip, count in Counter(clips).items():
        assert runs[clip] <= -(-count // group)


def test_epochs_and_seeds_differ():
    clips = list(range(50))
    orders = {tuple(epoch_order(clips, group=1, seed=seed, epoch=epoch)) for seed in (0, 1) for epoch in (0, 1)}
    assert len(orders) == 4


def test_a_step_is_the_same_whoever_asks_and_whenever():
    arguments = dict(clip_of_item=[0, 0, 1, 1, 2, 2, 3], group=2, batch=3, seed=5)
    forward = [Order(**arguments).items(step) for step in range(7)]
    order = Order(**arguments)
    assert [order.items(step) for step in reversed(range(7))] == forward[::-1]
    assert [len(items) for _epoch, items in forward[:3]] == [3, 3, 1]
    assert [epoch for epoch, _items in forward] == [0, 0, 0, 1, 1, 1, 2]
    assert sorted(item for _epoch, items in forward[3:6] for item in items) == list(range(7))


def test_steps_of_a_run():
    assert total_steps(100, batch=32, epochs=2, max_steps=0) == 8
    assert total_steps(100, batch=32, epochs=2, max_steps=5) == 5
    assert total_steps(100, batch=32, epochs=0, max_steps=5) == 5
    assert total_steps(100, batch=32, epochs=0.3, max_steps=0) == 2


def test_candidates_depend_on_seed_epoch_and_clip():
    drawn = {tuple(draw(3, seed=s, epoch=e, clip=c, size=16)) for s in (0, 1) for e in (0, 1) for c in (0, 1)}
    assert len(drawn) == 8 and all(0 <= n < 3 for numbers in drawn for n in numbers)


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(1, 50)), min_size=1, max_size=40),
    st.integers(1, 4),
    st.integers(1, 120),
)
def test_dealing_loses_nothing_and_keeps_the_budget(items, world, budget):
    clips, lengths = zip(*items, strict=True)
    shares = deal(list(range(len(items))), lengths, clips, world=world, budget=budget)
    assert len(shares) == world and len({len(batches) for batches in shares}) == 1
    assert sorted(item for batches in shares for batch in batches for item in batch) == list(range(len(items)))
    home = {}
    for rank, batches in enumerate(shares):
        for batch in batches:
            assert len(batch) <= 1 or max(lengths[item] for item in batch) * len(batch) <= budget
            for item in batch:
                assert home.setdefault(clips[item], rank) == rank


def test_dealing_is_even():
    lengths = [10] * 64
    shares = deal(list(range(64)), lengths, list(range(64)), world=4, budget=80)
    assert [sum(map(len, batches)) for batches in shares] == [16] * 4
    assert [len(batches) for batches in shares] == [2] * 4


def test_questions_of_a_clip_stay_in_one_micro_batch():
    clips = [0, 1, 2, 3] * 4
    shares = deal(list(range(16)), [5] * 16, clips, world=2, budget=40)
    for batches in shares:
        for batch in batches:
            assert len(batch) == 8 and len({clips[item] for item in batch}) == 2


@pytest.mark.parametrize("group", [1, 3])
def test_groups_of_a_clip_with_many_items_change_between_epochs(group):
    clips = [0] * 9
    assert epoch_order(clips, group=group, seed=0, epoch=0) != epoch_order(clips, group=group, seed=0, epoch=1)
