"""What the loaders of the three splits are told."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from index_support import make_index, partition_parameters, scan_parameters
from parameter_values import mnist_parameters
from sklearn.utils.class_weight import compute_class_weight

from outofcore.loaders.specification import LoaderSpecification
from outofcore.nodes.load import balanced_weights, load_images
from outofcore.nodes.partition import SPLITS, partition
from outofcore.sources.specification import open_source
from outofcore.types import File, Folder

LOADER = {
    "batch_size": 20,
    "steps_per_call": 4,
    "shuffle": True,
    "drop_last": True,
    "workers": 2,
    "use_multiprocessing": True,
    "timeout_seconds": 9.0,
}
COUNT = 120


def load(
    folder: Path, class_weights: str = "none", weights: Any = 1.0, **changes: Any
) -> tuple[LoaderSpecification, LoaderSpecification, LoaderSpecification]:
    """Split samples, three of four of them cats, and describe the loaders."""
    labels = ["dog" if number % 4 == 0 else "cat" for number in range(COUNT)]
    names = [str(number) for number in range(COUNT)]
    (folder / "images").mkdir()
    for name in names:
        cv2.imwrite(str(folder / "images" / f"{name}.jpg"), np.zeros((28, 30, 3), np.uint8))
    index = make_index(names, labels).assign(weight=weights)
    table, _ = partition(index, {"cat": 0, "dog": 1}, partition_parameters(0.7, 0.15, 0.15), 1)
    table.to_parquet(folder / "partition.parquet", index=False)
    described = load_images(
        Folder(folder / "images"),
        File(folder / "partition.parquet"),
        scan_parameters(file_pattern="{id}.jpg"),
        mnist_parameters("image", height=28, width=30, channels=3),
        mnist_parameters("loader", **{**LOADER, **changes}),
        mnist_parameters("training", class_weights=class_weights),
        7,
    )
    assert tuple(described) == SPLITS
    train, validation, test = (LoaderSpecification(**json.loads(json.dumps(each))) for each in described.values())
    return train, validation, test


def test_training_alone_is_shuffled_and_drops_its_rest(tmp_path: Path) -> None:
    train, validation, test = load(tmp_path)
    assert train.loader == {
        "x": "image",
        "y": "label",
        "sample_weight": None,
        "seed": 7,
        "batch_size": 20,
        "steps_per_call": 4,
        "shuffle": True,
        "drop_last": True,
        "workers": 2,
        "use_multiprocessing": True,
        "timeout_seconds": 9.0,
        "sample": {"image": mnist_parameters("image", height=28, width=30, channels=3).model_dump()},
        "transform": None,
    }
    for other in (validation, test):
        assert other.loader == {**train.loader, "shuffle": False, "drop_last": False}


def test_training_need_not_be_shuffled(tmp_path: Path) -> None:
    assert [each.loader["shuffle"] for each in load(tmp_path, shuffle=False)] == [False] * 3


def test_the_sources_differ_in_their_split_alone(tmp_path: Path) -> None:
    for specification, split in zip(load(tmp_path), SPLITS, strict=True):
        assert specification.source == {
            "kind": "image_files",
            "root": str(tmp_path / "images"),
            "table": str(tmp_path / "partition.parquet"),
            "file_pattern": "{id}.jpg",
            "form": mnist_parameters("image", height=28, width=30, channels=3).model_dump(),
            "split": split,
            "weighted": False,
            "class_weights": None,
        }


def test_the_sources_together_hold_every_sample_once(tmp_path: Path) -> None:
    sources = [open_source(specification.source) for specification in load(tmp_path)]
    ids = [name for source in sources for name in source.ids(np.arange(len(source)))]
    assert sorted(ids) == sorted(str(number) for number in range(COUNT))


def test_weights_of_samples_reach_every_split(tmp_path: Path) -> None:
    for specification in load(tmp_path, weights=np.where(np.arange(COUNT) % 2, 0.5, 1.0).astype(np.float32)):
        assert specification.source["weighted"]
        assert specification.source["class_weights"] is None
        assert specification.loader["sample_weight"] == "weight"


def test_weights_of_classes_reach_training_alone(tmp_path: Path) -> None:
    train, *others = load(tmp_path, class_weights="balanced")
    assert train.loader["sample_weight"] == "weight"
    labels = open_source(train.source).columns["label"]
    expected = compute_class_weight("balanced", classes=np.array([0, 1]), y=labels)
    np.testing.assert_allclose(train.source["class_weights"], expected, rtol=1e-15)
    for other in others:
        assert other.loader["sample_weight"] is None
        assert other.source["class_weights"] is None


def test_weights_of_classes_and_samples_are_multiplied(tmp_path: Path) -> None:
    train, *others = load(tmp_path, class_weights="balanced", weights=np.float32(0.5))
    source = open_source(train.source)
    expected = 0.5 * np.array(train.source["class_weights"])[source.columns["label"]]
    np.testing.assert_allclose(source.columns["weight"], expected, rtol=1e-6)
    for other in others:
        assert set(open_source(other.source).columns["weight"]) == {0.5}


@pytest.mark.parametrize("labels", [[0, 1], [0, 0, 0, 1], [2, 0, 1, 1, 1, 2, 2, 2, 2]])
def test_balanced_weights_are_those_of_scikit_learn(labels: list[int]) -> None:
    expected = compute_class_weight("balanced", classes=np.unique(labels), y=labels)
    np.testing.assert_allclose(balanced_weights(np.array(labels)), expected, rtol=1e-15)


def test_balanced_weights_give_each_class_the_same_sum() -> None:
    labels = np.array([0] * 90 + [1] * 9 + [2])
    sums = np.bincount(labels, np.array(balanced_weights(labels))[labels])
    np.testing.assert_allclose(sums, 100 / 3)


def test_a_class_without_samples_does_not_change_the_weights_of_others() -> None:
    first, _, last = balanced_weights(np.array([0, 0, 2]))
    assert [first, last] == balanced_weights(np.array([0, 0, 1])) == [0.75, 1.5]
