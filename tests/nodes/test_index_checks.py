"""Whole columns are looked through at once."""

import pandas as pd
import pyarrow as pa
import pytest

from outofcore.nodes.index_checks import places_in

TEXTS = ["b", "c", "a", "b", ""]


@pytest.mark.parametrize(
    "values", [["a", "b", "b"], ("a", "b"), pd.Series(["a", "b", "a"], dtype="str"), pa.array(["a", "b"])]
)
def test_texts_are_found_where_they_first_stand(values: object) -> None:
    assert places_in(values, pd.Series(TEXTS, dtype="str")).tolist() == [1, -1, 0, 1, -1]


def test_nothing_is_found_among_nothing() -> None:
    assert places_in([], TEXTS).tolist() == [-1] * len(TEXTS)
    assert places_in(TEXTS, []).tolist() == []
