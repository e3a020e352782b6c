"""The order that keeps to blocks: a bijection that is computed, window by window."""

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outofcore.errors import LoaderError
from outofcore.loaders.block_order import Blocks
from outofcore.loaders.order import order

SIZES = st.lists(st.integers(1, 400), min_size=1, max_size=40)
SEEDS = st.integers(0, 2**63 - 1)


def whole(sizes, window, seed=1, pass_=0):
    return order(sum(sizes), seed, pass_, blocks=Blocks(np.array(sizes), window)).take(0, sum(sizes))


def block_of(sizes, positions):
    return np.searchsorted(np.cumsum(sizes), positions, side="right")


@given(SIZES, st.integers(1, 50), SEEDS, SEEDS)
@settings(max_examples=100, deadline=None)
def test_each_pass_holds_every_sample_once(sizes, window, seed, pass_):
    positions = whole(sizes, window, seed, pass_)
    assert positions.dtype == np.int64
    assert np.array_equal(np.sort(positions), np.arange(sum(sizes)))


@given(SIZES, st.integers(1, 50), st.data())
@settings(max_examples=100, deadline=None)
def test_any_cut_of_a_pass_gives_the_same_sequence(sizes, window, data):
    n = sum(sizes)
    cuts = sorted({0, n, *data.draw(st.lists(st.integers(0, n), max_size=6))})
    ordered = order(n, 3, 4, blocks=Blocks(np.array(sizes), window))
    parts = [ordered.take(low, high) for low, high in itertools.pairwise(cuts)]
    assert np.array_equal(np.concatenate(parts), whole(sizes, window, 3, 4))


@given(SIZES, st.integers(1, 50), SEEDS)
@settings(max_examples=100, deadline=None)
def test_a_window_holds_whole_blocks_and_no_others(sizes, window, seed):
    blocks = block_of(sizes, whole(sizes, window, seed))
    seen = [set() for _ in range(-(-len(sizes) // window))]
    place, reach = 0, Blocks(np.array(sizes), window).reach
    for number in range(len(seen)):
        while place < len(blocks) and (blocks[place] in seen[number] or len(seen[number]) < window):
            seen[number].add(int(blocks[place]))
            place += 1
        assert sum(sizes[block] for block in seen[number]) <= reach
    assert place == len(blocks)
    assert sum(map(len, seen)) == len(sizes)


def test_blocks_and_samples_are_mixed_anew_in_each_pass_and_for_each_seed():
    sizes, window = [100] * 64, 4
    orders = {(seed, pass_): whole(sizes, window, seed, pass_) for seed in range(4) for pass_ in range(4)}
    assert len({positions.tobytes() for positions in orders.values()}) == 16
    first_blocks = {tuple(np.unique(block_of(sizes, positions[:400]))) for positions in orders.values()}
    assert len(first_blocks) == 16
    steps = np.diff(orders[0, 0][:400])
    assert np.mean(np.abs(steps) == 1) < 0.05  # within the window neighbours part
    within = [orders[0, 0][400 * number : 400 * number + 400] for number in range(16)]
    ranks = {tuple(np.argsort(part)[:50]) for part in within}
    assert len(ranks) == 16  # every window has an order of its own


def test_a_window_of_all_blocks_mixes_all_samples():
    positions = whole([1000] * 20, 20)
    near = np.abs(np.diff(positions)) < 1000
    assert np.mean(near) == pytest.approx(1 - 0.95**2, abs=0.02)  # of two random samples


def test_without_shuffle_blocks_play_no_part():
    blocks = Blocks(np.array([3, 4, 5]), 2)
    assert order(12, 1, 0, shuffle=False, blocks=blocks).take(0, 12).tolist() == list(range(12))


def test_orders_of_earlier_versions_come_again():
    assert whole([3, 4, 5], 2, 42, 1).tolist() == GOLDEN_SMALL
    large = order(500_000_000, 42, 0, blocks=Blocks(np.full(1250, 400_000), 8))
    assert large.take(123_456_789, 123_456_793).tolist() == GOLDEN_LARGE


GOLDEN_SMALL = [10, 1, 7, 2, 11, 8, 0, 9, 4, 3, 5, 6]
GOLDEN_LARGE = [261601470, 258723824, 177046428, 327311307]


def test_nothing_is_stored_for_many_samples():
    blocks = Blocks(np.full(1250, 400_000), 8)
    tracemalloc.start()
    try:
        order(500_000_000, 1, 2, blocks=blocks).take(3_100_000, 3_100_250)  # across two windows? no: within one
        order(500_000_000, 1, 2, blocks=blocks).take(3_199_900, 3_200_100)
        assert tracemalloc.get_traced_memory()[1] < 2**18
    finally:
        tracemalloc.stop()


def test_the_blocks_near_a_place_are_those_of_its_window_and_the_next():
    sizes, window = [5, 3, 4, 6, 2, 7, 1], 2
    ordered = order(28, 1, 2, blocks=Blocks(np.array(sizes), window))
    places = np.arange(28)
    of = block_of(sizes, ordered.take(0, 28))
    for place in places.tolist():
        near = ordered.blocks_near(place)
        assert of[place] in near[:window]
        following = [block for block in of[place:].tolist() if block not in near[:window]]
        assert set(following[:1]) <= set(near[window:])
    assert len(ordered.blocks_near(27)) == 1  # the last window, and nothing after it


def test_places_outside_the_pass_are_refused():
    ordered = order(12, 1, 2, blocks=Blocks(np.array([3, 4, 5]), 2))
    for start, stop in ((-1, 0), (0, 13), (1, 0)):
        with pytest.raises(LoaderError, match=f"0 to 12, found {start} to {stop}"):
            ordered.take(start, stop)
    assert ordered.take(12, 12).shape == (0,)
