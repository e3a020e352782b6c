"""Checkpoints: whole or passed over, two kept, and one process at a time."""

import json
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faulty_disk import full_disk

from outofcore.errors import DataError
from outofcore.training.checkpoint import CheckpointStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CheckpointStore]:
    store = CheckpointStore(tmp_path / "run")
    yield store
    store.close()


def arrays(step: int) -> dict[str, Any]:
    return {"variable/0": np.full((3, 2), step, np.float32), "variable/1": np.array(step, np.int64)}


def save(store: CheckpointStore, *steps: int) -> None:
    for step in steps:
        store.save(arrays(step), {"progress": {"step": step}})


def newest(store: CheckpointStore) -> int | None:
    """The step of the newest whole checkpoint, whose arrays must belong to it."""
    loaded = store.load_newest()
    if loaded is None:
        assert not store.holds_any
        return None
    assert store.holds_any
    step: int = loaded[1]["progress"]["step"]
    assert {name: array.tolist() for name, array in loaded[0].items()} == {
        name: array.tolist() for name, array in arrays(step).items()
    }
    return step


def files(store: CheckpointStore) -> list[str]:
    return sorted(path.name for path in store.folder.iterdir() if path.name != "lock")


def test_an_empty_store(store: CheckpointStore) -> None:
    assert newest(store) is None


def test_arrays_and_state_come_back_exactly(store: CheckpointStore) -> None:
    rng = np.random.default_rng(0)
    written = {
        "float32": rng.normal(size=(4, 3)).astype(np.float32),
        "scalar": np.array(7, np.int64),
        "empty": np.empty((0, 3), np.float16),
        "turned": np.asfortranarray(rng.normal(size=(4, 3))),
        "part": rng.normal(size=(8, 8))[::2, 1:4],
        "bool": np.array([True, False]),
        "uint32": np.array([2**32 - 1], np.uint32),
        "special": np.array([np.nan, np.inf, -0.0], np.float32),
    }
    state = {
        "progress": {"step": 1},
        "best": float("inf"),
        "history": {"loss": [0.1, 1 / 3]},
        "name": "é",
        "none": None,
    }
    store.save(written, state)
    loaded = store.load_newest()
    assert loaded is not None
    read, rest = loaded
    assert rest == state
    assert read.keys() == written.keys()
    for name, array in written.items():
        assert (read[name].dtype, read[name].shape) == (array.dtype, array.shape)
        assert read[name].tobytes() == np.ascontiguousarray(array).tobytes(), name


def test_the_newest_is_loaded_and_two_are_kept(store: CheckpointStore) -> None:
    save(store, 1, 2, 3, 4)
    assert newest(store) == 4
    assert files(store) == ["00000003.json", "00000003.safetensors", "00000004.json", "00000004.safetensors"]


def test_as_many_are_kept_as_asked_for(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, keep=3)
    save(store, 1, 2, 3, 4, 5)
    assert [name for name in files(store) if name.endswith(".json")] == [f"0000000{n}.json" for n in (3, 4, 5)]


def test_numbers_go_on_after_a_restart(store: CheckpointStore) -> None:
    save(store, 1, 2)
    store.close()
    again = CheckpointStore(store.folder)
    save(again, 3)
    assert newest(again) == 3
    assert files(again)[-1] == "00000003.safetensors"
    again.close()


def test_clear_removes_checkpoints_and_nothing_else(store: CheckpointStore) -> None:
    save(store, 1, 2)
    for name in ("identity.json", "metrics.jsonl"):
        (store.folder / name).write_text("{}")
    store.clear()
    assert newest(store) is None
    assert files(store) == ["identity.json", "metrics.jsonl"]


def test_leftovers_of_a_killed_process_are_removed(store: CheckpointStore) -> None:
    save(store, 1)
    store.close()
    kept = files(store)
    for name in (".00000002-ab12cd34.tmp.safetensors", ".00000002-ab12cd34.tmp.json", "00000002.safetensors"):
        (store.folder / name).write_bytes(b"half")
    (store.folder / "metrics.jsonl").touch()
    again = CheckpointStore(store.folder)
    assert files(again) == [*kept, "metrics.jsonl"]
    assert newest(again) == 1
    again.close()


# faults of the files


@pytest.mark.fault
@pytest.mark.parametrize("limit", [50, 300])  # the arrays do not fit; the manifest does not
def test_fault_075_full_disk(store: CheckpointStore, limit: int) -> None:
    save(store, 1)
    before = {path.name: path.read_bytes() for path in store.folder.iterdir()}
    with full_disk(limit), pytest.raises(DataError, match="expected to write it, found: File too large"):
        store.save(arrays(2), {"progress": {"step": 2}, "long": "x" * 500})
    after = {path.name: path.read_bytes() for path in store.folder.iterdir()}
    assert before.items() <= after.items()
    assert newest(store) == 1
    save(store, 3)
    assert newest(store) == 3


def rewrite(store: CheckpointStore, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the newest manifest."""
    path = store.folder / "00000002.json"
    manifest = json.loads(path.read_bytes())
    change(manifest)
    path.write_text(json.dumps(manifest))


def flip(path: Path, place: int = -1) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


ARRAYS, MANIFEST = "00000002.safetensors", "00000002.json"
FAULTS: dict[str, Callable[[CheckpointStore], object]] = {
    "a bit of the arrays flipped": lambda store: flip(store.folder / ARRAYS),
    "a bit of the arrays' header flipped": lambda store: flip(store.folder / ARRAYS, 0),
    "arrays cut": lambda store: cut(store.folder / ARRAYS),
    "arrays empty": lambda store: (store.folder / ARRAYS).write_bytes(b""),
    "arrays lost": lambda store: (store.folder / ARRAYS).unlink(),
    "arrays of another checkpoint": lambda store: (store.folder / ARRAYS).write_bytes(
        (store.folder / "00000001.safetensors").read_bytes()
    ),
    "manifest cut": lambda store: cut(store.folder / MANIFEST),
    "manifest empty": lambda store: (store.folder / MANIFEST).write_bytes(b""),
    "manifest no text": lambda store: (store.folder / MANIFEST).write_bytes(b"\xff\xfe\x00"),
    "manifest a list": lambda store: (store.folder / MANIFEST).write_bytes(b"[]"),
    "manifest null": lambda store: (store.folder / MANIFEST).write_bytes(b"null"),
    "manifest without a state": lambda store: rewrite(store, lambda manifest: manifest.pop("state")),
    "manifest without a hash": lambda store: rewrite(store, lambda manifest: manifest.pop("sha256")),
    "manifest names no file": lambda store: rewrite(store, lambda manifest: manifest.update(file=None)),
    "state changed": lambda store: rewrite(store, lambda manifest: manifest["state"]["progress"].update(step=9)),
}


@pytest.mark.fault
@pytest.mark.parametrize("fault", FAULTS)
def test_fault_088_the_newest_is_corrupt(store: CheckpointStore, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    save(store, 1, 2)
    assert newest(store) == 2
    FAULTS[fault](store)
    with caplog.at_level(logging.WARNING):
        assert newest(store) == 1
    (record,) = caplog.records
    text = record.getMessage()
    assert text.startswith(f"{store.folder}/{MANIFEST}: expected a whole checkpoint, found: ")
    assert text.endswith(". Taking the one before.")
    save(store, 3)
    assert newest(store) == 3


@pytest.mark.fault
def test_fault_088_all_are_corrupt(store: CheckpointStore) -> None:
    save(store, 1, 2)
    for path in store.folder.glob("*.safetensors"):
        flip(path)
    assert newest(store) is None


def test_a_manifest_cannot_name_a_file_elsewhere(store: CheckpointStore, tmp_path: Path) -> None:
    save(store, 1, 2)
    (store.folder / ARRAYS).rename(tmp_path / ARRAYS)
    rewrite(store, lambda manifest: manifest.update(file=f"../{ARRAYS}"))
    assert newest(store) == 1


@pytest.mark.fault
def test_fault_086_clock_set_back(store: CheckpointStore, monkeypatch: pytest.MonkeyPatch) -> None:
    save(store, 1)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    monkeypatch.setattr(time, "strftime", lambda *_: "1970-01-01T00:00:00+0000")
    save(store, 2, 3)
    assert newest(store) == 3
    assert len(files(store)) == 4


DEADLY = """
import os, signal, sys
from pathlib import Path
import numpy as np
from outofcore.training.checkpoint import CheckpointStore
store = CheckpointStore(Path(sys.argv[1]))
original, calls = getattr(Path, sys.argv[2]), iter(range(99))
def kill(*arguments, **more):
    if next(calls) == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*arguments, **more)
setattr(Path, sys.argv[2], kill)
store.save({"variable/0": np.full((3, 2), 3, np.float32), "variable/1": np.array(3)}, {"progress": {"step": 3}})
"""


@pytest.mark.fault
@pytest.mark.parametrize(
    ("function", "call", "step"),
    [
        ("write_bytes", 0, 2),  # before the arrays
        ("replace", 0, 2),
        ("write_bytes", 1, 2),  # between arrays and manifest
        ("replace", 1, 2),
        ("unlink", 2, 3),  # before the oldest manifest goes, after two temporary files
        ("unlink", 3, 3),  # between the oldest manifest and its arrays
    ],
)
def test_fault_077_killed_while_it_saves(store: CheckpointStore, function: str, call: int, step: int) -> None:
    save(store, 1, 2)
    store.close()
    done = subprocess.run([sys.executable, "-c", DEADLY, store.folder, function, str(call)], check=False)
    assert done.returncode == -signal.SIGKILL
    again = CheckpointStore(store.folder)
    assert newest(again) == step
    save(again, 4)
    assert newest(again) == 4
    assert len(files(again)) == 4
    again.close()
