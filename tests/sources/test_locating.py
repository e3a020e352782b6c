"""Positions find their range, whatever the ranges' lengths."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from outofcore.sources.locating import Ranges


@given(st.lists(st.integers(1, 300), min_size=1, max_size=50), st.data())
@settings(max_examples=200, deadline=None)
def test_every_position_lies_in_its_range(lengths: list[int], data: st.DataObject) -> None:
    starts = np.concatenate([[0], np.cumsum(lengths)])
    positions = np.array(data.draw(st.lists(st.integers(0, sum(lengths) - 1), max_size=50)), np.int64)
    found = Ranges(starts).of(positions)
    assert ((starts[found] <= positions) & (positions < starts[found + 1])).all()
    by = np.arange(len(lengths)) * 1000 - 7
    for loops in (False, True):
        ranges = Ranges(starts, loops)
        assert ranges.holding(positions).tolist() == sorted(set(found.tolist()))
        assert (ranges.moved(positions, by) - positions).tolist() == by[found].tolist()


def test_very_uneven_ranges_are_found_without_a_large_table() -> None:
    starts = np.array([0, 1, 10**12, 10**12 + 1])
    ranges = Ranges(starts, loops=True)
    assert ranges.holding(np.array([10**12 - 1, 1])).tolist() == [1]
    assert ranges.of(np.array([0, 1, 10**12 - 1, 10**12])).tolist() == [0, 1, 1, 2]
