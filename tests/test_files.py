"""Files are replaced as a whole or not at all."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from faulty_disk import full_disk, read_only_folder

from outofcore import files
from outofcore.errors import DataError
from outofcore.files import read_record, replacing, write_atomically, write_json, write_record


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def message(path: Path, found: str) -> str:
    return (
        f"{path}: expected to write it, found: {found}. "
        "Make room or give the folder write permission; what stood there before is intact."
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that holds something already."""
    (tmp_path / "a.json").write_bytes(b"old")
    return tmp_path / "a.json"


def test_the_content_is_replaced(path: Path) -> None:
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(path.parent) == ["a.json"]


def test_missing_folders_are_made(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a" / "b" / "c", b"new")
    assert (tmp_path / "a" / "b" / "c").read_bytes() == b"new"


def test_json_that_a_person_can_read(tmp_path: Path) -> None:
    value = {"é": [1, 2.5, None], "b": {"c": True}}
    write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == value
    assert text.startswith('{\n  "é": [\n')
    assert text.endswith("}\n")


def test_the_temporary_file_lies_beside_and_keeps_the_suffix(path: Path) -> None:
    with replacing(path) as temporary:
        assert (temporary.parent, temporary.suffix) == (path.parent, ".json")
        assert temporary.name.startswith(".")
        temporary.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


def test_two_writers_do_not_meet(path: Path) -> None:
    with replacing(path) as one, replacing(path) as two:
        one.write_bytes(b"one")
        two.write_bytes(b"two")
    assert path.read_bytes() == b"one"  # the outer block ends last
    assert names(path.parent) == ["a.json"]


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_permissions_are_those_of_any_new_file(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "a", b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~umask


def test_data_is_synced_before_the_rename_and_the_folder_after(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def record_sync(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def record_rename(self: Path, target: Path) -> Path:
        done.append("rename")
        return replace(self, target)

    monkeypatch.setattr(files.os, "fsync", record_sync)
    monkeypatch.setattr(Path, "replace", record_rename)
    write_atomically(path, b"new")
    assert done == ["file", "rename", "folder"]


# faults


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_writer_that_fails_leaves_the_old_file(path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), replacing(path) as temporary:
        temporary.write_bytes(b"half")
        raise error
    assert path.read_bytes() == b"old"
    assert names(path.parent) == ["a.json"]


@pytest.mark.fault
def test_fault_075_full_disk(path: Path) -> None:
    with full_disk(1000), pytest.raises(DataError) as caught:
        write_atomically(path, b"x" * 1001)
    assert str(caught.value) == message(path, "File too large")
    assert path.read_bytes() == b"old"
    assert names(path.parent) == ["a.json"]
    with full_disk(1000):
        write_atomically(path, b"x" * 1000)  # the negative control
    assert path.read_bytes() == b"x" * 1000


@pytest.mark.fault
@pytest.mark.parametrize("place", ["a.json", "below/a.json"])
def test_fault_081_read_only_folder(place: str) -> None:
    with read_only_folder() as folder:
        with pytest.raises(DataError) as caught:
            write_atomically(folder / place, b"new")
        assert str(caught.value) == message(folder / place, "Permission denied")
        assert names(folder) == []


def test_a_file_where_a_folder_is_needed(path: Path) -> None:
    with pytest.raises(DataError) as caught:
        write_atomically(path / "b.json", b"new")
    assert str(caught.value).startswith(f"{path}/b.json: expected to write it, found: ")
    assert path.read_bytes() == b"old"


DEADLY = """
import os, signal, sys
from pathlib import Path
from outofcore import files
place = os if sys.argv[2] == "fsync" else Path
original, calls = getattr(place, sys.argv[2]), iter(range(9))
def kill(*arguments):
    if next(calls) == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*arguments)
setattr(place, sys.argv[2], kill)
files.write_atomically(Path(sys.argv[1]), b"new")
"""


@pytest.mark.fault
@pytest.mark.parametrize(
    ("function", "call", "content"),
    [("write_bytes", 0, b"old"), ("fsync", 0, b"old"), ("replace", 0, b"old"), ("fsync", 1, b"new")],
)
def test_fault_076_killed_while_it_writes(path: Path, function: str, call: int, content: bytes) -> None:
    done = subprocess.run([sys.executable, "-c", DEADLY, path, function, str(call)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == content


def test_what_is_no_json_leaves_the_old_file(path: Path) -> None:
    value: Any = {1, 2}
    with pytest.raises(TypeError):
        write_json(path, value)
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"a": 1}', b'{"a": 2, "crc": 1}'])
def test_a_record_that_was_not_written_as_it_stands_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "record.json"
    assert read_record(path) is None
    write_record(path, {"a": 1, "b": "é"})
    assert read_record(path) == {"a": 1, "b": "é"}
    path.write_bytes(content)
    assert read_record(path) is None
