"""A label table is read as the text that stands in the file, or refused with a reason."""

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from outofcore.errors import DataError
from outofcore.sources.label_table import read_label_table


def write(folder: Path, content: bytes, name: str = "labels.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def read(path: Path, *columns: str) -> dict[str, Any]:
    return read_label_table(path, list(columns or ("id", "label"))).to_pydict()


def first_line(path: Path, *columns: str) -> str:
    with pytest.raises(DataError) as raised:
        read(path, *columns)
    line = str(raised.value).splitlines()[0]
    assert line.startswith(str(path))
    assert "expected" in line
    assert "found" in line
    return line


@pytest.mark.parametrize(
    "text",
    ["007", "NA", "null", "NULL", "nan", "NaN", "1.0", "-1", "1e3", "true", "2020-01-01", " x", "ä", "#N/A", "None"],
)
def test_fault_027_028_every_text_stays_what_it_is(tmp_path: Path, text: str) -> None:
    for line in (f"{text},{text}", f'"{text}","{text}"'):
        path = write(tmp_path, f"id,label\n{line}\n1,2\n".encode())
        assert read(path) == {"id": [text, "1"], "label": [text, "2"]}


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfid,label\na,0\nb,8\n",
        b'\xef\xbb\xbf"id","label"\r\n"a","0"\r\n"b","8"\r\n',
        b"id,label\r\na,0\r\n\r\nb,8\r\n",
        b"id,label\na,0\nb,8",
        b"other,label,id\nx,0,a\ny,8,b\n",
    ],
    ids=["bom", "quoted with bom and crlf", "crlf and blank line", "no last newline", "other columns"],
)
def test_fault_057_058_ways_to_write_the_same_table(tmp_path: Path, content: bytes) -> None:
    assert read(write(tmp_path, content)) == {"id": ["a", "b"], "label": ["0", "8"]}
    assert read(write(tmp_path, gzip.compress(content), "labels.csv.gz")) == {"id": ["a", "b"], "label": ["0", "8"]}


def test_quoted_values_keep_commas_and_quotes(tmp_path: Path) -> None:
    assert read(write(tmp_path, b'id,label\n"a,b","say ""8"""\n')) == {"id": ["a,b"], "label": ['say "8"']}


def test_a_missing_value_is_an_empty_text(tmp_path: Path) -> None:
    assert read(write(tmp_path, b'id,label\na,\n,""\n')) == {"id": ["a", ""], "label": ["", ""]}


def test_a_table_without_rows_is_a_table(tmp_path: Path) -> None:
    assert read(write(tmp_path, b"id,label\n")) == {"id": [], "label": []}


def test_columns_come_in_the_order_asked_for(tmp_path: Path) -> None:
    table = read_label_table(write(tmp_path, b"id,label,group\na,0,g\n"), ["group", "id"])
    assert table.column_names == ["group", "id"]
    assert set(table.schema.types) == {pa.large_string()}


def test_types_are_not_guessed_from_the_first_rows(tmp_path: Path) -> None:
    many = 400_000  # several blocks of the reader
    path = write(tmp_path, b"id,label\n" + b"007,1\n" * many + b"NA,zero\n")
    table = read_label_table(path, ["id", "label"])
    assert table["id"].unique().to_pylist() == ["007", "NA"]
    assert table["label"][many].as_py() == "zero"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "Empty CSV file"),
        (b"\n\n", "Empty CSV file"),
        (b"id,label\na,0\nb\n", "Row #3: Expected 2 columns, got 1: b"),
        (b"id,label\na,0\nb,8,9\n", "Row #3: Expected 2 columns, got 3: b,8,9"),
        (b"id,label\na,0,1\nb,8,9\n", "Row #2: Expected 2 columns, got 3: a,0,1"),
        (b"id,label\n" + b"a,0\n" * 400_000 + b"b,8,9\n", "Row #400002: Expected 2 columns, got 3"),
        ("id,label\nä,0\n".encode("latin-1"), "Row #2: CSV conversion error to large_string: invalid UTF8"),
        ("id,läbel\na,0\n".encode("latin-1"), "can't decode byte"),
        (b'id,label\n"a,0\nb,8\n', "Expected 2 columns"),
    ],
    ids=["empty", "blank", "short", "long", "all long", "late", "latin-1", "latin-1 header", "open quote"],
)
def test_a_broken_table_is_refused_with_the_row(tmp_path: Path, content: bytes, found: str) -> None:
    line = first_line(write(tmp_path, content))
    assert found in line
    assert line.endswith("Correct the file.")


@pytest.mark.parametrize("more", [1, 400_000])
@pytest.mark.parametrize("lines", [(b"id,label", b"a,0", b'b,"8'), (b"id,label,note", b"a,0,", b'b,8,"x')])
def test_fault_071_a_quote_that_swallows_rows_is_refused(tmp_path: Path, lines: tuple[bytes, ...], more: int) -> None:
    content = b"\n".join([*lines, *[lines[1]] * more, b""])
    assert "row 3: expected every value on one line" in first_line(write(tmp_path, content))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_fault_059_wide_text_is_refused(tmp_path: Path, encoding: str) -> None:
    line = first_line(write(tmp_path, "id,label\na,0\n".encode(encoding)))
    assert "UTF-8" in line
    assert "UTF-16" in line


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("names", "found"),
    [(["id", "y"], "'label', found id, y."), (["id", "label", "label"], "'label', found id, label, label, 'label' 2")],
)
def test_a_column_that_is_not_there_once_is_refused(tmp_path: Path, suffix: str, names: list[str], found: str) -> None:
    path = write(tmp_path, (",".join(names) + "\n").encode(), f"labels.{suffix}")
    if suffix == "parquet":
        pq.write_table(pa.table([pa.array(["a"])] * len(names), names), path)
    assert found in first_line(path)


@pytest.mark.parametrize("name", ["labels.csv", "labels.parquet"])
def test_a_missing_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    assert "found no such file. Correct its filepath in the catalog" in first_line(tmp_path / name)
    (tmp_path / name).mkdir()
    assert "directory" in first_line(tmp_path / name)


def test_parquet_becomes_text_too(tmp_path: Path) -> None:
    path = tmp_path / "labels.parquet"
    coded = pa.array(["NA", "007", "NA"]).dictionary_encode()
    pq.write_table(pa.table({"id": coded, "label": [1, None, 3], "w": [0.5, 2.0, None], "l": [[1], [], []]}), path)
    assert read(path) == {"id": ["NA", "007", "NA"], "label": ["1", "", "3"]}
    assert read(path, "w") == {"w": ["0.5", "2", ""]}
    assert "list" in first_line(path, "l")


@pytest.mark.parametrize("content", [b"", b"id,label\na,0\n"])
def test_what_is_no_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    assert first_line(write(tmp_path, content, "labels.parquet")).endswith("Correct the file.")
