"""Packs in the place of files: the same batches, written once."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from packs_support import COUNT, SIDE, SUMMARY, Images, content

from outofcore.errors import DataError
from outofcore.nodes import pack as node
from outofcore.sources.image_files import ImageFiles
from outofcore.sources.specification import open_source


@pytest.fixture
def images(tmp_path: Path) -> Images:
    return Images(tmp_path)


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read five images at a time, and keep every ten."""
    monkeypatch.setattr(node, "ITEM_BYTES", 5 * SIDE * SIDE)
    monkeypatch.setattr(node, "CHECKPOINT_BYTES", 10 * SIDE * SIDE)


@pytest.fixture
def read_positions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Positions of the images that were decoded."""
    positions: list[int] = []
    read = ImageFiles.read

    def spy(self: ImageFiles, wanted: Any, out: Any) -> None:
        positions.extend(wanted.tolist())
        read(self, wanted, out)

    monkeypatch.setattr(ImageFiles, "read", spy)
    return positions


def everything(specification: Any) -> dict[str, bytes]:
    source = open_source(specification.source)
    out = {name: field.empty(len(source)) for name, field in source.fields.items()}
    source.read(np.arange(len(source)), out)
    return {name: column.tobytes() for name, column in out.items()}


def test_without_packs_the_files_stay(images: Images) -> None:
    specifications = images.pack(packed=False)
    assert [each.to_json() for each in specifications] == list(images.load().values())
    assert not images.packs.exists()


def test_loaders_of_packs_and_files_give_the_same_batches(images: Images) -> None:
    from outofcore.loaders.batch_loader import open_loader

    files, packs = images.pack(packed=False, class_weights="balanced"), images.pack(class_weights="balanced")
    file_loaders = [open_loader(each) for each in files]
    expected = [[loader.read(pass_, 0, loader.steps_per_pass) for pass_ in (0, 1)] for loader in file_loaders]
    assert not np.array_equal(expected[0][0][0], expected[0][1][0])  # training is shuffled
    images.lose_images()
    with pytest.raises(DataError):
        file_loaders[0].read(0, 0, 1)
    for specification, passes in zip(packs, expected, strict=True):
        loader = open_loader(specification)
        for pass_, item in enumerate(passes):
            found = loader.read(pass_, 0, loader.steps_per_pass)
            assert len(found) == len(item) >= 2
            for mine, theirs in zip(found, item, strict=True):
                assert mine.dtype == theirs.dtype
                np.testing.assert_array_equal(mine, theirs)
        assert loader.ids(0, 0, 2) == open_loader(specification).ids(0, 0, 2)


def test_a_whole_pack_is_kept(images: Images, read_positions: list[int]) -> None:
    images.pack()
    assert len(read_positions) == COUNT
    before = images.written()
    images.pack()
    assert len(read_positions) == COUNT
    assert images.written() == before


def test_weights_and_labels_come_from_the_table_beside_a_pack(images: Images) -> None:
    train, *_ = images.pack()
    before = images.written()
    assert "weight" not in open_source(train.source).columns
    images.partition(np.arange(COUNT) % 3 // 2, weight=0.5)
    train, *_ = images.pack(class_weights="balanced")
    assert images.written() == before
    source = open_source(train.source)
    np.testing.assert_array_equal(source.columns["label"], np.arange(60) % 3 // 2)
    np.testing.assert_allclose(source.columns["weight"][:3], [0.375, 0.375, 0.75])


def test_what_samples_are_made_from_is_the_same_of_files_and_their_pack(images: Images) -> None:
    made_from = [node.made_from(images.pack(packed=packed)[0].source, SUMMARY) for packed in (False, True)]
    assert made_from[0] == made_from[1]
    assert made_from[0] != node.made_from(images.pack(packed=False)[1].source, SUMMARY)


@pytest.mark.parametrize("use_multiprocessing", [False, True])
def test_readers_do_not_change_a_pack(
    images: Images, tmp_path: Path, use_multiprocessing: bool, small_steps: None
) -> None:
    images.pack()
    other = tmp_path / "other"
    images.pack(folder=other, reading={"workers": 2, "use_multiprocessing": use_multiprocessing})
    for split in ("train", "validation", "test"):
        assert content(other / split) == content(images.packs / split)


def test_an_interrupted_pack_goes_on(images: Images, small_steps: None, read_positions: list[int]) -> None:
    broken = images.root / "images" / "37.png"
    whole = broken.read_bytes()
    broken.write_bytes(b"no image")
    with pytest.raises(DataError, match=r"37\.png"):
        images.pack()
    broken.write_bytes(whole)
    read_positions.clear()
    specifications = images.pack()
    assert read_positions[:30] == list(range(30, 60))
    assert [everything(each) for each in specifications] == [everything(each) for each in images.pack(packed=False)]


def test_a_pack_of_other_data_is_not_read(images: Images) -> None:
    train, *_ = images.pack()
    images.pack(summary={"files_digest": dict.fromkeys(("train", "validation", "test"), "other data")})
    with pytest.raises(DataError, match="Run again from the pack node"):
        open_source(train.source)
