"""A selection turns its own indices into positions of the source."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from outofcore.loaders.selection import Chosen, Range


@given(st.integers(0, 2**40), st.integers(0, 1000), st.data())
def test_a_range_shifts(start: int, count: int, data: st.DataObject) -> None:
    selection = Range(start, start + count)
    assert len(selection) == count
    indices = np.array(data.draw(st.lists(st.integers(0, max(count - 1, 0)), max_size=9)), np.int64)
    assert selection.positions(indices).tolist() == [start + index for index in indices.tolist()]


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=30), st.data())
def test_what_is_chosen_is_looked_up(chosen: list[int], data: st.DataObject) -> None:
    indices = np.array(data.draw(st.lists(st.integers(0, len(chosen) - 1), max_size=9)), np.int64)
    for given_as in (chosen, np.array(chosen)):
        selection = Chosen(given_as)
        assert len(selection) == len(chosen)
        positions = selection.positions(indices)
        assert positions.dtype == np.int64
        assert positions.tolist() == [chosen[index] for index in indices.tolist()]


def test_nothing_may_be_chosen() -> None:
    assert len(Chosen([])) == len(Range(3, 3)) == 0
