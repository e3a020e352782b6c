"""Sample data: drawn once, found again, and never drawn over somebody's own."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from faulty_disk import full_disk, read_only_folder

from outofcore.errors import ConfigurationError, DataError
from outofcore.nodes import acquire as module
from outofcore.nodes.acquire import MANIFEST, acquire_digits
from outofcore.parameters.data import DataParameters
from outofcore.types import File, Folder

COUNT, SEED = 12, 5
DOWNLOAD = {"url": "http://127.0.0.1:9/mnist.npz", "sha256": "0" * 64, "timeout_seconds": 1.0}
DATA = {"digits": [0, 8], "download": DOWNLOAD, "images": None, "labels": None}


def acquire(root: Path, count: int = COUNT, seed: int = SEED, source: str = "sample") -> dict[str, Any]:
    data = DataParameters.model_validate({**DATA, "source": source, "samples": count})
    return acquire_digits(Folder(root / "images"), File(root / "labels.csv"), data, seed, File(root / "mnist.npz"))


def content(root: Path) -> dict[str, bytes]:
    """All files with their bytes."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def times(root: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}


def refusal(root: Path, **changes: Any) -> str:
    """Acquire, which must fail and leave all as it was; return the message."""
    before = content(root)
    with pytest.raises(ConfigurationError) as caught:
        acquire(root, **changes)
    assert content(root) == before
    return str(caught.value)


def message(place: Path) -> str:
    return (
        f"{place}: expected an empty place for sample data, or a sample as it was made, found other data. "
        "Set data.source=path to train on it, empty the place, or point the catalog elsewhere."
    )


def test_it_writes_the_sample(tmp_path: Path) -> None:
    acquired = acquire(tmp_path)
    assert set(content(tmp_path)) == {
        "labels.csv",
        f"images/{MANIFEST}",
        *(f"images/img_{number}.jpg" for number in range(COUNT)),
    }
    assert acquired == {
        "source": "sample",
        "folder": str(tmp_path / "images"),
        "labels": str(tmp_path / "labels.csv"),
        "recipe": {"sample": "digits", "version": module.VERSION, "count": COUNT, "digits": [0, 8], "seed": SEED},
    }


def test_it_finds_its_work_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = acquire(tmp_path)
    before = times(tmp_path)
    monkeypatch.setattr(module, "write_digits", None)
    assert acquire(tmp_path) == first
    assert times(tmp_path) == before


@pytest.mark.parametrize("changes", [{"seed": SEED + 1}, {"count": COUNT - 5}, {"count": COUNT + 5}])
def test_it_draws_anew_when_parameters_change(tmp_path: Path, changes: dict[str, int]) -> None:
    acquire(tmp_path / "new", **changes)
    acquire(tmp_path / "old")
    acquire(tmp_path / "old", **changes)
    assert content(tmp_path / "old") == content(tmp_path / "new")


def test_it_draws_anew_when_the_version_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    acquire(tmp_path)
    before = times(tmp_path)
    monkeypatch.setattr(module, "VERSION", module.VERSION + 1)
    acquire(tmp_path)
    assert set(before.items()).isdisjoint(times(tmp_path).items())


@pytest.mark.parametrize("lost", ["labels.csv", "images"])
def test_it_draws_anew_what_was_removed(tmp_path: Path, lost: str) -> None:
    acquire(tmp_path)
    before = content(tmp_path)
    for path in (tmp_path / "images").glob("img_*") if lost == "images" else [tmp_path / lost]:
        path.unlink()
    acquire(tmp_path)
    assert content(tmp_path) == before


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        acquire(tmp_path / name, seed=seed)
    one, two, three = (content(tmp_path / name) for name in ("one", "two", "three"))
    assert one == two
    assert one["images/img_0.jpg"] != three["images/img_0.jpg"]


def test_hidden_files_are_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / ".gitkeep").touch()
    acquire(tmp_path)
    assert (tmp_path / "images" / ".gitkeep").exists()
    assert (tmp_path / "labels.csv").exists()


def test_own_data_is_only_looked_at(tmp_path: Path) -> None:
    acquired = acquire(tmp_path, source="path")
    assert content(tmp_path) == {}
    assert (acquired["source"], acquired["recipe"]) == ("path", None)


@pytest.mark.fault
def test_fault_080_own_data_in_a_read_only_folder() -> None:
    with read_only_folder() as folder:
        assert acquire(folder, source="path")["source"] == "path"


# somebody's own files


def test_own_images_are_not_drawn_over(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "img_0.jpg").write_bytes(b"mine")
    assert refusal(tmp_path) == message(tmp_path / "images")


def test_an_own_label_table_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(b"mine")
    assert refusal(tmp_path) == message(tmp_path / "labels.csv")


@pytest.mark.parametrize("changes", [{}, {"seed": SEED + 1}])
@pytest.mark.parametrize("name", ["images/img_0.jpg", "images/img_99.jpg", "images/cat.png", "labels.csv"])
def test_own_files_put_among_the_sample_are_kept(tmp_path: Path, name: str, changes: dict[str, int]) -> None:
    """As when own data is copied over the sample, and `data.source=path` forgotten."""
    acquire(tmp_path)
    (tmp_path / name).write_bytes(b"mine")
    assert refusal(tmp_path, **changes) == message(tmp_path / name.partition("/")[0])


# killed half-way


def kill_at(root: Path, function: str, call: int, count: int = COUNT) -> None:
    """Run `acquire` in a process that is killed as it makes the given call of a function of the module."""
    code = f"""
import os, signal, sys
from pathlib import Path
from outofcore.nodes import acquire as module
from outofcore.parameters.data import DataParameters
from outofcore.samples import digits
from outofcore.types import File, Folder
place = next(place for place in (module, digits, Path) if hasattr(place, {function!r}))
original, calls = getattr(place, {function!r}), iter(range(1000))
def deadly(*arguments, **more):
    if next(calls) == {call}:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*arguments, **more)
setattr(place, {function!r}, deadly)
root = Path(sys.argv[1])
data = DataParameters.model_validate({{**{DATA!r}, "source": "sample", "samples": {count}}})
module.acquire_digits(Folder(root / "images"), File(root / "labels.csv"), data, {SEED}, File(root / "mnist.npz"))
"""
    done = subprocess.run([sys.executable, "-c", code, root], check=False)
    assert done.returncode == -signal.SIGKILL


def visible(root: Path) -> dict[str, bytes]:
    return {name: data for name, data in content(root).items() if not Path(name).name.startswith(".")}


@pytest.mark.fault
@pytest.mark.parametrize("before", [None, 30])
@pytest.mark.parametrize(
    ("function", "call"),
    [("write_json", 0), ("write_digits", 0), ("write_jpg", 5), ("write_json", 1), ("write_atomically", 0),
     ("write_json", 2)],
)  # fmt: skip
def test_fault_076_killed_while_it_draws(tmp_path: Path, function: str, call: int, before: int | None) -> None:
    acquire(tmp_path / "whole")
    if before:
        acquire(tmp_path / "killed", count=before, seed=9)
    kill_at(tmp_path / "killed", function, call)
    acquire(tmp_path / "killed")
    assert visible(tmp_path / "killed") == visible(tmp_path / "whole")
    manifest = json.loads((tmp_path / "killed" / "images" / MANIFEST).read_bytes())
    assert manifest == json.loads((tmp_path / "whole" / "images" / MANIFEST).read_bytes())


@pytest.mark.fault
@pytest.mark.parametrize("call", [1, 2, 12, 31])
def test_fault_076_killed_while_it_removes_the_old_sample(tmp_path: Path, call: int) -> None:
    acquire(tmp_path / "whole")
    acquire(tmp_path / "killed", count=30, seed=9)
    kill_at(tmp_path / "killed", "unlink", call)
    left = len(list((tmp_path / "killed" / "images").glob("img_*")))
    assert left == 32 - max(call, 2)  # a temporary manifest goes first, then the table, then the images
    acquire(tmp_path / "killed")
    assert visible(tmp_path / "killed") == visible(tmp_path / "whole")


@pytest.mark.fault
def test_fault_076_own_files_put_among_half_a_sample_are_kept(tmp_path: Path) -> None:
    kill_at(tmp_path, "write_jpg", 5)
    (tmp_path / "labels.csv").write_bytes(b"mine")
    assert refusal(tmp_path) == message(tmp_path / "labels.csv")
    (tmp_path / "labels.csv").unlink()
    (tmp_path / "images" / f"img_{COUNT}.jpg").write_bytes(b"mine")
    assert refusal(tmp_path) == message(tmp_path / "images")


# disks


@pytest.mark.fault
def test_fault_081_read_only_folder() -> None:
    with read_only_folder() as folder:
        with pytest.raises(DataError) as caught:
            acquire(folder)
        assert str(caught.value).startswith(f"{folder}/images")
        assert "Permission denied" in str(caught.value)
        assert content(folder) == {}


@pytest.mark.fault
def test_fault_075_full_disk(tmp_path: Path) -> None:
    with full_disk(600), pytest.raises(DataError) as caught:
        acquire(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/images/img_0.jpg: expected to write a sample image, found: File too large. "
        "Make room, or point the catalog at a folder that can be written to."
    )
    acquire(tmp_path)
    acquire(tmp_path / "whole")
    assert visible(tmp_path / "whole").items() <= visible(tmp_path).items()
