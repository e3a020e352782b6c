"""Names give back the texts that went in, in little memory, however they were packed."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outofcore.sources.names import Names

TEXTS = st.lists(st.text(max_size=12), max_size=30)
MILLION = 1_000_000


@given(TEXTS)
def test_texts_come_back(texts: list[str]) -> None:
    names = Names.from_texts(texts)
    assert len(names) == len(texts)
    assert list(names) == texts
    assert [names.encoded(position) for position in range(len(texts))] == [text.encode() for text in texts]


@given(TEXTS, st.data(), st.sampled_from([pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]))
def test_slices_and_chunks_of_arrow_columns_come_back(texts: list[str], data: st.DataObject, type_: Any) -> None:
    start = data.draw(st.integers(0, len(texts)))
    stop = data.draw(st.integers(start, len(texts)))
    cut = data.draw(st.integers(start, stop))
    whole = pa.array(texts, pa.string()).cast(type_)
    assert list(Names.from_arrow(whole.slice(start, stop - start))) == texts[start:stop]
    pieces = pa.chunked_array([whole.slice(start, cut - start), whole.slice(cut, stop - cut)], type_)
    assert list(Names.from_arrow(pieces)) == texts[start:stop]


@pytest.mark.parametrize("column", [pa.array([], pa.string()), pa.chunked_array([], pa.string()), pa.nulls(0)])
def test_no_names_are_names_too(column: Any) -> None:
    assert list(Names.from_arrow(column)) == []


def test_missing_names_are_empty() -> None:
    assert list(Names.from_arrow(pa.array(["a", None, "b"]))) == ["a", "", "b"]


def test_no_name_lies_past_the_end() -> None:
    with pytest.raises(IndexError):
        Names.from_texts(["a", "b"])[2]


def million() -> Any:
    """A column of a million names of 22 characters, made without Python objects."""
    return pc.utf8_lpad(pa.array(np.arange(MILLION)).cast(pa.string()), 22, "0")


def test_a_name_costs_its_text_and_eight_bytes() -> None:
    names = Names.from_arrow(million())
    assert names[MILLION - 1] == f"{MILLION - 1:022}"
    assert names.nbytes == MILLION * (22 + 8) + 8  # 300 MB for ten million


def peak_bytes(action: Callable[[], Names]) -> int:
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_packing_a_column_makes_no_python_objects() -> None:
    column = million()
    assert peak_bytes(lambda: Names.from_arrow(column)) < MILLION * 10
    assert peak_bytes(lambda: Names.from_texts(column.slice(0, MILLION // 10).to_pylist())) > MILLION * 10
