"""Loaders on disk: what was saved as a specification opens as the same loader."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError

from outofcore.datasets.batch_loader import BatchLoaderDataset
from outofcore.loaders.specification import LoaderSpecification

COUNT = 23


@pytest.fixture
def specification(tmp_path: Path) -> LoaderSpecification:
    """Describe a shuffled loader of half of some images."""
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for number in range(COUNT):
        cv2.imwrite(str(tmp_path / "images" / f"{number}.png"), rng.integers(0, 256, (6, 5), np.uint8))
    names = [f"{number}" for number in range(COUNT)]
    split = ["train" if number % 2 else "test" for number in range(COUNT)]
    table = pd.DataFrame({"sample_id": names, "split": split, "label": np.arange(COUNT, dtype=np.int32), "weight": 1.0})
    table.to_parquet(tmp_path / "table.parquet")
    source = {
        "kind": "image_files",
        "root": str(tmp_path / "images"),
        "table": str(tmp_path / "table.parquet"),
        "file_pattern": "{id}.png",
        "form": {"height": 6, "width": 5, "channels": 1},
        "split": "train",
        "weighted": False,
        "class_weights": None,
    }
    loader = {"x": "image", "y": "label", "sample_weight": None, "batch_size": 4, "steps_per_call": 1, "seed": 3}
    return LoaderSpecification(source=source, loader={**loader, "shuffle": True})


def test_what_is_saved_is_json_that_a_person_can_read(specification: Any, tmp_path: Path) -> None:
    BatchLoaderDataset(filepath=str(tmp_path / "new" / "loader.json")).save(specification)
    text = (tmp_path / "new" / "loader.json").read_text()
    assert json.loads(text) == specification.to_json()
    assert '  "loader": {\n' in text


def test_what_is_loaded_is_the_loader(specification: Any, tmp_path: Path) -> None:
    dataset = BatchLoaderDataset(filepath=str(tmp_path / "loader.json"))
    assert not dataset.exists()
    dataset.save(specification)
    assert dataset.exists()
    loader = dataset.load()
    assert (loader.batch_size, loader.steps_per_pass, loader.shuffle, loader.seed) == (4, 3, True, 3)
    x, y = loader.read(0, 0, 3)
    assert sorted(y.tolist()) == list(range(1, COUNT, 2))
    assert y.tolist() != sorted(y.tolist())
    for image, number in zip(x, y.tolist(), strict=True):
        expected = cv2.imread(str(tmp_path / "images" / f"{number}.png"), cv2.IMREAD_GRAYSCALE)
        assert np.array_equal(image[..., 0], expected)


def test_two_loads_read_alike(specification: Any, tmp_path: Path) -> None:
    dataset = BatchLoaderDataset(filepath=str(tmp_path / "loader.json"))
    dataset.save(specification)
    one, two = dataset.load(), dataset.load()
    for mine, other in zip(one.read(1, 0, 3), two.read(1, 0, 3), strict=True):
        assert np.array_equal(mine, other)
    assert one.ids(1, 0, 3) != one.ids(0, 0, 3)


def test_nothing_to_load(tmp_path: Path) -> None:
    with pytest.raises(DatasetError):
        BatchLoaderDataset(filepath=str(tmp_path / "none.json")).load()
