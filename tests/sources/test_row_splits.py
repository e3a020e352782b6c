"""Which split a row belongs to: a pure function of row and seed."""

import numpy as np
import polars as pl
import pytest

from outofcore.sources.row_splits import CHUNK, RowSplit, all_validation, hash_texts, split_by_shares

SPLIT = split_by_shares(42, 0.7, 0.2, 0.1, by_group=False)


def test_the_shares_come_out() -> None:
    counts = np.bincount(SPLIT.codes(0, 1_000_000))
    assert counts / 1_000_000 == pytest.approx([0.7, 0.2, 0.1], abs=0.002)


def test_a_row_has_one_split_however_rows_are_asked_for() -> None:
    whole = SPLIT.codes(0, 3 * CHUNK)
    parts = [SPLIT.codes(first, min(1000, 3 * CHUNK - first)) for first in range(0, 3 * CHUNK, 1000)]
    assert np.array_equal(np.concatenate(parts), whole)
    assert np.array_equal(SPLIT.codes(10**15 + 5, 7), SPLIT.codes(10**15, 12)[5:])


def test_another_seed_is_another_draw() -> None:
    other = split_by_shares(43, 0.7, 0.2, 0.1, by_group=False)
    same = np.mean(SPLIT.codes(0, 100_000) == other.codes(0, 100_000))
    assert same == pytest.approx(0.7**2 + 0.2**2 + 0.1**2, abs=0.01)


def test_neighbours_are_drawn_apart() -> None:
    train = (SPLIT.codes(0, 1_000_000) == 0).astype(float) - 0.7
    for distance in (1, 2, 3, 1000, 1 << 16):
        assert abs(np.mean(train[:-distance] * train[distance:])) < 0.001


def test_splits_of_earlier_versions_come_again() -> None:
    assert SPLIT.codes(0, 20).tolist() == GOLDEN
    assert hash_texts(pl.Series(["", "a", "foobar"])).tolist() == [
        0xCBF29CE484222325, 0xAF63DC4C8601EC8C, 0x85944171F73967E8,
    ]  # fmt: skip  # of the FNV reference


GOLDEN = [0, 1, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0]


@pytest.mark.parametrize("first", [0, 17, 10**15 + 5, 2**63])
def test_the_compiled_loop_gives_the_same(first: int) -> None:
    looped = SPLIT.codes(first, CHUNK + 3, loops=True)
    assert np.array_equal(looped, SPLIT.codes(first, CHUNK + 3))
    assert not np.array_equal(looped, SPLIT.codes(first + 1, CHUNK + 3, loops=True))


@pytest.mark.parametrize("loops", [False, True])
def test_a_file_of_its_own_is_all_validation(loops: bool) -> None:
    assert set(all_validation().codes(0, 1000, loops=loops).tolist()) == {1}
    without = split_by_shares(42, 0.8, 0.0, 0.2, by_group=False)
    assert set(without.codes(0, 1000).tolist()) == {0, 2}


def test_rows_of_a_group_stay_together() -> None:
    names = [f"group {number}" for number in range(50)] + ["", "é", "007", "7"]
    groups = pl.Series(names * 40)
    codes = split_by_shares(1, 0.5, 0.25, 0.25, by_group=True).codes(0, len(groups), groups).reshape(40, -1)
    assert (codes == codes[0]).all()
    assert set(codes[0].tolist()) == {0, 1, 2}
    parts = pl.concat([groups[:777], groups[777:]], rechunk=False)
    again = split_by_shares(1, 0.5, 0.25, 0.25, by_group=True).codes(5, len(parts), parts)
    assert np.array_equal(again, codes.reshape(-1))


def test_a_split_is_written_down_and_read_again() -> None:
    assert RowSplit.from_json(SPLIT.to_json()) == SPLIT
    assert RowSplit.from_json(all_validation().to_json()) == all_validation()
