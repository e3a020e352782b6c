"""`.npy` files are read into the batch whatever their layout, and parts of them without the rest."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from volumes_support import SHAPE, npy_files, read_all, values

from outofcore.errors import DataError
from outofcore.sources.names import Names
from outofcore.sources.npy_files import NpyFiles
from outofcore.sources.npy_layout import VolumeForm

LAYOUTS = {
    "plain": lambda array: array,
    "fortran": np.asfortranarray,
    "big-endian": lambda array: array.astype(array.dtype.newbyteorder(">")),
    "float64": lambda array: array.astype("float64"),
    "int16": lambda array: array.astype("int16"),
    "channel axis": lambda array: array[..., None],
    "all at once": lambda array: np.asfortranarray(array[..., None].astype(">f8")),
}


def write(root: Path, count: int, layouts: Any = ("plain",), shape: tuple[int, ...] = SHAPE) -> Any:
    """Write arrays in layouts by turns; returns them as they are to be read."""
    arrays = np.stack([values(*shape, seed=number) for number in range(count)])
    for number, array in enumerate(arrays):
        np.save(root / f"{number}.npy", LAYOUTS[layouts[number % len(layouts)]](array))
    return arrays[..., None]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_values(tmp_path: Path, layout: str) -> None:
    expected = write(tmp_path, 6, [layout])
    np.testing.assert_array_equal(read_all(npy_files(tmp_path, 6)), expected)


def test_layouts_may_be_mixed_and_positions_come_in_any_order(tmp_path: Path) -> None:
    expected = write(tmp_path, 14, list(LAYOUTS))
    positions = [13, 0, 7, 7, 2, 1, 0, 12]
    np.testing.assert_array_equal(read_all(npy_files(tmp_path, 14), positions), expected[positions])


def test_files_in_the_declared_form_take_one_read_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = write(tmp_path, 5)
    source = npy_files(tmp_path, 5)
    read_all(source)  # the first file teaches the header
    monkeypatch.setattr(os, "preadv", None)
    monkeypatch.setattr(os, "pread", None)
    np.testing.assert_array_equal(read_all(source), expected)


def test_another_header_of_the_same_length_is_not_taken_for_it(tmp_path: Path) -> None:
    """Bytes in another order are read as numbers too: the header alone tells them apart."""
    arrays = write(tmp_path, 2)
    np.save(tmp_path / "1.npy", arrays[1, ..., 0].astype(">f4"))
    assert (tmp_path / "0.npy").stat().st_size == (tmp_path / "1.npy").stat().st_size
    np.testing.assert_array_equal(read_all(npy_files(tmp_path, 2)), arrays)


@pytest.mark.parametrize(("shape", "channels"), [((7,), 1), ((3, 4), 3), ((2, 3, 4, 5), 2), ((4, 5), 1)])
def test_any_rank_and_number_of_channels(tmp_path: Path, shape: tuple[int, ...], channels: int) -> None:
    array = values(*shape, channels)
    np.save(tmp_path / "0.npy", array)
    np.testing.assert_array_equal(read_all(npy_files(tmp_path, 1, shape=shape, channels=channels))[0], array)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "float16", "float64", "longdouble"])
def test_any_real_dtype_with_a_cast(tmp_path: Path, dtype: str) -> None:
    array = values(*SHAPE, dtype=dtype)
    np.save(tmp_path / "0.npy", array)
    read = read_all(npy_files(tmp_path, 1, cast="unsafe"))[0, ..., 0]
    np.testing.assert_array_equal(read, array.astype("float32"))


@pytest.mark.parametrize("pattern", ["{id}/image.npy", "scan_{id}.npy"])
def test_ids_become_file_names_by_a_pattern(tmp_path: Path, pattern: str) -> None:
    path = tmp_path / pattern.replace("{id}", "p-1")
    path.parent.mkdir(exist_ok=True)
    array = values(*SHAPE)
    np.save(path, array)
    source = NpyFiles(str(tmp_path), Names.from_texts(["p-1"]), pattern, VolumeForm(SHAPE, 1, "float32"))
    np.testing.assert_array_equal(read_all(source)[0, ..., 0], array)
    assert source.ids(np.array([0])) == ["p-1"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    write(tmp_path, 1)
    with pytest.raises(DataError, match=r"1\.npy: expected a readable \.npy file, found no such file"):
        read_all(npy_files(tmp_path, 2))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_parts_are_those_of_the_whole(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    root = tmp_path_factory.mktemp("parts")
    shape = tuple(data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=4)))
    layout = data.draw(st.sampled_from(sorted(LAYOUTS)))
    arrays = write(root, 2, [layout], shape)
    part = tuple(data.draw(st.integers(1, size)) for size in shape)
    corners = np.array([[data.draw(st.integers(0, a - b)) for a, b in zip(shape, part, strict=True)] for _ in range(2)])
    out = {"volume": np.full((2, *part, 1), 77, np.float32)}
    npy_files(root, 2, shape=shape).read_parts(np.array([1, 0]), corners, out)
    for row, number in enumerate((1, 0)):
        inside = tuple(slice(a, a + b) for a, b in zip(corners[row], part, strict=True))
        np.testing.assert_array_equal(out["volume"][row], arrays[number][inside])


@pytest.mark.parametrize(("layout", "share"), [("plain", 1 / 64), ("fortran", 1 / 4)])
def test_a_part_is_read_without_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str, share: float
) -> None:
    """In Fortran's order its values lie on a quarter of the pages, which are read as they come."""
    shape, part = (16, 64, 2048), (4, 8, 512)
    array = write(tmp_path, 1, [layout], shape)[0]
    asked: list[int] = []
    real = os.preadv

    def counted(descriptor: int, buffers: Any, offset: int) -> int:
        asked.append(sum(len(buffer) for buffer in buffers))
        return real(descriptor, buffers, offset)

    monkeypatch.setattr(os, "preadv", counted)
    out = {"volume": np.zeros((1, *part, 1), np.float32)}
    npy_files(tmp_path, 1, shape=shape).read_parts(np.array([0]), np.array([[3, 50, 1000]]), out)
    np.testing.assert_array_equal(out["volume"][0], array[3:7, 50:58, 1000:1512])
    assert sum(asked) <= share * array.nbytes * 1.1
    assert len(asked) <= 512


def test_permission_that_was_lost_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, 1)

    def denied(path: bytes, flags: int) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(DataError, match="found permission denied"):
        read_all(npy_files(tmp_path, 1))
