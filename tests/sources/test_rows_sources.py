"""Rows from the CSV and from the pack: the same rows, under the same names."""

import contextlib
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rows_support import Rows, lines, plain, whole_pass

from outofcore.errors import DataError
from outofcore.loaders import order
from outofcore.loaders.batch_loader import open_loader
from outofcore.sources import plain_rows, row_file

COUNT = 500


@pytest.fixture(autouse=True, params=["loops", "libraries"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do everything in both ways: by compiled loops, and by polars and numpy."""
    monkeypatch.setattr(plain_rows, "WORTH_BYTES", 0 if request.param == "loops" else 1 << 62)
    monkeypatch.setattr(order, "LOOPS_FROM", 0 if request.param == "loops" else 1 << 62)
    monkeypatch.setattr(order, "LOOPED_PLACES", 0)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_file, "BLOCK_BYTES", 256)


def wide(root: Path, count: int = COUNT) -> tuple[Rows, pd.DataFrame]:
    """A file of several features and targets among other columns, in another order than asked for."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "b": rng.normal(size=count),
            "note": [f"no. {number}, said" for number in range(count)],
            "t": rng.normal(size=count),
            "site": [f"site {number // 7}" for number in range(count)],
            "a": rng.integers(-1000, 1000, count),
            "u": rng.normal(size=count) * 1e-9,
        }
    )
    frame.to_csv(root / "rows.csv", index=False, sep=";")
    return Rows(root), frame


WIDE = {"features": ("a", "b"), "targets": ("u", "t"), "delimiter": ";"}


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("mode", ["packed", "stream"])
def test_every_row_comes_once_with_its_own_values(tmp_path: Path, mode: str, grouped: bool) -> None:
    rows, frame = wide(tmp_path)
    rows.scan(**WIDE, group_column="site" if grouped else None)
    rows.pack(mode)
    seen: list[int] = []
    sites: list[set[str]] = []
    for split in ("train", "validation", "test"):
        x, y, ids = whole_pass(rows.loader(split))
        numbers = [int(number) - 1 for number in ids]
        expected = frame.iloc[numbers]
        assert np.array_equal(x, expected[["a", "b"]].to_numpy(np.float32))
        assert list(y) == ["u", "t"]
        for name, values in y.items():
            assert np.array_equal(values, expected[[name]].to_numpy(np.float32))
        assert len(ids) == rows.summary["splits"][split]
        sites.append(set(expected["site"]))
        seen += numbers
    assert sorted(seen) == list(range(COUNT))
    assert (sum(map(len, sites)) == frame["site"].nunique()) == grouped


@pytest.mark.parametrize("workers", [0, 2])
def test_the_stream_and_the_pack_give_the_same_bits_in_the_same_order(tmp_path: Path, workers: int) -> None:
    rows = Rows(tmp_path, lines(*plain(COUNT)))
    rows.scan()
    rows.pack("stream")
    arguments = {"shuffle_within": "window", "window_blocks": 3, "workers": workers}
    stream = rows.loader(**arguments)
    rows.pack("packed")
    packed, exact = rows.loader(**arguments), rows.loader(shuffle_within="file", workers=workers)
    for pass_ in (0, 3):
        one, other, third = (whole_pass(loader, pass_) for loader in (stream, packed, exact))
        assert one[0].tobytes() == other[0].tobytes()
        assert one[2] == other[2]
        assert [str(int(value) + 1) for value in one[0][:, 0]] == one[2]
        assert sorted(one[2]) == sorted(third[2])
        assert one[2] != third[2]
    parts = [stream.read(0, step, step + 1)[0] for step in range(stream.steps_per_pass)]
    assert np.concatenate(parts).tobytes() == whole_pass(packed)[0].tobytes()
    stream.close()
    packed.close()


def test_rows_come_back_wherever_they_are_asked_for(tmp_path: Path) -> None:
    rows = Rows(tmp_path, lines(*plain(COUNT)))
    rows.scan()
    rows.pack("stream")
    loader = rows.loader("train", shuffle=False, window_blocks=1)
    in_order = whole_pass(loader)[0]
    positions = np.random.default_rng(0).permutation(len(in_order))  # of more blocks than are kept
    out = {name: field.empty(len(positions)) for name, field in loader.source.fields.items()}
    loader.source.read(positions, out)
    assert np.array_equal(out["features"], in_order[positions])
    assert np.array_equal(loader.samples(np.array([380, 3, 3]))[0], in_order[[380, 3, 3]])
    assert len(loader.samples(np.array([], np.int64))[0]) == 0


@pytest.mark.parametrize("mode", ["packed", "stream"])
def test_reader_processes_give_the_same_rows(tmp_path: Path, mode: str) -> None:
    rows = Rows(tmp_path, lines(*plain(COUNT)))
    rows.scan()
    rows.pack(mode)
    specification = rows.load()[0]["train"]
    here, processes = open_loader(specification), open_loader(specification, workers=1, use_multiprocessing=True)
    assert whole_pass(processes)[0].tobytes() == whole_pass(here)[0].tobytes()
    processes.close()


def test_a_block_is_parsed_once_in_a_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Rows(tmp_path, lines(*plain(COUNT)))
    rows.scan()
    rows.pack("stream")
    loader = rows.loader(window_blocks=2)
    read, calls = row_file.RowFile.read, []

    def counted(self: row_file.RowFile, start: int, stop: int) -> bytes:
        calls.append(start)
        return read(self, start, stop)

    monkeypatch.setattr(row_file.RowFile, "read", counted)
    for step in range(loader.steps_per_pass):
        loader.read(0, step, step + 1)
    assert len(set(calls)) == len(loader.source.block_sizes) > 10  # type: ignore[attr-defined]
    assert len(calls) == len(set(calls))


def test_a_pack_that_is_gone_is_named(tmp_path: Path) -> None:
    rows = Rows(tmp_path, lines(*plain(COUNT)))
    rows.scan()
    rows.pack()
    specification = rows.load()[0]["train"]
    (tmp_path / "packs/train/manifest.json").unlink()
    with pytest.raises(DataError, match=r"packs/train: expected the pack of these rows, found none.*pack_rows node"):
        open_loader(specification)
    rows.pack()
    rows.blocks.unlink()
    with pytest.raises(DataError, match=r"blocks\.parquet: expected the table of blocks, found"):
        open_loader(specification)


@pytest.mark.parametrize("mode", ["packed", "stream"])
def test_a_quote_within_a_text_that_is_not_read_shifts_no_row(tmp_path: Path, mode: str) -> None:
    texts = [f"{number},{number},5 inch pipe" for number in range(COUNT)]
    texts[200:202] = [f'{number},{number},5" pipe' for number in (200, 201)]  # one would end what the other begins
    rows = Rows(tmp_path, lines(*texts, header="x,y,note"))
    rows.scan()
    rows.pack(mode)
    for split in ("train", "validation", "test"):
        x, y, ids = whole_pass(rows.loader(split))
        assert [str(int(value) + 1) for value in x[:, 0]] == [str(int(value) + 1) for value in y[:, 0]] == ids
        assert len(ids) == rows.summary["splits"][split]


def test_a_stream_that_was_interrupted_goes_on_with_the_right_rows(tmp_path: Path) -> None:
    rows = Rows(tmp_path, lines(*plain(COUNT)))
    rows.scan()
    rows.pack("stream")
    arguments = {"shuffle_within": "window", "window_blocks": 2}
    expected, _, _ = whole_pass(rows.loader(**arguments))
    loader = rows.loader(**arguments)
    status = rows.table.stat()
    read = []
    for step in range(loader.steps_per_pass):
        if step % 5 == 3:
            os.utime(rows.table, ns=(1, 1))  # as if it was written to
            with contextlib.suppress(DataError):  # not where the rows were parsed before
                for other in range(step, loader.steps_per_pass):
                    loader.read(0, other, other + 1)
            os.utime(rows.table, ns=(status.st_atime_ns, status.st_mtime_ns))
        read.append(loader.read(0, step, step + 1)[0])
    assert np.array_equal(np.concatenate(read), expected)
