"""The sample CSV: its content, and that it is made once."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from rows_support import row_parameters

from outofcore.errors import ConfigurationError, DataError
from outofcore.nodes.acquire_rows import acquire_rows
from outofcore.samples import rows as sample
from outofcore.types import File


def acquire(root: Path, **changes: Any) -> dict[str, Any]:
    return acquire_rows(
        File(root / "rows.csv"), File(root / "validation.csv"), row_parameters("data", **{"rows": 1000, **changes})
    )


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "DIGITS", 2)
    monkeypatch.setattr(sample, "BLOCK", 100)


@pytest.mark.parametrize("count", [1, 7, 10, 100, 101, 999, 1000, 1001, 12_345])
def test_the_sample_is_what_polars_would_write(tmp_path: Path, count: int) -> None:
    sample.write_rows(tmp_path / "rows.csv", count)
    values = pl.Series(range(count))
    pl.DataFrame({"x": values, "y": values}).write_csv(tmp_path / "expected.csv")
    written = (tmp_path / "rows.csv").read_bytes()
    assert written == (tmp_path / "expected.csv").read_bytes()
    assert sample.bytes_of(count) == len(written)
    assert {path.name for path in tmp_path.iterdir()} == {"rows.csv", "expected.csv"}


def test_a_sample_is_found_done_and_made_anew_when_another_is_wanted(tmp_path: Path) -> None:
    first = acquire(tmp_path)
    before = (tmp_path / "rows.csv").stat()
    assert acquire(tmp_path) == first
    assert (tmp_path / "rows.csv").stat().st_mtime_ns == before.st_mtime_ns
    assert acquire(tmp_path, rows=500) != first
    assert (tmp_path / "rows.csv").stat().st_size == sample.bytes_of(500)


@pytest.mark.parametrize("stop", [1, 30, 77])
def test_a_sample_is_gone_on_with_after_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int) -> None:
    monkeypatch.setattr(sample, "CHECKPOINT_BYTES", 5000)
    blocks = sample.blocks

    def killed(first: int, last: int) -> Any:
        for begin, block in blocks(first, last):
            if begin >= stop * 100:
                raise KeyboardInterrupt
            yield begin, block

    with monkeypatch.context() as patch:
        patch.setattr(sample, "blocks", killed)
        with pytest.raises(KeyboardInterrupt):
            acquire(tmp_path, rows=9999)
    assert not (tmp_path / "rows.csv").exists()
    began: list[int] = []
    monkeypatch.setattr(sample, "blocks", lambda first, last: (began.append(first), blocks(first, last))[1])
    acquire(tmp_path, rows=9999)
    assert (began[0] > 0) == (stop > 1)
    sample.write_rows(tmp_path / "whole.csv", 9999)
    assert (tmp_path / "rows.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_nobodys_data_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("x,y\n1,1\n")
    with pytest.raises(ConfigurationError, match=r"rows\.csv: expected an empty place for a sample.*source=path"):
        acquire(tmp_path)
    assert acquire(tmp_path, source="path")["recipe"] is None
    (tmp_path / "rows.csv").unlink()
    acquire(tmp_path)
    with (tmp_path / "rows.csv").open("a") as file:
        file.write("1,1\n")
    with pytest.raises(ConfigurationError, match="found other data"):
        acquire(tmp_path)
    with pytest.raises(ConfigurationError, match="found a sample that was made here"):
        acquire(tmp_path, source="path")


def test_a_validation_file_of_its_own(tmp_path: Path) -> None:
    acquired = acquire(tmp_path, validation="file", validation_rows=40)
    written = pl.read_csv(tmp_path / "validation.csv")
    assert written["x"].to_list() == written["y"].to_list() == list(range(0, 1000, 25))
    assert acquired["validation_table"] == str(tmp_path / "validation.csv")


@pytest.mark.fault
def test_fault_075_no_room_for_the_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing: Any = type("Usage", (), {"free": 0})
    monkeypatch.setattr(sample.shutil, "disk_usage", lambda _: nothing)
    with pytest.raises(DataError, match=r"rows\.csv: expected 0 MiB of room for the sample, found 0.*data\.rows"):
        acquire(tmp_path)
