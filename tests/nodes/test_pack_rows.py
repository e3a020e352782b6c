"""Packs of rows: written once, gone on from, refused room, in place of the file."""

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from packs_support import content
from rows_support import Rows, lines, plain, whole_pass

from outofcore.errors import ConfigurationError, DataError
from outofcore.nodes import load_rows as load_module
from outofcore.nodes import pack_rows as pack_module
from outofcore.sources import row_file
from outofcore.sources.pack_files import PackWriter

COUNT = 2000


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rows:
    monkeypatch.setattr(row_file, "BLOCK_BYTES", 1024)
    rows = Rows(tmp_path, lines(*plain(COUNT)))
    rows.scan()
    return rows


def packs(rows: Rows) -> dict[str, dict[str, bytes]]:
    return {split: content(rows.packs / split) for split in ("train", "validation", "test")}


def test_a_pack_holds_rows_side_by_side(rows: Rows) -> None:
    rows.pack()
    written = np.load(rows.packs / "train/row.npy")
    assert (written.dtype, written.shape) == (np.float32, (rows.summary["splits"]["train"], 2))
    assert np.array_equal(written, whole_pass(rows.loader(shuffle=False))[0].repeat(2, axis=1))


def test_packs_are_found_done_and_rebuilt_when_stale(rows: Rows) -> None:
    rows.pack()
    before = {path: path.stat().st_mtime_ns for path in rows.packs.glob("*/row.npy")}
    rows.pack()
    assert {path: path.stat().st_mtime_ns for path in rows.packs.glob("*/row.npy")} == before
    rows.scan(seed=8)
    rows.pack()
    assert all(path.stat().st_mtime_ns != time for path, time in before.items())


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("stop", [1, 5, 17, 29])
def test_packs_are_gone_on_from(rows: Rows, monkeypatch: pytest.MonkeyPatch, stop: int, grouped: bool) -> None:
    if grouped:
        rows.table.write_bytes(lines(*[f"{x},{x},g{x % 90}" for x in range(COUNT)], header="x,y,site"))
        rows.scan(group_column="site", changed="accept")
    rows.pack()
    expected = packs(rows)
    shutil.rmtree(rows.packs)
    write, calls = PackWriter.write, []

    def killed(self: PackWriter, samples: Any) -> None:
        calls.append(1)
        if len(calls) == stop:
            raise KeyboardInterrupt
        write(self, samples)

    with monkeypatch.context() as patch:
        patch.setattr(pack_module, "CHECKPOINT_BYTES", 1)
        patch.setattr(PackWriter, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            rows.pack()
    began = []
    monkeypatch.setattr(PackWriter, "write", lambda self, samples: (began.append(self.done), write(self, samples))[1])
    rows.pack()
    assert packs(rows) == expected
    assert (min(began) > 0) == (stop > 3)


def free(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    usage: Any = type("Usage", (), {"free": size})
    monkeypatch.setattr(pack_module.shutil, "disk_usage", lambda _: usage)


def test_auto_packs_where_there_is_room_and_says_so(
    rows: Rows, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        free(monkeypatch, 1 << 20)
        assert rows.pack("auto")["mode"] == "stream"
        assert "loader.mode=auto: stream, for 0 MiB of room for packs are wanted and 1 MiB are free" in caplog.text
        with pytest.raises(ConfigurationError, match=r"rows\.csv: expected a pack for loader.shuffle_within=file"):
            rows.load(shuffle_within="file")
        free(monkeypatch, 2 << 30)
        assert rows.pack("auto")["mode"] == "packed"
        assert "loader.mode=auto: packed" in caplog.text
        free(monkeypatch, 0)
        assert rows.pack("auto")["mode"] == "packed"  # they are there already


def test_no_room_is_an_error_where_packs_were_asked_for(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, 1000)
    with pytest.raises(DataError, match=r"packs: expected 0 MiB of room for packs, found 0.*loader\.mode=stream"):
        rows.pack()
    assert rows.pack("stream") == {"mode": "stream", "packs": {}}


@pytest.mark.fault
def test_fault_087_a_bit_flipped_in_a_pack_of_rows(rows: Rows) -> None:
    rows.pack()
    path = rows.packs / "validation/row.npy"
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match=r"validation/row\.npy: expected MiB 0 as it was written.*pack is rebuilt"):
        rows.pack()


@pytest.mark.parametrize(
    ("mode", "limit", "changes", "shuffle"),
    [
        ("packed", 1 << 30, {}, "file"),
        ("packed", 1000, {}, "window"),
        ("packed", 1000, {"shuffle_within": "file"}, "file"),
        ("packed", 1 << 30, {"shuffle_within": "window"}, "window"),
        ("stream", 1 << 30, {}, "window"),
        ("packed", 1 << 30, {"shuffle": False}, "none"),
    ],
)
def test_how_far_rows_are_shuffled(
    rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    mode: str,
    limit: int,
    changes: dict[str, Any],
    shuffle: str,
) -> None:
    rows.pack(mode)
    monkeypatch.setattr(load_module, "memory_limit", lambda: limit)
    with caplog.at_level(logging.INFO):
        specifications, summary = rows.load(window_blocks=3, **changes)
    train = rows.summary["splits"]["train"]
    assert (summary["mode"], summary["shuffle"]) == (mode, shuffle)
    reach = {"file": train, "none": 0}.get(shuffle, summary["shuffle_rows"])
    assert summary["shuffle_rows"] == reach
    assert (0 < reach < train / 3) == (shuffle == "window")
    assert f"{reach:,}" in caplog.text or shuffle == "none"
    assert (specifications["train"].loader["window_blocks"] == 3) == (shuffle == "window")
    assert specifications["test"].loader["shuffle"] is False
    digests = {summary["partition_digest"], rows.load(shuffle=not changes.get("shuffle", True))[1]["partition_digest"]}
    assert len(digests) == 2  # another order is another training


def test_a_loader_describes_what_it_reads(rows: Rows) -> None:
    rows.pack()
    specifications, summary = rows.load(drop_last=True)
    assert specifications["train"].loader["y"] == "y"
    assert specifications["train"].loader["drop_last"] and not specifications["validation"].loader["drop_last"]
    assert {"digest", "partition_digest", "samples", "bytes"} <= summary.keys()
    assert whole_pass(rows.loader("test"))[2] == sorted(whole_pass(rows.loader("test"))[2], key=int)
