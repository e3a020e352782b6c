"""Packs of small arrays, and a folder of images to pack."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from parameter_values import mnist_parameters
from support import ArraySource

from outofcore.loaders.specification import LoaderSpecification
from outofcore.nodes.load import load_images
from outofcore.nodes.pack import pack
from outofcore.sources.pack_files import PackWriter
from outofcore.types import File, Folder

SUMMARY = {"files_digest": {"train": "1", "validation": "2", "test": "3"}}
SIDE, COUNT = 8, 90


def samples(count: int, shape: tuple[int, ...] = (3, 5), dtype: str = "uint8", seed: int = 0) -> NDArray[Any]:
    """Random bytes, as an array of any dtype."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    data = np.random.default_rng(seed).integers(0, 2 if dtype == "bool" else 256, count * size).astype(np.uint8)
    return data.view(dtype).reshape(count, *shape)


def write_pack(
    folder: Path,
    columns: Mapping[str, NDArray[Any]],
    fingerprint: str = "a",
    step: int = 100,
    every: int = 1,
    stop: int | None = None,
) -> int:
    """Write a pack, with a checkpoint after `every` steps; at sample `stop` leave it as a kill would.

    Returns:
        The sample at which it began.
    """
    source = ArraySource(**columns)
    writer = PackWriter(folder, source.fields, len(source), fingerprint)
    began = writer.done
    try:
        for number, start in enumerate(range(began, len(source), step), 1):
            if stop is not None and start >= stop:
                return began
            writer.write({name: column[start : start + step] for name, column in columns.items()})
            if number % every == 0:
                writer.checkpoint()
        writer.finish()
    finally:
        writer.close()
    return began


def content(folder: Path) -> dict[str, bytes]:
    """The files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class Images:
    """A folder of images with a partition table, and its packs.

    Attributes:
        root: Folder of all.
        packs: Folder of the packs.
    """

    def __init__(self, root: Path) -> None:
        self.root, self.packs = root, root / "packs"
        (root / "images").mkdir()
        for number in range(COUNT):
            image = samples(1, (SIDE, SIDE, 1), seed=number)[0]
            cv2.imwrite(str(root / "images" / f"{number}.png"), image)
        self.partition(np.arange(COUNT) % 2)

    def partition(self, labels: NDArray[Any], weight: float = 1.0) -> None:
        splits = pd.Categorical(["train"] * 60 + ["validation"] * 15 + ["test"] * 15, ["train", "validation", "test"])
        ids = [str(number) for number in range(COUNT)]
        columns = {"sample_id": ids, "split": splits, "label": labels.astype(np.int32), "weight": np.float32(weight)}
        pd.DataFrame(columns).to_parquet(self.root / "partition.parquet", index=False)

    def load(self, class_weights: str = "none", side: int = SIDE, **loader: Any) -> dict[str, Any]:
        return load_images(
            Folder(self.root / "images"),
            File(self.root / "partition.parquet"),
            mnist_parameters("scan", file_pattern="{id}.png"),
            mnist_parameters("image", height=side, width=side, channels=1),
            mnist_parameters("loader", **{"batch_size": 7, "workers": 0, **loader}),
            mnist_parameters("training", class_weights=class_weights),
            7,
        )

    def pack(
        self,
        packed: bool = True,
        summary: Mapping[str, Any] | None = None,
        folder: Path | None = None,
        reading: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> tuple[LoaderSpecification, ...]:
        """Run the node; `reading` says how files are read, `changes` are those of `load`."""
        loader = mnist_parameters("loader", packed=packed, **{"workers": 0, **(reading or {})})
        return pack(self.load(**changes), Folder(folder or self.packs), {**SUMMARY, **(summary or {})}, loader)

    def written(self) -> dict[str, int]:
        """When each split's images were packed."""
        return {path.parent.name: path.stat().st_mtime_ns for path in self.packs.glob("*/image.npy")}

    def lose_images(self) -> None:
        shutil.rmtree(self.root / "images")
