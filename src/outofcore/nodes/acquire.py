"""Make the raw data be there: drawn on this machine, or the user's own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from outofcore.errors import ConfigurationError
from outofcore.files import write_json
from outofcore.parameters import DataParameters
from outofcore.samples.digits import write_digits
from outofcore.types import File, Folder

VERSION = 1
"""Raised when the same parameters give other sample data than before."""

MANIFEST = ".outofcore-sample.json"
"""In a folder of sample data; says how it was made, and that it was made here."""


def acquire_digits(images: Folder, labels: File, data: DataParameters, seed: int) -> dict[str, Any]:
    """Make the digits be there: zeros and eights drawn as JPG files, or the user's own images.

    Args:
        images: Folder of the images.
        labels: Label table.
        data: Where the data comes from.
        seed: Root of all draws.

    Returns:
        What the data is and where it lies.
    """

    def write() -> None:
        write_digits(images.path, labels.path, data.samples, (0, 8), seed)

    recipe = {"sample": "digits", "version": VERSION, "count": data.samples, "digits": [0, 8], "seed": seed}
    return acquire(images, labels, data, recipe, write)


def acquire(
    images: Folder, labels: File, data: DataParameters, recipe: dict[str, Any], write: Callable[[], None]
) -> dict[str, Any]:
    """Make raw data be there, and find the work done when it is.

    Args:
        images: Folder of the samples.
        labels: Label table.
        data: Where the data comes from.
        recipe: All on which the sample data depends.
        write: Writes the sample data.

    Returns:
        What the data is and where it lies.

    Raises:
        ConfigurationError: Sample data would be written into a folder of somebody's own.
    """
    if data.source == "sample":
        _write_sample(images.path, labels.path, recipe, write)
    return {
        "source": data.source,
        "images": str(images.path),
        "labels": str(labels.path),
        "recipe": recipe if data.source == "sample" else None,
    }


def _write_sample(images: Path, labels: Path, recipe: dict[str, Any], write: Callable[[], None]) -> None:
    manifest = images / MANIFEST
    before = json.loads(manifest.read_bytes()) if manifest.exists() else None
    if before == {**recipe, "complete": True} and labels.exists():
        return
    if before is None:
        for place, taken in ((images, images.exists() and any(images.iterdir())), (labels, labels.exists())):
            if taken:
                raise ConfigurationError(
                    f"{place}: expected an empty place for sample data, found data that was not made here. "
                    "Set data.source=path to train on it, or point the catalog elsewhere."
                )
    write_json(manifest, {**recipe, "complete": False})
    for old in images.glob("img_*.jpg"):
        old.unlink()
    write()
    write_json(manifest, {**recipe, "complete": True})
