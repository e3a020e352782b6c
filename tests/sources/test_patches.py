"""Patches: drawn anew in every pass, the same whoever reads them, from files and from a pack."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from volumes_support import npy_files, read_all, values

from outofcore.loaders.readers import open_reader
from outofcore.sources.base import in_pass
from outofcore.sources.columns import Columns
from outofcore.sources.pack_files import PackWriter
from outofcore.sources.packed_columns import PackedColumns
from outofcore.sources.patches import Patches

SHAPE, PATCH, COUNT = (9, 8, 7), (4, 4, 7), 80


@pytest.fixture(scope="module")
def arrays() -> Any:
    return np.stack([values(*SHAPE, seed=number) for number in range(COUNT)])[..., None]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, arrays: Any) -> Any:
    root = tmp_path_factory.mktemp("volumes")
    for number, array in enumerate(arrays):
        np.save(root / f"{number}.npy", array[..., 0])
    return npy_files(root, COUNT, shape=SHAPE)


def cut(array: Any, corner: Any) -> Any:
    return array[tuple(slice(first, first + size) for first, size in zip(corner, PATCH, strict=True))]


def test_without_a_seed_it_is_the_middle_in_every_pass(files: Any, arrays: Any) -> None:
    patches = Patches(files, PATCH, None)
    assert patches.fields["volume"].shape == (*PATCH, 1)
    for pass_ in (0, 5):
        np.testing.assert_array_equal(read_all(patches.in_pass(pass_)), arrays[:, 2:6, 2:6])


def test_places_are_drawn_in_every_pass(files: Any, arrays: Any) -> None:
    positions = np.arange(COUNT)
    corners = [Patches(files, PATCH, 3).in_pass(pass_).corners(positions) for pass_ in (0, 1)]
    assert not np.array_equal(*corners)
    for pass_, drawn in enumerate(corners):
        patches = Patches(files, PATCH, 3, pass_)
        for number, patch in enumerate(read_all(patches)):
            np.testing.assert_array_equal(patch, cut(arrays[number], drawn[number]))


def test_places_cover_all_room_and_nothing_else(files: Any) -> None:
    drawn = np.concatenate([Patches(files, PATCH, 3, pass_).corners(np.arange(COUNT)) for pass_ in range(20)])
    assert [sorted(set(column)) for column in drawn.T.tolist()] == [list(range(6)), list(range(5)), [0]]


def test_a_sample_has_its_place_whoever_reads_it_and_in_whatever_company(files: Any) -> None:
    positions = np.random.default_rng(0).permutation(COUNT)
    source = Columns(Patches(files, PATCH, 3), {"label": np.arange(COUNT)})
    alone = [in_pass(source, 2).source.corners(positions[row : row + 1])[0] for row in range(COUNT)]  # type: ignore[attr-defined]
    whole = {}
    for workers, processes in ((0, False), (2, False), (2, True)):
        reader = open_reader(source, None, workers, processes, 60.0)
        try:
            whole[workers, processes] = reader.read(positions, 2)
        finally:
            reader.close()
    for read in whole.values():
        np.testing.assert_array_equal(read["volume"], whole[0, False]["volume"])
        np.testing.assert_array_equal(read["label"], positions)
    expected = Patches(files, PATCH, 3, 2).corners(np.arange(COUNT))[positions]
    np.testing.assert_array_equal(alone, expected)


def test_a_pack_of_whole_samples_gives_the_same_patches(files: Any, arrays: Any, tmp_path: Path) -> None:
    writer = PackWriter(tmp_path, files.fields, COUNT, "a")
    writer.write({"volume": arrays})
    writer.finish()
    packed = Patches(files, PATCH, 3, 1).over(PackedColumns(str(tmp_path), files))
    np.testing.assert_array_equal(read_all(packed), read_all(Patches(files, PATCH, 3, 1)))
