"""Splits that the folders give: taken as they are, and what is missing drawn from the training samples."""

import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from images_support import encoded, refused
from parameter_values import mnist_parameters

from outofcore.nodes.label_map import make_label_map
from outofcore.nodes.partition import partition
from outofcore.nodes.scan import scan
from outofcore.types import File, Folder

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "cifar10_small.tar.gz"
COUNTS = {"train": 20, "validation": 6, "test": 4}


def trees(root: Path, *names: str) -> Path:
    rng = np.random.default_rng(1)
    for name in names:
        for label in ("cat", "dog"):
            folder = root / name / label
            folder.mkdir(parents=True)
            for number in range(COUNTS.get(name, 6)):
                (folder / f"{number}.png").write_bytes(encoded(rng.integers(0, 256, (4, 4, 3), np.uint8)))
    return root


def index_of(root: Path, **changes: Any) -> Any:
    values = {"labels_from": "folders", "splits_from": "folders", "group_column": None, **changes}
    table = File(root.parent / "labels.csv")
    index = scan({}, Folder(root), table, mnist_parameters("scan", **values))
    return index.assign(content=np.arange(len(index), dtype=np.uint64))


def split(index: Any, **changes: Any) -> Any:
    return partition(index, make_label_map(index), mnist_parameters("partition", **changes), 3)[0]


def test_all_three_are_taken_as_they_are(tmp_path: Path) -> None:
    table = split(index_of(trees(tmp_path / "images", "train", "val", "test")))
    assert (table["sample_id"].str.partition("/")[0].replace("val", "validation") == table["split"]).all()
    assert table["split"].value_counts().to_dict() == {"train": 40, "validation": 12, "test": 8}


def test_the_class_is_the_folder_below_the_split(tmp_path: Path) -> None:
    index = index_of(trees(tmp_path / "images", "train", "test"))
    assert set(index["label"]) == {"cat", "dog"}


@pytest.mark.parametrize(("given", "drawn"), [("test", "validation"), ("validation", "test")])
def test_a_split_without_a_tree_is_drawn_from_training(tmp_path: Path, given: str, drawn: str) -> None:
    table = split(index_of(trees(tmp_path / "images", "train", given)), train=0.6, validation=0.2, test=0.2)
    tree = table["sample_id"].str.partition("/")[0]
    assert (tree[table["split"] == given] == given).all()
    assert set(tree[table["split"] == drawn]) == {"train"}
    assert (table["split"] == drawn).sum() == 10  # 0.2 of 0.6 + 0.2, of 40


def test_a_table_may_name_files_in_trees(tmp_path: Path) -> None:
    root = trees(tmp_path / "images", "train", "validation", "test")
    names = [path.relative_to(root).as_posix() for path in sorted(root.rglob("*.png"))]
    rows = ["tile_name,y", *(f"{name},{name.split('/')[1]}" for name in names)]
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    index = index_of(root, labels_from="table", id_column="tile_name", label_column="y")
    assert (index["split"] == index["sample_id"].str.partition("/")[0]).all()
    assert set(index["label"]) == {"cat", "dog"}


def test_a_sample_outside_of_a_split_is_refused(tmp_path: Path) -> None:
    root = trees(tmp_path / "images", "train", "test", "more")
    refused(lambda: index_of(root), root / "more/cat/0.png", "splits_from=hash")


def test_without_it_trees_are_refused_as_classes_in_classes(tmp_path: Path) -> None:
    root = trees(tmp_path / "images", "train", "test")
    refused(lambda: index_of(root, splits_from="hash"), "scan.splits_from=folders")


@pytest.mark.fault
def test_fault_030_a_class_that_training_has_not(tmp_path: Path) -> None:
    root = trees(tmp_path / "images", "train", "validation", "test")
    (root / "test/bird").mkdir()
    (root / "test/cat/0.png").rename(root / "test/bird/0.png")
    refused(lambda: split(index_of(root)), "split train", "'bird'")


@pytest.mark.fault
def test_fault_035_a_tree_of_one_class(tmp_path: Path) -> None:
    root = trees(tmp_path / "images", "train", "validation", "test")
    shutil.rmtree(root / "test/dog")
    refused(lambda: split(index_of(root)), "split test", "4 samples of one class alone")


@pytest.mark.fault
@pytest.mark.parametrize("folder", ["test", "test/bird"])
def test_fault_036_039_an_empty_tree_or_class(tmp_path: Path, folder: str) -> None:
    root = trees(tmp_path / "images", "train", "validation", "test")
    if folder == "test":
        shutil.rmtree(root / folder)
    (root / folder).mkdir()
    refused(lambda: index_of(root), root / folder, "found none")


@pytest.mark.fault
def test_fault_037_the_same_name_in_two_trees_is_of_two_samples(tmp_path: Path) -> None:
    table = split(index_of(trees(tmp_path / "images", "train", "validation", "test")))
    assert {"train/cat/0.png", "validation/cat/0.png", "test/cat/0.png"} <= set(table["sample_id"])
    assert table["sample_id"].is_unique


@pytest.mark.fault
def test_fault_038_the_same_content_in_two_trees(tmp_path: Path) -> None:
    index = index_of(trees(tmp_path / "images", "train", "validation", "test")).set_index("sample_id")
    index.loc["test/cat/0.png", "content"] = index.loc["train/cat/7.png", "content"]
    refused(lambda: split(index.reset_index()), "'train/cat/7.png'", "'test/cat/0.png'")
    assert len(split(index.reset_index(), leakage="warn")) == len(index)


def test_real_images_in_trees(tmp_path: Path) -> None:
    if not REAL.exists():
        pytest.skip("the real CIFAR-10 images are not here")
    with tarfile.open(REAL) as tar:
        tar.extractall(tmp_path, filter="data")
    table = split(index_of(tmp_path / "cifar10_small"), train=0.8, validation=0.1, test=0.1)
    counts = table.groupby(["split", "label"], observed=True).size().unstack(0)
    assert counts["test"].tolist() == [100] * 10
    assert (counts["train"] + counts["validation"]).tolist() == [400] * 10
    assert counts["validation"].between(43, 46).all()
