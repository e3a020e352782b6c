"""The scan of a CSV: statistics, splits, and what is found done."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rows_support import Rows, lines, plain, whole_pass

from outofcore.sources import row_file, row_scanning
from outofcore.sources.row_moments import join, moments_of, no_moments

COUNT = 2000


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_file, "BLOCK_BYTES", 4096)


def noisy(root: Path) -> Rows:
    rng = np.random.default_rng(0)
    values = pd.DataFrame({"x": rng.normal(1e6, 3, COUNT), "y": rng.integers(-5, 5, COUNT)})
    values.to_csv(root / "rows.csv", index=False)
    return Rows(root)


def test_statistics_are_those_of_the_training_rows(tmp_path: Path) -> None:
    rows = noisy(tmp_path)
    blocks, statistics, summary = rows.scan()
    frame = pd.read_csv(rows.table)
    rows.pack()
    chosen = frame.iloc[[int(number) - 1 for number in whole_pass(rows.loader())[2]]]
    for name in ("x", "y"):
        found = statistics[name]
        assert found["count"] == len(chosen) == summary["splits"]["train"]
        assert found["mean"] == pytest.approx(chosen[name].mean(), rel=1e-14)
        assert found["std"] == pytest.approx(chosen[name].std(ddof=0), rel=1e-12)
        assert (found["min"], found["max"]) == (chosen[name].min(), chosen[name].max())
    assert len(blocks) > 5
    assert statistics["x"]["mean"] != pytest.approx(frame["x"].mean(), rel=1e-12)  # of all rows


def test_moments_of_parts_are_those_of_the_whole() -> None:
    values = np.random.default_rng(0).normal(1e9, 1, (3000, 2))
    whole, parts = moments_of(list(values.T)), no_moments(2)
    for part in np.split(values, [0, 10, 10, 1500, 1501]):
        parts = join(parts, moments_of(list(part.T)))
    assert parts.count == whole.count
    assert np.allclose(parts.mean, whole.mean, rtol=1e-15)
    assert np.allclose(parts.squares, whole.squares, rtol=1e-7)
    assert np.array_equal(parts.high, values.max(axis=0))


def test_the_blocks_cover_the_file(tmp_path: Path) -> None:
    rows = noisy(tmp_path)
    blocks, _, summary = rows.scan()
    content = rows.table.read_bytes()
    assert blocks["start"].iloc[0] == len("x,y\n")
    assert (blocks["start"].to_numpy()[1:] == blocks["stop"].to_numpy()[:-1]).all()
    assert blocks["stop"].iloc[-1] == len(content) == summary["bytes"]
    assert all(content[stop - 1 : stop] == b"\n" for stop in blocks["stop"])
    assert blocks["rows"].sum() == summary["samples"] == COUNT
    assert (blocks[["train", "validation", "test"]].sum(axis=1) == blocks["rows"]).all()


def scans(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Note every scan of a file."""
    scanned: list[Path] = []
    scan_file = row_scanning.scan_file

    def noted(path: Path, *arguments: Any) -> Any:
        scanned.append(path)
        return scan_file(path, *arguments)

    monkeypatch.setattr(row_scanning, "scan_file", noted)
    return scanned


def test_a_scan_is_found_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rows, scanned = noisy(tmp_path), scans(monkeypatch)
    first = rows.scan()
    with caplog.at_level(logging.INFO):
        again = rows.scan(changed="accept")
    assert "as they were when they were last scanned" in caplog.text
    assert len(scanned) == 1
    assert first[1:] == again[1:]
    assert first[0].drop(columns="skipped").equals(again[0].drop(columns="skipped"))
    for changes in ({"seed": 8}, {"partition": {"train": 0.6, "test": 0.3}}, {"features": ("y",), "targets": ("x",)}):
        rows.scan(**changes)
    assert len(scanned) == 4
    assert rows.scan(**changes)[2]["digest"] != first[2]["digest"]


def test_a_record_that_is_damaged_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, scanned = noisy(tmp_path), scans(monkeypatch)
    first = rows.scan()
    blocks = pd.read_parquet(tmp_path / "scan/blocks.parquet")
    blocks.loc[0, "train"] += 1
    blocks.to_parquet(tmp_path / "scan/blocks.parquet", index=False)
    assert rows.scan()[2] == first[2]
    assert len(scanned) == 2


def test_digests_are_of_content_and_split_not_of_the_place(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    one, other = noisy(tmp_path / "a"), noisy(tmp_path / "b")
    third = Rows(tmp_path / "c", lines(*plain(COUNT)))
    digests = [rows.scan()[2] for rows in (one, other, third)]
    assert digests[0]["digest"] == digests[1]["digest"] != digests[2]["digest"]
    assert digests[0]["partition_digest"] == digests[1]["partition_digest"]
    assert one.scan(seed=9)[2]["partition_digest"] != digests[0]["partition_digest"]


def test_other_names_for_the_same_bytes_are_packed_anew(tmp_path: Path) -> None:
    rows = Rows(tmp_path, lines(*[f"{number},{number + 5000}" for number in range(1, COUNT)], header="0,5000"))
    found = {}
    for columns in (("x", "y"), ("y", "x")):
        rows.scan(header=False, columns=columns)
        rows.pack("packed")
        x, y, _ = whole_pass(rows.loader(shuffle=False))
        found[columns] = rows.summary["digest"]
        assert (x[:, 0] - y[:, 0]).tolist() == [-5000 if columns[0] == "x" else 5000] * len(x)
    assert found["x", "y"] != found["y", "x"]


def test_validation_rows_from_a_file_of_their_own(tmp_path: Path) -> None:
    rows = Rows(tmp_path, lines(*plain(COUNT)))
    rows.validation_table.write_bytes(lines(*[f"{y},{y}" for y in range(5000, 5100)], header="y,x"))
    _, statistics, summary = rows.scan(data={"validation": "file"})
    assert summary["splits"]["validation"] == 100
    assert summary["splits"]["train"] + summary["splits"]["test"] == COUNT
    assert summary["splits"]["train"] == pytest.approx(COUNT * 8 / 9, rel=0.02)
    assert statistics["x"]["max"] < COUNT
    for mode in ("packed", "stream"):
        rows.pack(mode)
        x, y, ids = whole_pass(rows.loader("validation"))
        assert x[:, 0].tolist() == y[:, 0].tolist() == list(range(5000, 5100))
        assert ids == [str(number) for number in range(1, 101)]
        assert max(whole_pass(rows.loader("train"))[0][:, 0]) < COUNT


def test_integers_that_turn_out_to_be_fractions(tmp_path: Path) -> None:
    content = plain(COUNT)
    content[1500] = "1500,0.5"
    rows = Rows(tmp_path, lines(*content))
    rows.scan()
    assert rows.summary["files"]["table"]["form"]["integers"] == ["x"]
    for mode in ("packed", "stream"):
        rows.pack(mode)
        read = {split: whole_pass(rows.loader(split)) for split in ("train", "validation", "test")}
        found = {int(number): float(y[0]) for _, ys, ids in read.values() for number, y in zip(ids, ys, strict=True)}
        assert found[1501] == 0.5
        assert found[1502] == 1501
