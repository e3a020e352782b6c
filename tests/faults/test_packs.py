"""Packs on bad disks, between runs that die or meet: cases of the fault catalogue."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faulty_disk import full_disk, read_only_folder
from packs_support import Images, content, samples, write_pack
from support import ArraySource

from outofcore.errors import DataError
from outofcore.sources import image_decoding, pack_files
from outofcore.sources.pack_checksums import BLOCK
from outofcore.sources.pack_files import PackWriter, is_current, lock, verify
from outofcore.sources.packed_columns import PackedColumns

pytestmark = pytest.mark.fault

COLUMNS = {"x": samples(1000), "z": samples(1000, (2,), "float32", seed=1)}
SOURCE = ArraySource(**COLUMNS)
TESTS = Path(__file__).parents[1]


def read(folder: Path) -> Any:
    out = {name: field.empty(1000) for name, field in SOURCE.fields.items()}
    source = PackedColumns(str(folder), SOURCE)
    source.read(np.arange(1000), out)
    for name, column in COLUMNS.items():
        assert out[name].tobytes() == column.tobytes()
    return source


def python(script: str, *arguments: str) -> "subprocess.Popen[str]":
    """Run a script beside the tests' own modules."""
    path = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("left", [0, 5, 128, 5000, -1])
def test_fault_054_a_truncated_pack_is_an_error_never_sigbus(tmp_path: Path, left: int) -> None:
    write_pack(tmp_path, COLUMNS)
    path = tmp_path / "z.npy"
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(DataError, match=r"z\.npy: expected float32 of shape \(1000, 2\), found .*Delete .*rebuilt"):
        read(tmp_path)


@pytest.mark.parametrize(("limit", "kept"), [(64, 0), (128, 0), (6000, 300), (8128, 500), (14_000, 900)])
def test_fault_075_a_full_disk_keeps_what_was_done(tmp_path: Path, limit: int, kept: int) -> None:
    write_pack(tmp_path / "whole", COLUMNS)
    small, folder = {"x": samples(5), "z": samples(5, (2,), "float32")}, tmp_path / "pack"
    write_pack(folder, small, "older")
    expected = rf"pack: expected to write a pack, found: File too large; {kept} of 1,000 samples are kept"
    with full_disk(limit), pytest.raises(DataError, match=expected):
        write_pack(folder, COLUMNS, every=2 if kept % 200 == 0 else 1)
    assert not is_current(folder, "older")
    assert write_pack(folder, COLUMNS) == kept
    assert content(folder) == content(tmp_path / "whole")


def test_fault_075_no_room_leaves_the_older_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pack(tmp_path, COLUMNS)
    nothing: Any = type("Usage", (), {"free": 0})
    monkeypatch.setattr(pack_files.shutil, "disk_usage", lambda _: nothing)
    with pytest.raises(DataError, match=r"Make room, move the folder in the catalog, or set loader\.packed=false"):
        write_pack(tmp_path, {"x": samples(2000)}, "b")
    assert is_current(tmp_path, "a")
    read(tmp_path)


KILLED = """
import json, os, shutil, signal, sys
from pathlib import Path
from packs_support import content, samples, write_pack
from outofcore.sources.pack_files import is_current, verify

root, stride = Path(sys.argv[1]), int(sys.argv[2])
columns = {"x": samples(60), "z": samples(60, (2,), "float32")}
older = {"x": samples(60, seed=5), "z": samples(60, (2,), "float32", seed=6)}
write_pack(root / "whole", columns, step=10)

def kill_at(number):
    def trace(frame, event, _):
        nonlocal number
        if not frame.f_code.co_filename.endswith(("pack_files.py", "outofcore/files.py")):
            return None
        number -= 1
        if number < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace
    sys.settrace(trace)

outcomes = []
for number in range(0, 10**6, stride):
    folder = root / "pack"
    shutil.rmtree(folder, ignore_errors=True)
    write_pack(folder, older, "older", step=10, stop=None if number % 2 else 30)
    child = os.fork()
    if not child:
        kill_at(number)
        write_pack(folder, columns, step=10, every=2)
        os._exit(0)
    killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    if is_current(folder, "older"):
        verify(folder)
        assert content(folder)["x.npy"][-15 * 60:] == older["x"].tobytes()
    whole = is_current(folder, "a")
    began = 60 if whole else write_pack(folder, columns, step=10)
    mine = {name: data for name, data in content(folder).items() if not name.startswith(".") }
    if whole:
        mine.pop("partial.json", None)
    assert mine == content(root / "whole"), number
    verify(folder)
    if not killed:
        break
    outcomes.append(began)
print(json.dumps(outcomes))
"""


def test_fault_076_077_a_kill_at_any_line_leads_to_the_same_bytes(tmp_path: Path) -> None:
    process = python(KILLED, str(tmp_path), "11")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    began = json.loads(output)
    assert len(began) > 50
    assert set(began) == {0, 20, 40, 60}


def test_fault_078_two_writers_refuse_each_other(tmp_path: Path) -> None:
    writer = PackWriter(tmp_path, SOURCE.fields, 1000, "a")
    with pytest.raises(DataError, match="found another run at it"):
        PackWriter(tmp_path, SOURCE.fields, 1000, "b")
    writer.close()
    write_pack(tmp_path, COLUMNS, "b")  # the one that was refused held nothing


def test_fault_078_readers_and_writers_hold_each_other_off(tmp_path: Path) -> None:
    write_pack(tmp_path, COLUMNS)
    described = PackedColumns(str(tmp_path), SOURCE)
    source = read(tmp_path)
    with pytest.raises(DataError, match=r"expected nobody to use this pack while it is written, found another run"):
        write_pack(tmp_path, COLUMNS, "b")
    assert is_current(tmp_path, "a")
    read(tmp_path)  # a second reader is welcome
    del source
    writer = PackWriter(tmp_path, SOURCE.fields, 1000, "b")
    for refused in (lambda: verify(tmp_path), lambda: described.read(np.arange(1), {})):
        with pytest.raises(DataError, match="expected nobody to write this pack, found another run"):
            refused()
    writer.close()


HOLD = """
import sys
from pathlib import Path
from outofcore.sources.pack_files import lock

held = lock(Path(sys.argv[1]), exclusive=sys.argv[2] == "True")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("exclusive", [True, False])
def test_fault_079_a_dead_process_holds_no_lock(tmp_path: Path, exclusive: bool) -> None:
    process = python(HOLD, str(tmp_path), str(exclusive))
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(DataError, match="another run"):
        lock(tmp_path, exclusive=True)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (tmp_path / "lock").exists()
    write_pack(tmp_path, COLUMNS)


def test_fault_080_a_pack_in_a_read_only_folder_can_be_read() -> None:
    with read_only_folder(lambda folder: write_pack(folder, COLUMNS)) as folder:
        assert is_current(folder, "a")
        verify(folder)
        read(folder)


@pytest.mark.parametrize("inside", ["", "train"])
def test_fault_081_a_read_only_folder_is_no_place_for_a_pack(inside: str) -> None:
    with read_only_folder() as folder, pytest.raises(DataError, match=r"found: Permission denied.*write permission"):
        write_pack(folder / inside, COLUMNS)


def test_fault_081_a_read_only_folder_keeps_its_older_pack() -> None:
    with read_only_folder(lambda folder: write_pack(folder, COLUMNS)) as folder:
        with pytest.raises(DataError, match="found: Permission denied"):
            write_pack(folder, COLUMNS, "b")
        read(folder)


LARGE = {"x": samples(2500, (1024,))}
SIZE = 2500 * 1024 + 128


@pytest.mark.parametrize("at", [0, 7, 9, 20, 100, 127, 128, BLOCK - 1, BLOCK, 2 * BLOCK + 77, SIZE - 1])
def test_fault_087_a_flipped_bit_is_found_and_named(tmp_path: Path, at: int) -> None:
    write_pack(tmp_path, LARGE)
    verify(tmp_path)
    path = tmp_path / "x.npy"
    data = bytearray(path.read_bytes())
    assert len(data) == SIZE
    data[at] ^= 0x10
    path.write_bytes(data)
    text = (
        rf"x\.npy: expected MiB {at // BLOCK} as it was written.*Delete {tmp_path} and run again; the pack is rebuilt"
    )
    with pytest.raises(DataError, match=text):
        verify(tmp_path)


@pytest.mark.parametrize("size", [0, 127, BLOCK, BLOCK + 1, 2 * BLOCK, SIZE - 1, SIZE + 1, 3 * BLOCK + 1])
def test_fault_087_a_shorter_or_longer_file_is_found(tmp_path: Path, size: int) -> None:
    write_pack(tmp_path, LARGE)
    os.truncate(tmp_path / "x.npy", size)
    with pytest.raises(DataError, match=rf"x\.npy: expected MiB {min(size, SIZE) // BLOCK} as it was written"):
        verify(tmp_path)


def test_fault_087_a_missing_file_is_found(tmp_path: Path) -> None:
    write_pack(tmp_path, COLUMNS)
    (tmp_path / "z.npy").unlink()
    with pytest.raises(DataError, match=r"z\.npy: expected a file of the pack, found none. Delete"):
        verify(tmp_path)


def test_fault_087_a_flipped_bit_of_the_manifest_makes_the_pack_none(tmp_path: Path) -> None:
    write_pack(tmp_path, COLUMNS)
    path = tmp_path / "manifest.json"
    whole = path.read_bytes()
    for at in range(len(whole) - 1):  # but for the line's end
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        assert not is_current(tmp_path, "a"), at
    path.write_bytes(whole)
    assert is_current(tmp_path, "a")


def test_fault_087_the_pack_node_refuses_a_damaged_pack_until_it_is_deleted(tmp_path: Path) -> None:
    images = Images(tmp_path)
    images.pack()
    path = images.packs / "validation" / "image.npy"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(DataError, match=r"validation/image\.npy: expected MiB 0"):
        images.pack()
    for each in path.parent.iterdir():
        each.unlink()
    path.parent.rmdir()  # as the message says
    images.pack()
    assert path.read_bytes() == whole


@pytest.mark.parametrize("changed", ["files", "form", "code", "decoder"])
def test_fault_089_a_stale_pack_is_rebuilt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str) -> None:
    images = Images(tmp_path)
    images.pack()
    before = images.written()
    if changed == "code":
        monkeypatch.setattr(pack_files, "VERSION", pack_files.VERSION + 1)
    if changed == "decoder":
        monkeypatch.setattr(image_decoding, "DECODER", "OpenCV 0")
    others = dict.fromkeys(("train", "validation", "test"), "others")
    changes: dict[str, Any] = {"files": {"summary": {"files_digest": others}}, "form": {"side": 6}}
    images.pack(**changes.get(changed, {}))
    after = images.written()
    assert len(after) == 3
    assert all(after[split] > before[split] for split in before)
