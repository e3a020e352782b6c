"""A source opens from plain values: the images of one split with their labels and weights."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from outofcore.errors import DataError
from outofcore.sources.specification import open_source

SPLITS = ["train", "train", "validation", "train", "test"]


@pytest.fixture
def specification(tmp_path: Path) -> dict[str, Any]:
    """Five images, each of its number's brightness, and a partition table as the pipeline writes it."""
    for number in range(5):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((4, 4), number, np.uint8))
    pd.DataFrame(
        {
            "sample_id": [str(number) for number in range(5)],
            "split": pd.Categorical(SPLITS, ["train", "validation", "test"]),
            "label": np.array([0, 1, 0, 1, 1], np.int32),
            "weight": np.array([1, 2, 3, 4, 5], np.float32),
        }
    ).to_parquet(tmp_path / "partition.parquet")
    values = {"kind": "image_files", "root": str(tmp_path), "table": str(tmp_path / "partition.parquet")}
    form = {"file_pattern": "{id}.png", "form": {"height": 4, "width": 4, "channels": 1}}
    return {**values, **form, "split": "train", "weighted": True, "class_weights": None}


def read_all(specification: dict[str, Any]) -> dict[str, list[Any]]:
    source = open_source(json.loads(json.dumps(specification)))
    out = {name: field.empty(len(source)) for name, field in source.fields.items()}
    source.read(np.arange(len(source)), out)
    out["image"] = out["image"][:, 0, 0, 0]
    return {name: column.tolist() for name, column in out.items()}


@pytest.mark.parametrize(("split", "numbers"), [("train", [0, 1, 3]), ("validation", [2]), ("test", [4])])
def test_a_split_has_its_own_images_labels_and_weights(
    specification: dict[str, Any], split: str, numbers: list[int]
) -> None:
    expected = {"image": numbers, "label": [[0, 1, 0, 1, 1][n] for n in numbers], "weight": [n + 1 for n in numbers]}
    assert read_all({**specification, "split": split}) == expected


def test_weights_of_classes_multiply_those_of_samples(specification: dict[str, Any]) -> None:
    assert read_all({**specification, "class_weights": [10.0, 0.5]})["weight"] == [10.0, 1.0, 2.0]
    assert "weight" not in read_all({**specification, "weighted": False})


def test_fields_have_the_dtypes_that_training_takes(specification: dict[str, Any]) -> None:
    fields = open_source(specification).fields
    assert {name: (field.shape, field.dtype) for name, field in fields.items()} == {
        "image": ((4, 4, 1), "uint8"),
        "label": ((), "int32"),
        "weight": ((), "float32"),
    }
    assert open_source(specification).ids(np.array([2])) == ["3"]


def test_a_partition_that_is_gone_or_broken_is_named(specification: dict[str, Any]) -> None:
    table = Path(specification["table"])
    for damage in (lambda: table.write_bytes(b"broken"), table.unlink):
        damage()
        with pytest.raises(DataError, match=r"partition\.parquet: expected the partition of the samples"):
            open_source(specification)


def test_another_kind_of_source_is_refused(specification: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="received 'tapes'"):
        open_source({**specification, "kind": "tapes"})
