"""The compiled loop reads the same bytes as Python and stops at a file that is not plain."""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from volumes_support import SHAPE, npy_files, read_all, values

from outofcore.errors import DataError
from outofcore.loaders.readers import open_reader
from outofcore.sources import npy_files as module
from outofcore.sources.file_loops import read_plain
from outofcore.sources.names import Names
from outofcore.sources.npy_files import LOOP_FILES, NpyFiles
from outofcore.sources.npy_layout import VolumeForm

HEADER = 128
IDS = ["plain", "über", "a b", "日本", "x" * 200, "sub/deep", "../out", "dot."]


@pytest.fixture
def looped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every source is large enough for the loop."""
    monkeypatch.setattr(module, "LOOP_FILES", 0)


def put(path: Path, kind: str, seed: int) -> None:
    """Write a file that is plain, in another form that is taken, or bad."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = values(*SHAPE, seed=seed)
    if kind == "missing":
        return
    if kind == "folder":
        path.mkdir()
        return
    other = {"fortran": np.asfortranarray(array), "float64": array.astype(float), "big-endian": array.astype(">f4")}
    np.save(path, other.get(kind, array[..., None] if kind == "channel axis" else array))
    content = path.read_bytes()
    if kind == "long header":  # as other programs write them: more spaces
        header = content[10:HEADER].rstrip() + b" " * 64
        path.write_bytes(content[:8] + (len(header) + 1).to_bytes(2, "little") + header + b"\n" + content[HEADER:])
    elif kind in BAD:
        path.write_bytes({"short": content[:-1], "long": content + b"\0", "empty": b"", "cut": content[:60]}[kind])


BAD = ("short", "long", "empty", "cut")
TAKEN = ("plain", "channel axis", "fortran", "float64", "big-endian", "long header")
KINDS = st.sampled_from([*["plain"] * 6, *TAKEN, *BAD, "missing", "folder"])


def outcome(source: NpyFiles, calls: list[list[int]]) -> list[Any]:
    """What each of some reads gives: values, or the error."""
    found: list[Any] = []
    for positions in calls:
        try:
            found.append(read_all(source, positions).tobytes())
        except (DataError, OSError) as error:  # the loaders make a LoaderError of the other
            found.append((type(error), str(error)))
    return found


@settings(max_examples=80, deadline=None)
@given(
    st.lists(KINDS, min_size=1, max_size=len(IDS)),
    st.sampled_from(["{id}.npy", "{id}/image.npy", "scan_{id}.x.npy"]),
    st.data(),
)
def test_both_ways_read_the_same(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[str], pattern: str, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("both") / "root"
    ids = IDS[: len(kinds)]
    root.mkdir()
    for number, (name, kind) in enumerate(zip(ids, kinds, strict=True)):
        put(root / pattern.replace("{id}", name), kind, number)
    calls = data.draw(st.lists(st.lists(st.integers(0, len(ids) - 1), min_size=1, max_size=12), min_size=1, max_size=4))
    found = []
    for least in (sys.maxsize, 0):
        source = NpyFiles(str(root), Names.from_texts(ids), pattern, VolumeForm(SHAPE, 1, "float32"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "LOOP_FILES", least)
            found.append(outcome(source, calls))
    assert found[0] == found[1]


@pytest.mark.usefixtures("looped")
def test_plain_files_go_through_the_loop_once_their_header_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        put(tmp_path / f"{number}.npy", "plain", number)
    source = npy_files(tmp_path, 6)
    expected = read_all(source)
    monkeypatch.setattr(os, "readv", None)
    np.testing.assert_array_equal(read_all(source, [5, 0, 0, 3]), expected[[5, 0, 0, 3]])


def test_small_sources_go_without_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading it would take longer than to read them."""
    monkeypatch.setitem(sys.modules, "outofcore.sources.file_loops", None)  # to import it is an error
    put(tmp_path / "0.npy", "plain", 0)
    small, large = npy_files(tmp_path, LOOP_FILES - 1), npy_files(tmp_path, LOOP_FILES)
    for source in (small, large):
        read_all(source, [0])
    read_all(small, [0])
    with pytest.raises(ImportError):
        read_all(large, [0])


def looped_over(root: Path, ids: list[str]) -> tuple[int, NDArray[np.float32]]:
    """Run the loop alone over files; returns how many are left, and the values."""
    header = np.frombuffer((root / "0.npy").read_bytes()[:HEADER], np.uint8)
    memory = np.full((len(ids) + 2, *SHAPE), 7, np.float32)
    volumes = memory[1:-1]
    names = Names.from_texts(ids).parts("{id}.npy", np.arange(len(ids)))
    folder = os.open(root, os.O_RDONLY)
    try:
        room = np.empty(HEADER + 1, np.uint8), np.empty(6, np.uint64)
        left = read_plain(folder, *names, header, *room, volumes.reshape(-1).view(np.uint8))
    finally:
        os.close(folder)
    assert (memory[[0, -1]] == 7).all()  # nothing is written beside the batch
    return left, volumes


@pytest.mark.parametrize("place", [0, 9, 60, HEADER - 1])
def test_a_header_with_one_other_byte_is_refused(tmp_path: Path, place: int) -> None:
    for number in range(3):
        put(tmp_path / f"{number}.npy", "plain", number)
    assert looped_over(tmp_path, ["0", "1", "2"])[0] == 0
    content = bytearray((tmp_path / "1.npy").read_bytes())
    content[place] ^= 1
    (tmp_path / "1.npy").write_bytes(content)
    assert looped_over(tmp_path, ["0", "1", "2"])[0] == 2
    assert looped_over(tmp_path, ["1", "0", "2"])[0] == 1


@pytest.mark.parametrize("kind", [*BAD, *TAKEN[1:], "missing", "folder"])
def test_a_file_that_is_not_plain_is_refused(tmp_path: Path, kind: str) -> None:
    for number in range(3):
        put(tmp_path / f"{number}.npy", kind if number == 1 else "plain", number)
    count, volumes = looped_over(tmp_path, ["0", "1", "2"])
    assert count == 2
    np.testing.assert_array_equal(volumes[2], values(*SHAPE, seed=2))


def test_arrays_smaller_than_their_header_are_read(tmp_path: Path) -> None:
    small = [np.full((2, 3), number, np.float32) for number in range(5)]
    for number, array in enumerate(small):
        np.save(tmp_path / f"{number}.npy", array)
    names = Names.from_texts(map(str, range(5))).parts("{id}.npy", np.arange(5))
    header = np.frombuffer((tmp_path / "0.npy").read_bytes()[:HEADER], np.uint8)
    out = np.zeros((5, 2, 3), np.float32)
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        room = np.empty(HEADER + 1, np.uint8), np.empty(6, np.uint64)
        assert read_plain(folder, *names, header, *room, out.reshape(-1).view(np.uint8)) == 0
    finally:
        os.close(folder)
    np.testing.assert_array_equal(out, small)


def test_names_that_are_no_relative_paths_are_refused(tmp_path: Path) -> None:
    put(tmp_path / "0.npy", "plain", 0)
    assert looped_over(tmp_path, ["./0", "0"])[0] == 0
    assert looped_over(tmp_path, [str(tmp_path / "0"), "0"])[0] == 1
    assert looped_over(tmp_path, ["0.npy\0", "0"])[0] == 1


def descriptors() -> int:
    """Count the files that this process holds open."""
    place = Path("/proc/self/fd")
    if not place.exists():
        pytest.skip("this system does not list open files")
    return len(list(place.iterdir()))


@pytest.mark.usefixtures("looped")
def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    kinds = ("plain", "plain", "short", "plain", "missing", "fortran")
    for number, kind in enumerate(kinds):
        put(tmp_path / f"{number}.npy", kind, number)
    source = npy_files(tmp_path, len(kinds))
    read_all(source, [0, 1])
    before = descriptors()
    outcome(source, [[0, 1, number] for number in range(len(kinds))] * 20)
    assert descriptors() == before


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[NpyFiles, NDArray[Any]]]:
    """As many files as the loop is for, of eight contents, and what they hold."""
    root = tmp_path_factory.mktemp("many")
    for number in range(8):
        put(root / f"{number}.npy", "plain", number)
    for number in range(8, LOOP_FILES):
        os.link(root / f"{number % 8}.npy", root / f"{number}.npy")
    eight = np.stack([values(*SHAPE, seed=number) for number in range(8)])[..., None]
    return npy_files(root, LOOP_FILES), eight


@pytest.mark.parametrize(("workers", "processes"), [(0, False), (2, False), (2, True)])
def test_every_reader_gives_the_same(many: Any, workers: int, processes: bool) -> None:
    source, eight = many
    reader = open_reader(source, None, workers, processes, 60.0)
    for seed in range(4):
        positions = np.random.default_rng(seed).integers(0, LOOP_FILES, 300)
        np.testing.assert_array_equal(reader.read(positions, 0)["volume"], eight[positions % 8])
    reader.close()


def test_threads_may_share_a_source(many: Any) -> None:
    source, eight = many

    def right(seed: int) -> bool:
        positions = np.random.default_rng(seed).integers(0, LOOP_FILES, 200)
        return np.array_equal(read_all(source, positions), eight[positions % 8])

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(right, range(40)))
