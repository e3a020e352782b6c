"""A pack read back gives the samples that went into it, in any process."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from packs_support import samples, write_pack
from support import ArraySource

from outofcore.errors import DataError
from outofcore.loaders.readers import open_reader
from outofcore.sources.packed_columns import PackedColumns

COLUMNS = {"x": samples(300, (4, 2), "float32"), "mask": samples(300, (), "bool", seed=1)}
SOURCE = ArraySource(**COLUMNS)


@pytest.fixture
def pack(tmp_path: Path) -> PackedColumns:
    write_pack(tmp_path, COLUMNS)
    return PackedColumns(str(tmp_path), SOURCE, "a")


def read(source: Any, positions: Any) -> dict[str, bytes]:
    out = {name: field.empty(len(positions)) for name, field in source.fields.items()}
    source.read(np.asarray(positions, np.int64), out)
    return {name: column.tobytes() for name, column in out.items()}


@pytest.mark.parametrize("positions", [[], [0], [299, 0, 7, 7], range(300)])
def test_a_pack_gives_what_the_source_gives(pack: PackedColumns, positions: Any) -> None:
    assert read(pack, positions) == read(SOURCE, positions)
    assert pack.fields == SOURCE.fields
    assert len(pack) == 300
    assert pack.ids(np.array([5])) == ["row 5"]


def test_samples_are_written_into_a_part_of_a_larger_buffer(pack: PackedColumns) -> None:
    out = {name: field.empty(10)[2:8:2] for name, field in pack.fields.items()}  # not contiguous
    pack.read(np.array([4, 250, 9]), out)
    for name, column in COLUMNS.items():
        assert out[name].tobytes() == column[[4, 250, 9]].tobytes()


def test_pickling_leaves_map_and_lock_behind(pack: PackedColumns) -> None:
    read(pack, [0])
    blob = pickle.dumps(pack.__getstate__() | {"of": None})
    assert len(blob) < 1000
    copy = pickle.loads(pickle.dumps(pack))  # noqa: S301
    assert copy._rows is None
    assert copy._lock is None
    assert read(copy, range(300)) == read(SOURCE, range(300))


@pytest.mark.parametrize("use_multiprocessing", [False, True])
def test_readers_open_the_pack_for_themselves(pack: PackedColumns, use_multiprocessing: bool) -> None:
    read(pack, [0])
    reader = open_reader(pack, None, 2, use_multiprocessing, 60.0)
    try:
        found = reader.read(np.arange(299, -1, -1), 0)
    finally:
        reader.close()
    for name, column in COLUMNS.items():
        assert found[name].tobytes() == column[::-1].tobytes()


def test_an_empty_pack_can_be_read(tmp_path: Path) -> None:
    empty = {name: column[:0] for name, column in COLUMNS.items()}
    write_pack(tmp_path, empty)
    assert read(PackedColumns(str(tmp_path), ArraySource(**empty)), []) == {"x": b"", "mask": b""}


@pytest.mark.parametrize("fingerprint", ["b", "c"])
def test_a_pack_of_other_samples_is_refused(pack: PackedColumns, fingerprint: str) -> None:
    with pytest.raises(DataError, match=r"expected the pack of these samples.*Run again from the pack node"):
        PackedColumns(pack.folder, SOURCE, fingerprint)


def test_a_pack_of_another_number_of_samples_is_refused(pack: PackedColumns) -> None:
    with pytest.raises(DataError, match="a pack of 299 samples, found 300"):
        PackedColumns(pack.folder, ArraySource(x=COLUMNS["x"][:299]))


def test_no_pack_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found none that is whole"):
        PackedColumns(str(tmp_path), SOURCE)


def test_a_pack_that_was_rebuilt_before_the_first_read_is_refused(pack: PackedColumns) -> None:
    others = {name: column[::-1] for name, column in COLUMNS.items()}
    write_pack(Path(pack.folder), others, "b")
    with pytest.raises(DataError, match="expected the pack of these samples"):
        read(pack, [0])
