"""Rows of a CSV as they should not be: cases 55 to 66 of the fault catalogue."""

from pathlib import Path

import numpy as np
import pytest
from csv_support import COUNT, csv, refused, values
from rows_support import Rows, lines, plain

from outofcore.errors import ConfigurationError

pytestmark = [pytest.mark.fault, pytest.mark.usefixtures("block_bytes")]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (lines(*plain(COUNT)[1:], header="0,0"), r"line 1: expected the column 'x' in the header.*scan.header=false"),
        (lines(*plain(COUNT), header="x,z"), r"line 1: expected the column 'y' in the header, found 'x', 'z'"),
        (lines(*plain(COUNT), header="x;y"), r"line 1: .*found 'x;y'. Set scan.delimiter"),
        (lines(*plain(COUNT), header="x,y,y"), r"line 1: expected the column 'y' once"),
    ],
)  # fmt: skip
def test_fault_055_header_missing_or_other_columns(tmp_path: Path, content: bytes, expected: str) -> None:
    refused(Rows(tmp_path, content), expected)


def test_fault_055_columns_given_for_a_file_without_header(tmp_path: Path) -> None:
    rows = Rows(tmp_path, lines(*plain(COUNT)[1:], header="0,0"))
    refused(rows, "line 1 .row 1.: expected the column 'y', found the columns 'x', 'z'", ConfigurationError,
            header=False, columns=("x", "z"))  # fmt: skip
    assert rows.scan(header=False, columns=("x", "y"))[2]["samples"] == COUNT
    refused(rows, "expected the column 'x', found the columns '0', '1'", ConfigurationError, header=False)
    assert rows.scan(header=False, features=("0",), targets=("1",), changed="accept")[2]["samples"] == COUNT


def test_fault_056_header_repeated_inside(tmp_path: Path) -> None:
    refused(csv(tmp_path, "x,y"), r"line 202 \(row 201\): expected numbers, found the header again")


def test_fault_057_blank_lines(tmp_path: Path) -> None:
    content = plain(COUNT)
    spread = [line for row in content for line in ([row, "", "  "] if int(row.split(",")[0]) % 7 == 3 else [row])]
    (tmp_path / "a").mkdir()
    rows, same = Rows(tmp_path, lines("", *spread)), Rows(tmp_path / "a", lines(*content))
    rows.scan()
    same.scan()
    assert rows.summary["samples"] == COUNT
    assert values(rows) == values(same)


def test_fault_057_the_line_after_blank_lines_is_named_rightly(tmp_path: Path) -> None:
    content = plain(COUNT)
    content[3:3] = ["", ""]
    content[210] = "7,oops"
    refused(Rows(tmp_path, lines(*content)), r"line 212 \(row 209\): expected a number in column 'y', found 'oops'")


@pytest.mark.parametrize("form", ["crlf", "bom", "quoted", "blanks", "all"])
def test_fault_058_crlf_bom_quoted_numbers(tmp_path: Path, form: str) -> None:
    content = lines(*plain(COUNT))
    if form in {"quoted", "all"}:
        content = lines(*[f'"{number}",{number}' for number in range(COUNT)], header='"x",y')
    if form == "blanks":
        content = lines(*[f" {number} ,{number} " for number in range(COUNT)], header=" x , y")
    if form in {"crlf", "all"}:
        content = content.replace(b"\n", b"\r\n")
    if form in {"bom", "all"}:
        content = b"\xef\xbb\xbf" + content
    (tmp_path / "a").mkdir()
    rows, same = Rows(tmp_path, content), Rows(tmp_path / "a", lines(*plain(COUNT)))
    rows.scan()
    same.scan()
    assert values(rows) == values(same)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_fault_059_utf_16(tmp_path: Path, encoding: str) -> None:
    rows = Rows(tmp_path, lines(*plain(COUNT)).decode().encode(encoding))
    refused(rows, "line 1: expected text in UTF-8, found UTF-16")


@pytest.mark.parametrize("row", ["200,", ",200", ",", '200,""', "200, "])
def test_fault_060_missing_value(tmp_path: Path, row: str) -> None:
    rows = csv(tmp_path, row)
    refused(rows, r"line 202 \(row 201\): expected a value in column '[xy]', found none.*scan.missing=skip")
    refused(rows, r"row 201: expected at most 0 rows with a missing value", missing="skip")
    rows.scan(missing="skip", max_bad_rows=1)
    assert (rows.summary["samples"], rows.summary["skipped"]) == (COUNT - 1, 1)
    x, ids = values(rows)
    assert [str(int(value) + 1) for value in x] == ids  # the rows after it keep their numbers
    assert len(set(ids)) == rows.summary["splits"]["train"]


def test_fault_060_a_row_that_is_left_out_changes_no_other_rows_split(tmp_path: Path) -> None:
    whole, lacking = Rows(tmp_path, lines(*plain(COUNT))), csv(tmp_path, "200,", name="lacking.csv")
    whole.scan()
    ids = set(values(whole)[1]) - {"201"}
    lacking.scan(missing="skip", max_bad_rows=5)
    assert set(values(lacking)[1]) == ids


@pytest.mark.parametrize("skip", [True, False])
def test_fault_061_short_row(tmp_path: Path, skip: bool) -> None:
    changes = {"missing": "skip", "max_bad_rows": 9} if skip else {}
    refused(csv(tmp_path, "200"), r"line 202 \(row 201\): expected 2 values as there are columns, found 1", **changes)


@pytest.mark.parametrize("row", ["200,200,1", "200,200,", "200,,200"])
def test_fault_062_an_extra_column_on_one_row(tmp_path: Path, row: str) -> None:
    refused(csv(tmp_path, row), r"line 202 \(row 201\): expected 2 values as there are columns, found 3")


@pytest.mark.parametrize("row", ["200,a,1,1", "200,a", '200,"a,1'])
def test_fault_061_062_rows_of_another_length_where_columns_are_left_unused(tmp_path: Path, row: str) -> None:
    content = [f'{number},"text, with a comma",{number}' for number in range(COUNT)]
    rows = Rows(tmp_path, lines(*content, header="x,note,y"))
    assert rows.scan()[2]["samples"] == COUNT
    content[200] = row
    refused(Rows(tmp_path, lines(*content, header="x,note,y")), r"line 202 \(row 201\): expected")


@pytest.mark.parametrize("row", ["200,200", '200,200,"a\n200,200,b"', "200,200,a,b"])
def test_fault_061_062_rows_of_another_length_where_the_last_column_is_left_unused(tmp_path: Path, row: str) -> None:
    content = [f"{number},{number},text" for number in range(COUNT)]
    content[200] = row
    refused(Rows(tmp_path, lines(*content, header="x,y,note")), r"line 202 \(row 201\): expected")


@pytest.mark.parametrize("header", [True, False])
def test_fault_063_an_extra_column_on_all_rows(tmp_path: Path, header: bool) -> None:
    rows = Rows(tmp_path, lines(*[f"{row},9" for row in plain(COUNT)]))
    if not header:
        rows.table.write_bytes(rows.table.read_bytes().partition(b"\n")[2])
    changes = {} if header else {"header": False, "columns": ("x", "y")}
    refused(rows, r"\(row 1\): expected 2 values as there are columns \('x', 'y'\), found 3", **changes)


@pytest.mark.parametrize("text", ["abc", "1_0", "0x10", "1,5", "--1", "1e", "null"])
def test_fault_064_text_where_a_number_belongs(tmp_path: Path, text: str) -> None:
    rows = csv(tmp_path, f'200,"{text}"')
    message = refused(rows, r"line 202 \(row 201\): expected a number in column 'y', found")
    assert repr(text) in message


def test_fault_064_a_column_of_text_is_named(tmp_path: Path) -> None:
    rows = Rows(tmp_path, lines(*[f"{number},red" for number in range(COUNT)], header="x,colour"))
    message = refused(rows, r"line 2 \(row 1\): expected a number in column 'colour', found 'red'", targets=("colour",))
    assert "leave the column out of scan.features and scan.targets if it holds text" in message


@pytest.mark.parametrize("text", ["NaN", "nan", "inf", "-inf", "Infinity", "1e400", "-1e39"])
def test_fault_065_values_that_are_not_finite(tmp_path: Path, text: str) -> None:
    expected = "a number that float32 can hold" if "e" in text else "a finite number"
    refused(csv(tmp_path, f"200,{text}"), rf"line 202 \(row 201\): expected {expected}.* in column 'y', found '{text}'")


@pytest.mark.parametrize("value", ["16777217", "500000001", "-16777217", "16777217.0", "99999999999999999999"])
def test_fault_066_an_integer_above_float32_precision(tmp_path: Path, value: str) -> None:
    rows = csv(tmp_path, f"{value},200")
    refused(rows, r"row 201: expected integers in column 'x' that float32 can hold", float32_rounding="refuse")
    rows.scan(float32_rounding="accept")
    exact = float(value)
    assert rows.summary["float32_rounding_error"] == abs(float(np.float32(exact)) - exact) > 0


def test_fault_066_what_float32_holds_is_taken(tmp_path: Path) -> None:
    content = ["16777216,1", "1e10,33554432", "0.1,-16777216", *plain(COUNT)]
    _, _, summary = Rows(tmp_path, lines(*content)).scan(float32_rounding="refuse")
    assert summary["float32_rounding_error"] == 0.0
