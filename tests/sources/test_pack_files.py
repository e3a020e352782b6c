"""A pack holds what it was given, and a pack that was interrupted is continued to the same bytes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packs_support import content, samples, write_pack

from outofcore.errors import DataError
from outofcore.sources import pack_checksums, pack_files
from outofcore.sources.pack_checksums import BLOCK, Checksums
from outofcore.sources.pack_files import is_current, verify

COLUMNS = {"x": samples(1000), "z": samples(1000, (2,), "float32", seed=1)}


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int16", "uint16", "int32", "int64", "float16", "float64"])
@pytest.mark.parametrize("shape", [(), (1,), (4, 3, 2)])
def test_a_pack_holds_what_it_was_given(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    given_ = samples(37, shape, dtype)
    write_pack(tmp_path, {"x": given_}, step=10)
    stored = np.load(tmp_path / "x.npy")
    assert (stored.dtype, stored.shape) == (given_.dtype, given_.shape)
    assert stored.tobytes() == given_.tobytes()
    verify(tmp_path)


@pytest.mark.parametrize("count", [0, 1, 1023, 1024, 1025, 3072])
def test_any_number_of_samples(tmp_path: Path, count: int) -> None:
    x = samples(count, (1024,))
    write_pack(tmp_path, {"x": x}, step=100)
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), x)
    verify(tmp_path)
    size = (tmp_path / "x.npy").stat().st_size
    checksums = json.loads((tmp_path / "manifest.json").read_bytes())["fields"]["x"]["checksums"]
    assert len(checksums) == -(-size // BLOCK)


@given(st.binary(max_size=200), st.lists(st.integers(1, 40), max_size=10))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
def test_checksums_do_not_depend_on_how_bytes_come(
    monkeypatch: pytest.MonkeyPatch, data: bytes, cuts: list[int]
) -> None:
    monkeypatch.setattr(pack_checksums, "BLOCK", 16)
    whole = Checksums()
    whole.update(memoryview(data))
    parts = Checksums()
    at = 0
    for cut in [*cuts, len(data)]:
        parts.update(memoryview(data)[at : at + cut])
        at += cut
        parts = Checksums(*json.loads(json.dumps(parts.state())))  # as from a checkpoint
    assert parts.all() == whole.all()
    assert len(whole.all()) == -(-len(data) // 16)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    write_pack(folder, COLUMNS, every=10**9)
    return content(folder)


@pytest.mark.parametrize(("stop", "every", "begins"), [(100, 1, 100), (500, 1, 500), (500, 3, 300), (200, 3, 0)])
def test_an_interrupted_pack_goes_on_from_its_last_checkpoint(
    tmp_path: Path, whole: dict[str, bytes], stop: int, every: int, begins: int
) -> None:
    write_pack(tmp_path, COLUMNS, stop=stop, every=every)
    assert not is_current(tmp_path, "a")
    assert write_pack(tmp_path, COLUMNS) == begins
    assert content(tmp_path) == whole


@pytest.mark.parametrize("lost", [-1, 0, 1, 700])
def test_data_beyond_a_checkpoint_are_cut_and_data_missing_below_it_begin_anew(
    tmp_path: Path, whole: dict[str, bytes], lost: int
) -> None:
    write_pack(tmp_path, COLUMNS, stop=400)
    path = tmp_path / "z.npy"
    size = path.stat().st_size
    path.write_bytes((path.read_bytes() + b"torn")[: size - lost])
    assert write_pack(tmp_path, COLUMNS, stop=500) == (0 if lost > 0 else 400)
    write_pack(tmp_path, COLUMNS)
    assert content(tmp_path) == whole


@pytest.mark.parametrize("gone", ["x.npy", "z.npy", "partial.json", "lock"])
def test_a_file_of_an_interrupted_pack_is_gone(tmp_path: Path, whole: dict[str, bytes], gone: str) -> None:
    write_pack(tmp_path, COLUMNS, stop=400)
    (tmp_path / gone).unlink()
    assert write_pack(tmp_path, COLUMNS) == (400 if gone == "lock" else 0)
    assert content(tmp_path) == whole


@pytest.mark.parametrize("damage", [b"", b"{}", b"[]", b"null", b"\xff", b'{"done": 900}'])
@pytest.mark.parametrize("record", ["partial.json", "manifest.json"])
def test_a_damaged_record_counts_as_none(tmp_path: Path, whole: dict[str, bytes], record: str, damage: bytes) -> None:
    write_pack(tmp_path, COLUMNS, stop=400 if record == "partial.json" else None)
    (tmp_path / record).write_bytes(damage)
    assert not is_current(tmp_path, "a")
    assert write_pack(tmp_path, COLUMNS) == 0
    assert content(tmp_path) == whole


def test_a_checkpoint_is_not_taken_for_another_packs_data(tmp_path: Path, whole: dict[str, bytes]) -> None:
    write_pack(tmp_path, COLUMNS, stop=400)
    others = {name: column[::-1] for name, column in COLUMNS.items()}
    write_pack(tmp_path, others, "b", stop=600, every=10**9)  # killed before it kept anything
    assert write_pack(tmp_path, COLUMNS) == 0
    assert content(tmp_path) == whole


@pytest.mark.parametrize("changed", ["fingerprint", "version"])
def test_another_fingerprint_or_version_is_not_gone_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    for stop in (400, None):
        write_pack(tmp_path, COLUMNS, stop=stop)
    assert is_current(tmp_path, "a")
    write_pack(tmp_path / "half", COLUMNS, stop=400)
    if changed == "version":
        monkeypatch.setattr(pack_files, "VERSION", pack_files.VERSION + 1)
    fingerprint = "b" if changed == "fingerprint" else "a"
    assert not is_current(tmp_path, fingerprint)
    assert write_pack(tmp_path / "half", COLUMNS, fingerprint) == 0


def test_a_pack_that_is_replaced_counts_for_nothing_from_the_first_byte(tmp_path: Path) -> None:
    write_pack(tmp_path, COLUMNS)
    write_pack(tmp_path, COLUMNS, "b", stop=0)
    assert not is_current(tmp_path, "a")
    assert not is_current(tmp_path, "b")
    with pytest.raises(DataError, match="found none that is whole"):
        verify(tmp_path)


def test_no_room_is_refused_before_anything_is_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {name: column[:200] for name, column in COLUMNS.items()}
    write_pack(tmp_path, small)
    before = content(tmp_path)
    usage: Any = type("Usage", (), {"free": 18_300})
    monkeypatch.setattr(pack_files.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DataError, match="MiB of room for a pack, found 0"):
        write_pack(tmp_path, COLUMNS, "b")
    assert content(tmp_path) == before
    usage.free += 200  # what lies there already need not be found again: 800 * 23 bytes are missing
    write_pack(tmp_path, COLUMNS, "b")
    verify(tmp_path)
