"""The fast way of parsing takes nothing that the exact way refuses, and gives the same numbers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from outofcore.errors import DataError
from outofcore.sources import row_parsing
from outofcore.sources.row_format import RowFormat
from outofcore.sources.row_lines import parse_lines
from outofcore.sources.row_parsing import Place, as_rows, chosen_rows, parse_block

FORM = RowFormat(
    delimiter=",", decimal_comma=False, columns=("x", "note", "y"), features=("x",), targets=("y",), group=None,
    skip_bad=False, integers=("x", "y"), start=0, header=False, compressed=False,
)  # fmt: skip
PLACE = Place(Path("rows.csv"), 1, 0, True)

NUMBERS = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.floats(allow_nan=False, allow_infinity=False, width=32).map(repr),
    st.sampled_from(["+7", ".5", "5.", "1E3", "-0", "007", "16777217", "99999999999999999999", '"3"', " 4", "4 "]),
)
ODD = st.sampled_from(["", '""', "nan", "inf", "1e400", "a", "1_0", "0x1", '"1', '1"', "-", "1e", "1,1", "null", "\t"])
NOTES = st.sampled_from(["", "n", '"a, b"', '"say ""so"""', "é", " "])
ROWS = st.tuples(st.one_of(NUMBERS, ODD) | NUMBERS, NOTES, NUMBERS | ODD).map(",".join)
GOOD = st.tuples(NUMBERS, NOTES, NUMBERS).map(",".join)
LINES = st.lists(st.one_of(GOOD, GOOD, GOOD, ROWS, st.sampled_from(["", "  ", "1,n", "1,n,2,3", ","])), max_size=6)


@given(LINES, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans(), st.booleans())
@example(["0,,0", "1,n", "1,n,2,3"], "\n", True, True, False)  # as many delimiters as good rows have
@example(["0,,0,5", "1,n,2.5"], "\n", True, True, True)
@example(["0,,0.0", '0,,"1'], "\n", False, False, True)  # no text for polars, though a number
@settings(max_examples=600, deadline=None)
def test_both_ways_agree(lines: list[str], end: str, ended: bool, skip_bad: bool, decimal_comma: bool) -> None:
    data = (end.join(lines) + end * ended).encode()
    form = replace(FORM, skip_bad=skip_bad, decimal_comma=decimal_comma)
    if decimal_comma:  # some points stay, and some commas, in quotes
        data = data.replace(b",", b";").replace(b"5.", b"5,").replace(b"1.", b"1,")
        form = replace(form, delimiter=";")
    try:
        numbers, _, count, skipped = parse_lines(data, form, PLACE.path, 1, 0, True)
    except DataError as error:
        try:
            parse_block(data, form, PLACE, rows=None)
        except DataError as found:
            assert str(found) == str(error)
            return
        raise AssertionError(f"taken, though {error}") from error
    parsed = parse_block(data, form, PLACE, rows=None)
    assert parsed.rows == count
    assert parsed.skipped.tolist() == skipped
    expected = np.array(numbers, np.float64).T.astype(np.float32).reshape(-1, 2)
    assert np.array_equal(as_rows(parsed), expected)
    again = parse_block(data, replace(form, integers=parsed.integers), PLACE, rows=count if not skipped else None)
    assert np.array_equal(as_rows(again), expected)
    assert again.skipped.tolist() == skipped


def test_good_blocks_go_the_fast_way() -> None:
    data = b'1,"a, b",2\r\n3,,4.5\r\n'
    assert row_parsing._parse_fast(data, FORM, rows=None) is not None
    assert row_parsing._parse_fast(data.replace(b"4.5", b"4.5 "), FORM, rows=None) is None


def test_integers_stay_integers_column_by_column() -> None:
    parsed = parse_block(b"1,,2\n3,,4.5\n", FORM, PLACE, rows=None)
    assert parsed.integers == ("x",)
    assert [str(column.dtype) for column in parsed.columns] == ["Int64", "Float64"]


def test_chosen_rows_are_those_of_the_mask() -> None:
    for width in (1, 2, 3):
        rows = np.arange(30 * width, dtype=np.float32).reshape(30, width)
        mask = np.arange(30) % 4 == 1
        assert np.array_equal(chosen_rows(rows, mask), rows[mask])
