"""The compiled loop gives what the exact way gives, or nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from outofcore.sources import plain_rows as module
from outofcore.sources.plain_rows import plain_rows
from outofcore.sources.row_format import RowFormat
from outofcore.sources.row_parsing import Place, as_rows, parse_block
from outofcore.sources.row_splits import SPLITS, split_by_shares
from outofcore.sources.scanned_rows import Rows, ScannedFile

FORM = RowFormat(
    delimiter=",", decimal_comma=False, columns=("x", "note", "y"), features=("y",), targets=("x",), group=None,
    skip_bad=False, integers=("x", "y"), start=0, header=False, compressed=False,
)  # fmt: skip
SPLIT = split_by_shares(3, 0.6, 0.2, 0.2, by_group=False)
FIRST = 1000
"""Number of the first row."""


@pytest.fixture(autouse=True, scope="module")
def small_files_too() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "WORTH_BYTES", 0)
        yield


def scanned(form: RowFormat) -> ScannedFile:
    return ScannedFile(Path("rows.csv"), 1, 0, form, SPLIT)


def about(rows: int) -> dict[str, int]:
    """The line of a block without a bad row."""
    counts = np.bincount(SPLIT.codes(FIRST, rows), minlength=len(SPLITS)).tolist()
    return {"row": FIRST, "rows": rows, **dict(zip(SPLITS, counts, strict=True))}


def parted(data: bytes, form: RowFormat, rows: int, splits: tuple[str, ...] = SPLITS) -> dict[str, Rows] | None:
    return plain_rows(data, scanned(form), about(rows), splits)


def values(texts: list[str], integers: bool) -> list[float] | None:
    """What the loop makes of numbers, or nothing."""
    form = replace(FORM, columns=("x",), features=(), targets=("x",), integers=("x",) if integers else ())
    data = "".join(f"{text}\n" for text in texts).encode()
    found = parted(data, form, len(texts))
    if found is None:
        return None
    rows = np.empty(len(texts), np.float32)
    codes = SPLIT.codes(FIRST, len(texts))
    for code, split in enumerate(SPLITS):
        rows[codes == code] = found[split][:, 0]
    return rows.tolist()


DECIMALS = st.from_regex(r"-?[0-9]{1,19}(\.[0-9]{1,19})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
FLOATS = st.floats(allow_nan=False, allow_infinity=False, min_value=-(2.0**120), max_value=2.0**120)


def near_half_way(number: float, step: int) -> str:
    """A decimal of many digits between two numbers of float32, half-way or `step` float64 from it."""
    low = np.float32(number)
    middle = (float(low) + float(np.nextafter(low, np.float32(np.inf)))) / 2
    return repr(float((np.float64(middle).view(np.int64) + step).view(np.float64)))


@given(st.lists(DECIMALS | FLOATS.map(repr) | FLOATS.map(lambda number: f"{number:.9e}"), min_size=1, max_size=5))
@settings(max_examples=500, deadline=None)
def test_a_number_is_rounded_as_pythons_own(texts: list[str]) -> None:
    for text in texts:
        found = values([text], integers=False)
        with np.errstate(over="ignore"):
            expected = np.float32(float(text))
        assert found is None or np.array(found, np.float32).tobytes() == expected.tobytes()
        assert found is None or np.isfinite(expected)


@given(st.floats(1e-6, 1e9), st.integers(-6, 6))
@settings(max_examples=500, deadline=None)
def test_next_to_half_way_a_number_is_right_or_left_to_others(number: float, step: int) -> None:
    text = near_half_way(number, step)
    found = values([text], integers=False)
    assert found in (None, [float(np.float32(float(text)))])


def test_numbers_half_way_are_left_to_others() -> None:
    assert values(["1.00000005960464477"], integers=False) is None  # 1 + 2**-24, with digits that float64 rounds
    assert values(["16777217"], integers=False) == [16777216.0]  # exact in float64


@given(st.lists(st.integers(-(10**18) + 1, 10**18 - 1), min_size=1, max_size=20))
@settings(deadline=None)
def test_integers_are_rounded_once(numbers: list[int]) -> None:
    assert values(list(map(str, numbers)), integers=True) == np.array(numbers, np.int64).astype(np.float32).tolist()


def test_what_programs_write_is_plain() -> None:
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=2000) * 10.0 ** rng.integers(-4, 9, 2000)
    for write in (repr, "{:.6f}".format, "{:.3e}".format, "{:g}".format):
        texts = [write(float(number)) for number in drawn]
        assert values(texts, integers=False) == [float(np.float32(float(text))) for text in texts]


NUMBERS = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    FLOATS.map(repr),
    st.sampled_from(["+7", ".5", "5.", "1E3", "-0", "007", "16777217", "99999999999999999999", '"3"', " 4", "4 ", ""]),
    st.sampled_from(["nan", "inf", "a", "1_0", "0x1", '"1', "-", "--1", "1e", "1e+", "1.e3", "e3", "\t", "1\r"]),
)
NOTES = st.sampled_from(["", "n", '"a, b"', '"say ""so"""', "é", " ", "12", "a\rb"])
GOOD = st.tuples(st.integers(-(10**9), 10**9).map(str), st.sampled_from(["", "n"]), FLOATS.map(repr)).map(",".join)
ANY = st.tuples(NUMBERS, NOTES, NUMBERS).map(",".join)
LINES = st.lists(st.one_of(GOOD, GOOD, GOOD, ANY, st.sampled_from(["", "  ", "1,n", "1,n,2,3", ","])), max_size=6)


@given(LINES, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.sampled_from([("x", "y"), ("x",), ()]))
@example(["1,,2"], "\n", True, ("x", "y"))
@example(["-0,,-0"], "\n", True, ("x",))
@settings(max_examples=800, deadline=None)
def test_rows_are_those_of_the_exact_way_or_left_to_it(
    lines: list[str], end: str, ended: bool, integers: tuple[str, ...]
) -> None:
    data = (end.join(lines) + end * ended).encode()
    form = replace(FORM, integers=integers)
    found = parted(data, form, len(lines))
    if found is None:
        return
    parsed = parse_block(data, form, Place(Path("rows.csv"), 1, FIRST, True), rows=None)  # no error
    assert parsed.rows == len(lines)
    codes = SPLIT.codes(FIRST, len(lines))
    for code, split in enumerate(SPLITS):
        assert found[split].tobytes() == as_rows(parsed)[codes == code].tobytes()


def test_decimal_commas() -> None:
    form = replace(FORM, delimiter=";", decimal_comma=True, integers=())
    found = parted(b"1,5;a.b;-2\n", form, 1)
    assert found is not None
    assert np.concatenate(list(found.values())).tolist() == [[-2.0, 1.5]]
    assert parted(b"1.5;a.b;-2\n", form, 1) is None


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_one_split_alone(end: str) -> None:
    data = "\n".join(f"{number},n,{-number}" for number in range(50)).encode() + end.encode()
    every, one = parted(data, FORM, 50), parted(data, FORM, 50, ("test",))
    assert every is not None
    assert one is not None
    assert list(one) == ["test"]
    assert one["test"].tobytes() == every["test"].tobytes()
    codes = SPLIT.codes(FIRST, 50)
    assert one["test"][:, 1].tolist() == np.flatnonzero(codes == SPLITS.index("test")).tolist()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"1,,2\n3,,4\n", id="a row more"),
        pytest.param(b"", id="no row"),
        pytest.param(b'1,"n",2\n', id="quotes"),
        pytest.param(b"1,,\n", id="a missing value"),
        pytest.param(b"1,,2.5\n", id="no integer in a column of integers"),
        pytest.param(b"1,,2,\n", id="a value more"),
        pytest.param(b"1,2\n", id="a value less"),
        pytest.param(b"1,,2\r", id="half an end of line"),
    ],
)
def test_anything_else_is_left_to_others(data: bytes) -> None:
    assert parted(b"1,,2\n", FORM, 1) is not None
    assert parted(data, FORM, 1) is None


def test_a_block_with_a_row_that_is_left_out_is_left_to_others() -> None:
    data = b"1,,2\n3,,4\n"
    assert parted(data, FORM, 2) is not None
    assert plain_rows(data, scanned(FORM), {**about(2), "train": 0, "validation": 0, "test": 1}, SPLITS) is None


def test_small_files_do_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WORTH_BYTES", 2)
    assert parted(b"1,,2\n", FORM, 1) is None
