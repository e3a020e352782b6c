"""Small folders of files and label tables, and the parameters to scan and split them with."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from parameter_values import mnist_parameters

from outofcore.errors import DataError, OutOfCoreError
from outofcore.nodes.scan import scan
from outofcore.parameters.data import PartitionParameters, ScanParameters
from outofcore.types import File, Folder


def scan_parameters(**changes: Any) -> ScanParameters:
    plain = {"group_column": None, "extensions": (".jpg", ".png")}
    return mnist_parameters("scan", **{**plain, **changes})


def partition_parameters(train: float, validation: float, test: float, stratify: bool = True) -> PartitionParameters:
    return mnist_parameters("partition", train=train, validation=validation, test=test, stratify=stratify)


def make_files(root: Path, names: Iterable[str]) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * len(name))


class Place:
    """A folder of images and a label table.

    Attributes:
        images: Folder of the images.
        labels: The label table.
    """

    def __init__(self, root: Path) -> None:
        self.images, self.labels = root / "images", root / "labels.csv"
        self.images.mkdir()

    def csv(self, *lines: str, header: str = "image_name,label") -> "Place":
        """Write the label table, and a file for the first value of each line."""
        self.labels.write_text("".join(f"{line}\n" for line in (header, *lines)), encoding="utf-8")
        make_files(self.images, (line.split(",")[0] for line in lines))
        return self

    def parquet(self, **columns: Sequence[Any]) -> "Place":
        """Write the label table as Parquet."""
        self.labels = self.labels.with_suffix(".parquet")
        pq.write_table(pa.table(columns), self.labels)
        return self

    def scan(self, **changes: Any) -> pd.DataFrame:
        return scan({}, Folder(self.images), File(self.labels), scan_parameters(**changes))

    def scan_folders(self, *names: str) -> pd.DataFrame:
        """Make files and take their folders as classes."""
        make_files(self.images, names)
        return self.scan(labels_from="folders")


def make_index(
    ids: Sequence[str], labels: Sequence[str], groups: Sequence[str] | str = "", weight: float = 1.0
) -> pd.DataFrame:
    """Make an index as the scan gives it."""
    count = len(ids)
    return pd.DataFrame(
        {
            "sample_id": pd.Series(ids, dtype="str"),
            "label": pd.Series(labels, dtype="str"),
            "weight": np.full(count, weight, np.float32),
            "group": pd.Series([groups] * count if isinstance(groups, str) else groups, dtype="str"),
            "size": np.arange(count, dtype=np.int64),
            "mtime_ns": np.arange(count, dtype=np.int64),
            "content": np.arange(1, count + 1, dtype=np.uint64),
        }
    )


def refusal(place: Place, error: type[OutOfCoreError] = DataError, **changes: Any) -> str:
    """Scan, which must fail; return the message."""
    with pytest.raises(error) as caught:
        place.scan(**changes)
    message = str(caught.value)
    assert "\n" not in message
    return message


def folder_refusal(place: Place, *names: str) -> str:
    make_files(place.images, names)
    return refusal(place, labels_from="folders")
