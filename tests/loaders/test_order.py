"""The order is a bijection, a pure function of (n, seed, pass), and never changes."""

import hashlib
import itertools
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outofcore.errors import ConfigurationError, LoaderError
from outofcore.loaders.order import CHUNK, ROUNDS, STORED_UP_TO, KeyedPermutation, order

LARGEST = 2**63 - 1
SEEDS = st.integers(0, LARGEST)
KEYS = st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)), max_size=ROUNDS)
AROUND_POWERS = [2**bits + offset for bits in (13, 14, 15, 16) for offset in (-1, 0, 1, 2)]
SIZES = st.integers(0, 5000) | st.sampled_from(AROUND_POWERS) | st.integers(STORED_UP_TO, 70_000)
LARGE = [500_000_000, 2**29 + 1, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**40, 2**40 + 1, LARGEST]

GOLDEN = {
    (2, 0, 0): ([0, 1], [0, 1]),
    (8, 0, 0): ([2, 4, 0, 1, 6, 3, 5, 7], [5, 7]),
    (8, 0, 1): ([1, 4, 2, 5, 6, 7, 3, 0], [3, 0]),
    (8, 1, 0): ([0, 2, 6, 1, 7, 5, 3, 4], [3, 4]),
    (8192, 42, 3): ([429, 3390, 5136, 1026, 1729], [1392, 2730]),
    (8193, 42, 3): ([3436, 4709, 8022, 4954, 1452], [1970, 739]),
    (60000, 42, 0): ([838, 54567, 17004, 37068, 53034], [54034, 47112]),
    (1000000, 9223372036854775807, 11): ([415021, 310367, 911012, 837834, 683654], [59208, 665137]),
    (500000000, 1, 0): ([422210741, 288555695, 377298290, 239866414, 53871504], [348883772, 173052362]),
    (500000000, 0, 1): ([219996024, 362233006, 214705043, 390482771, 360128075], [314988153, 465296065]),
    (4294967296, 7, 2): ([4260461637, 3001378167, 3375375664, 4064353178, 1533968394], [3485160236, 1509391539]),
    (1099511627777, 7, 2): (
        [15461585740, 356372860907, 388934411562, 377618653039, 512427921296],
        [187213512345, 768051227211],
    ),
}


def is_bijection(positions, n):
    return positions.dtype == np.int64 and np.array_equal(np.sort(positions), np.arange(n))


def whole(n, seed, pass_):
    return order(n, seed, pass_).take(0, n)


def keys_of(seed, pass_):
    """Round keys, hashed as the order's module says."""
    for index in range(ROUNDS):
        message = struct.pack("<QQQ", seed, pass_, index)
        yield struct.unpack("<QQ", hashlib.blake2b(message, digest_size=16, person=b"outofcore.order").digest())


def place_of(position, n, seed, pass_):
    """The inverse of the order, in Python's own integers: at which place does this sample stand?"""
    bits = (n - 1).bit_length()
    shift = (bits + 1) // 2
    while True:
        for add, multiply in reversed(list(keys_of(seed, pass_))):
            position ^= position >> shift
            position = (position * pow(multiply | 1, -1, 2**bits) - add) % 2**bits
        if position < n:
            return position


@given(SIZES, SEEDS, SEEDS)
@settings(max_examples=150, deadline=None)
def test_each_pass_holds_every_sample_once(n, seed, pass_):
    assert is_bijection(whole(n, seed, pass_), n)
    assert len(order(n, seed, pass_)) == n


@given(st.integers(0, 5000), KEYS)
@settings(max_examples=150, deadline=None)
def test_any_keys_permute_any_number_of_samples(n, keys):
    assert is_bijection(KeyedPermutation(n, keys).take(0, n), n)


def test_a_sample_that_comes_twice_is_seen():
    positions = whole(50_000, 1, 2)
    positions[7] = positions[8]
    assert not is_bijection(positions, 50_000)


@pytest.mark.parametrize("n", LARGE)
@pytest.mark.parametrize("pass_", [0, 7])
def test_large_orders_have_an_inverse(n, pass_):
    for start in (0, n // 3, n - 40):
        taken = order(n, 12, pass_).take(start, start + 40)
        assert ((taken >= 0) & (taken < n)).all()
        places = list(range(start, start + 40))
        assert [place_of(position, n, 12, pass_) for position in taken.tolist()] == places
        assert [place_of(position, n, 12, pass_ + 1) for position in taken.tolist()] != places


@given(st.data(), st.sampled_from([1, 250, STORED_UP_TO, STORED_UP_TO + 1, 50_001, 2 * CHUNK + 3, 500_000_000]), SEEDS)
@settings(max_examples=60, deadline=None)
def test_any_cut_of_a_pass_gives_the_same_sequence(data, n, seed):
    stop = min(n, 3 * CHUNK)
    cuts = sorted({0, stop, *data.draw(st.lists(st.integers(0, stop), max_size=6))})
    parts = [order(n, seed, 3).take(low, high) for low, high in itertools.pairwise(cuts)]
    assert np.array_equal(np.concatenate(parts), order(n, seed, 3).take(0, stop))


@pytest.mark.parametrize("n", [2, 8193, *AROUND_POWERS, *LARGE])
def test_compiled_loops_give_the_same_sequence(n, monkeypatch):
    count = min(n, 10_000)
    ranges = [(0, count), (n - count, n), (n // 2, min(n, n // 2 + 3))]
    plain = [KeyedPermutation(n, keys_of(5, 6)).take(*part) for part in ranges]
    monkeypatch.setattr("outofcore.loaders.order.LOOPED_PLACES", 0)
    looped = [KeyedPermutation(n, keys_of(5, 6), loops=True).take(*part) for part in ranges]
    other = KeyedPermutation(n, keys_of(5, 7), loops=True).take(*ranges[0])
    assert all(map(np.array_equal, plain, looped))
    assert n == 2 or not np.array_equal(other, plain[0])


@pytest.mark.parametrize("n", [1000, 100_000])
def test_every_seed_and_pass_has_an_order_of_its_own(n):
    pairs = [*itertools.product(range(12), range(12)), (LARGEST, 0), (0, LARGEST), (2**32, 0), (0, 2**32)]
    orders = {order(n, seed, pass_).take(0, 50).tobytes() for seed, pass_ in pairs}
    assert len(orders) == len(pairs)
    assert np.array_equal(whole(n, 1, 0), whole(n, 1, 0))
    assert not np.array_equal(whole(n, 1, 0), whole(n, 0, 1))


@pytest.mark.parametrize(("n", "seed", "pass_"), GOLDEN)
def test_orders_of_earlier_versions_come_again(n, seed, pass_):
    first, last = GOLDEN[n, seed, pass_]
    ordered = order(n, seed, pass_)
    assert ordered.take(0, len(first)).tolist() == first
    assert ordered.take(n - len(last), n).tolist() == last


@pytest.mark.parametrize("n", [0, 1, 5000, 100_000])
def test_without_shuffle_samples_stay_where_they_are(n):
    taken = order(n, 1, 2, shuffle=False).take(n // 3, n)
    assert taken.dtype == np.int64
    assert taken.tolist() == list(range(n // 3, n))


@pytest.mark.parametrize("n", [100, 100_000])
@pytest.mark.parametrize("shuffle", [True, False])
def test_what_is_taken_belongs_to_the_caller(n, shuffle):
    before = order(n, 1, 2, shuffle).take(0, n)
    order(n, 1, 2, shuffle).take(0, n)[:] = -1
    assert np.array_equal(order(n, 1, 2, shuffle).take(0, n), before)


def test_nothing_is_stored_for_a_large_number_of_samples():
    tracemalloc.start()
    try:
        order(2**40, 1, 2).take(2**39, 2**39 + 250)
        assert tracemalloc.get_traced_memory()[1] < 2**17
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("n", [0, 100, 100_000])
@pytest.mark.parametrize("shuffle", [True, False])
def test_places_outside_the_pass_are_refused(n, shuffle):
    for start, stop in ((-1, 0), (0, n + 1), (n + 1, n + 1), (1, 0)):
        with pytest.raises(LoaderError, match=f"0 to {n}, found {start} to {stop}"):
            order(n, 1, 2, shuffle).take(start, stop)
    assert order(n, 1, 2, shuffle).take(n, n).shape == (0,)


@pytest.mark.parametrize("name", ["n", "seed", "pass_"])
@pytest.mark.parametrize("value", [-1, 2**63])
def test_numbers_that_the_hash_cannot_hold_are_refused(name, value):
    arguments = {"n": 10, "seed": 1, "pass_": 2, name: value}
    with pytest.raises(ConfigurationError, match=rf"{name} .*found {value}"):
        order(**arguments)
