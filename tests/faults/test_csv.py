"""Rows of a CSV as they should not be: cases 55 to 66 of the fault catalogue."""

from pathlib import Path

import numpy as np
import pytest
from csv_support import COUNT, csv, refused, values
from rows_support import Rows, lines, plain

from outofcore.errors import ConfigurationError
from outofcore.sources import row_file

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
    refused(rows, r"line 202 \(row 201\): expected a value in column '[xy]', found none.*Or set scan.max_bad_rows to")
    rows.scan(max_bad_rows=1)
    assert (rows.summary["samples"], rows.summary["skipped"]) == (COUNT - 1, 1)
    x, ids = values(rows)
    assert [str(int(value) + 1) for value in x] == ids  # the rows after it keep their numbers
    assert len(set(ids)) == rows.summary["splits"]["train"]


def test_fault_060_a_row_that_is_left_out_changes_no_other_rows_split(tmp_path: Path) -> None:
    whole, lacking = Rows(tmp_path, lines(*plain(COUNT))), csv(tmp_path, "200,", name="lacking.csv")
    whole.scan()
    ids = set(values(whole)[1]) - {"201"}
    lacking.scan(max_bad_rows=5)
    assert set(values(lacking)[1]) == ids


def test_fault_061_short_row(tmp_path: Path) -> None:
    refused(csv(tmp_path, "200"), r"line 202 \(row 201\): expected 2 values as there are columns, found 1")


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
    assert message.endswith("or leave the column out of scan.features and scan.targets if it holds text.")


BAD = {
    "header": "x,y", "missing": "200,", "short": "200", "long": "200,200,1", "text": "200,abc", "infinite": "200,inf",
    "NaN": "nan,200", "too large": "200,1e39", "open quote": '200,"200', "binary": "200,\x00", "comma": '200,"1,5"',
}  # fmt: skip


@pytest.mark.parametrize("row", BAD.values(), ids=BAD)
@pytest.mark.parametrize("group", [None, "x"])
def test_fault_056_060_061_062_064_065_071_bad_rows_are_left_out_up_to_a_number(
    tmp_path: Path, row: str, group: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    good, rows = Rows(tmp_path, lines(*plain(COUNT)), name="good.csv"), csv(tmp_path, row)
    strict = refused(rows, r"line 202 \(row 201\): expected .* Or set scan.max_bad_rows to leave such rows out\.$")
    scan = {"features": ("y",), "targets": ("x",), "group_column": None} if group is None else {"group_column": group}
    good.scan(**scan)
    before = dict(zip(*reversed(values(good)), strict=True))
    with caplog.at_level("WARNING"):
        rows.scan(max_bad_rows=1, **scan)
    assert (rows.summary["samples"], rows.summary["skipped"]) == (COUNT - 1, 1)
    assert "1 bad rows are left out" in caplog.text
    assert strict.partition(" Or set")[0] in caplog.text
    found, ids = values(rows)
    assert dict(zip(ids, found, strict=True)) == {name: value for name, value in before.items() if name != "201"}


@pytest.mark.parametrize("block_bytes", [200, row_file.BLOCK_BYTES])
def test_bad_rows_beyond_the_number_stop_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    monkeypatch.setattr(row_file, "BLOCK_BYTES", block_bytes)
    content = plain(COUNT)
    content[20], content[150], content[200], content[250] = "20,a", "150", "200,", ""
    content[280] = "280,"
    expected = (
        r"line 22 \(row 21\): expected a number in column 'y', found 'a'\. .* It is the first of 4 bad rows up to here "
        r"\(then line 152 \(row 151\): expected 2 values as there are columns; line 202 \(row 201\): expected a "
        r"value in column 'y'\), and scan\.max_bad_rows=3 leaves out no more\.$"
    )
    refused(Rows(tmp_path, lines(*content)), expected, max_bad_rows=3)


def test_row_numbers_have_one_form(tmp_path: Path) -> None:
    refused(csv(tmp_path, "200"), r"line 202 \(row 201\)")
    rows = Rows(tmp_path, lines(*plain(1234), "1234,a"), name="long.csv")
    refused(rows, r"line 1,236 \(row 1,235\): expected a number")


def german(rows: list[str]) -> list[str]:
    return [row.replace(",", ";").replace(".", ",") for row in rows]


def test_decimal_commas(tmp_path: Path) -> None:
    numbers = [f"{number / 4},{number}" for number in range(COUNT)]
    numbers[7] = "-1.5e-2,+.5"
    rows = Rows(tmp_path, lines(*german(numbers), header="x;y"))
    message = refused(rows, r"line 2 \(row 1\): expected a number in column 'x', found '0,0'", delimiter=";")
    assert "set scan.decimal_comma=true if decimal commas are meant" in message
    rows.scan(delimiter=";", decimal_comma=True)
    found = values(rows)
    same = Rows(tmp_path, lines(*numbers), name="points.csv")
    same.scan()
    assert found == values(same)


@pytest.mark.parametrize("text", ["1.5", "1.234", "1.234,5", "1,2,3"])
def test_points_are_refused_where_commas_are_decimal(tmp_path: Path, text: str) -> None:
    numbers = german([f"{number / 4},{number}" for number in range(COUNT)])
    numbers[200] = f"200;{text}"
    noted = [f"{row};a.b" for row in numbers]
    rows = Rows(tmp_path, lines(*noted, header="x;y;note"))
    message = refused(rows, rf"line 202 \(row 201\): expected a number in column 'y', found '{text}'", delimiter=";",
                      decimal_comma=True)  # fmt: skip
    assert ("scan.decimal_comma=false" in message) == (text in {"1.5", "1.234"})


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
