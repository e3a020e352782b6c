"""CSVs that are cut, compressed, changed or empty: cases 67 to 74 of the fault catalogue."""

import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from csv_support import COUNT, csv, refused, values
from rows_support import Rows, lines, plain, whole_pass

from outofcore.errors import ConfigurationError, DataError
from outofcore.sources import row_file

pytestmark = [pytest.mark.fault, pytest.mark.usefixtures("block_bytes")]


@pytest.mark.parametrize(("left", "found"), [(b"299", "found 1"), (b"299,", "its last line is cut")])
@pytest.mark.parametrize("max_bad_rows", [0, 9])
def test_fault_067_last_line_truncated(tmp_path: Path, left: bytes, found: str, max_bad_rows: int) -> None:
    rows = Rows(tmp_path, lines(*plain(COUNT - 1)) + left)
    message = refused(rows, rf"line 301 \(row 300\): expected .*{found}", max_bad_rows=max_bad_rows)
    assert "max_bad_rows" not in message  # no number of them would help


def test_fault_068_last_number_cut_at_the_end_of_the_file(tmp_path: Path) -> None:
    rows = Rows(tmp_path, lines(*plain(COUNT)))
    rows.scan()
    rows.table.write_bytes(rows.table.read_bytes()[:-2])  # 299,29
    refused(rows, r"or after it: expected the content that was recorded \([\d,]+ bytes, 300 rows\), found another")
    assert rows.scan(changed="accept")[2]["samples"] == COUNT
    rows.table.touch()
    rows.scan()  # only the time has changed


def test_fault_068_other_numbers_in_the_same_place(tmp_path: Path) -> None:
    rows = Rows(tmp_path, lines(*plain(COUNT)))
    rows.scan()
    rows.table.write_bytes(rows.table.read_bytes().replace(b"250,250", b"250,251"))
    refused(rows, "expected the content that was recorded")


def test_fault_069_no_newline_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    rows, same = Rows(tmp_path, lines(*plain(COUNT))[:-1]), Rows(tmp_path / "a", lines(*plain(COUNT)))
    rows.scan()
    same.scan()
    assert values(rows) == values(same)


def test_fault_070_gzip_is_packed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    content = lines(*plain(COUNT))
    rows, same = Rows(tmp_path, gzip.compress(content), "rows.csv.gz"), Rows(tmp_path / "a", content)
    rows.scan()
    same.scan()
    with pytest.raises(ConfigurationError, match=r"rows\.csv\.gz, row 1: expected a plain CSV with loader.mode=stream"):
        rows.pack("stream")
    assert rows.pack("auto")["mode"] == "packed"
    x, y, ids = whole_pass(rows.loader(shuffle=False))
    same.pack()
    assert (x.tobytes(), ids) == (whole_pass(same.loader(shuffle=False))[0].tobytes(), ids)
    assert x.tobytes() == y.tobytes()


@pytest.mark.parametrize("left", [0.5, 0.98])
def test_fault_070_truncated_gzip(tmp_path: Path, left: float) -> None:
    noise = np.random.default_rng(0).random((COUNT, 2))
    whole = gzip.compress(lines(*[f"{x},{y}" for x, y in noise.tolist()]))
    rows = Rows(tmp_path, whole[: int(len(whole) * left)], "rows.csv.gz")
    refused(rows, r"row \d+ or after it: expected gzip up to its end, found that it breaks off at byte [\d,]+ of")


@pytest.mark.parametrize("row", ['200,"200', '"200,200', '200,2"00'])
def test_fault_071_an_unclosed_quote(tmp_path: Path, row: str) -> None:
    refused(csv(tmp_path, row), r"line 202 \(row 201\): expected (every quote to be closed|a number in column)")


def changing(monkeypatch: pytest.MonkeyPatch, rows: Rows, content: bytes, append: bool) -> None:
    """Let the file change while its second part is read."""
    read, calls = row_file.RowFile.read, iter(range(1000))

    def changed_meanwhile(self: Any, start: int, stop: int) -> bytes:
        data = read(self, start, stop)
        if next(calls) == 0:
            with rows.table.open("ab" if append else "wb") as file:
                file.write(content)
            os.utime(rows.table, ns=(1, 1))  # clocks may be coarse
        return data

    monkeypatch.setattr(row_file.RowFile, "read", changed_meanwhile)


def test_fault_072_file_changed_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Rows(tmp_path, lines(*plain(COUNT)))
    changing(monkeypatch, rows, lines(*plain(COUNT, 1))[: rows.table.stat().st_size], append=False)
    refused(rows, r"row \d+ or after it: expected the file to stay as it was while it is read, found it changed")


def test_fault_073_file_appended_to_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Rows(tmp_path, lines(*plain(COUNT)))
    changing(monkeypatch, rows, b"7,7\n", append=True)
    refused(rows, r"row \d+ or after it: expected the file to stay as it was while it is read, found 4 bytes appended")


@pytest.mark.parametrize("mode", ["packed", "stream"])
def test_fault_072_file_changed_after_it_was_scanned(tmp_path: Path, mode: str) -> None:
    rows = Rows(tmp_path, lines(*plain(COUNT)))
    rows.scan()
    rows.table.write_bytes(rows.table.read_bytes().replace(b"250,250", b"250,251"))
    with pytest.raises(DataError, match=r"rows\.csv, row 1 or after it: expected the file as it was scanned"):
        rows.pack(mode)
        whole_pass(rows.loader())


def test_fault_072_the_same_time_and_size_do_not_hide_it_from_the_pack(tmp_path: Path) -> None:
    rows = Rows(tmp_path, lines(*plain(COUNT)))
    rows.scan()
    before = rows.table.stat()
    rows.table.write_bytes(rows.table.read_bytes().replace(b"250,250", b"250,251"))
    os.utime(rows.table, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(DataError, match=r"rows\.csv, row \d+ or after it: expected the content that was scanned"):
        rows.pack()


@pytest.mark.parametrize("content", [lines(), lines("", ""), lines(",", ",")])
def test_fault_074_no_valid_row(tmp_path: Path, content: bytes) -> None:
    refused(Rows(tmp_path, content), "expected a row that is good, found none", max_bad_rows=5)


def test_fault_074_an_empty_file(tmp_path: Path) -> None:
    rows = Rows(tmp_path, b" ")
    refused(rows, "line 1: expected rows of numbers, found an empty file")


def test_fault_036_a_split_without_rows(tmp_path: Path) -> None:
    refused(Rows(tmp_path, lines("1,1")), "expected rows for the split .*found none among 1 rows")
