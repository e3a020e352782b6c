"""MNIST as JPG files and a label table.

The archive is the one that `keras.datasets.mnist` takes: 60,000 training and 10,000 test images of
28x28 grey levels (LeCun, Cortes and Burges, The MNIST database of handwritten digits, 1998).
"""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import DataError
from outofcore.progress_bar import progress
from outofcore.samples.digits import SIDE
from outofcore.samples.writing import label_table, write_jpg

NAME = "MNIST (11 MB)"
"""What is downloaded, as messages name it."""

COUNT = 70_000
"""Images in all, of training and test together."""

COLUMNS = ("image_name", "label")


def write_mnist(archive: Path, images: Path, table: Path, digits: tuple[int, ...]) -> None:
    """Write the images of some digits as `img_<number>.jpg` and a CSV.

    An image has its number in all of MNIST, training before test, whichever digits are chosen.

    Args:
        archive: The `.npz` file with the arrays `x_train`, `y_train`, `x_test` and `y_test`.
        images: Folder of the images.
        table: CSV to write, columns `image_name,label`; the label is the digit's place in `digits`.
        digits: Which digits to write.

    Raises:
        DataError: The archive does not hold MNIST, or the disk is full or cannot be written to.
    """
    pictures, numerals = _read(archive)
    chosen = np.flatnonzero(np.isin(numerals, digits))
    images.mkdir(parents=True, exist_ok=True)
    with label_table(table, COLUMNS) as add_row, progress("write images", len(chosen), "images") as advance:
        for number in chosen.tolist():
            name = f"img_{number}.jpg"
            write_jpg(images / name, pictures[number])
            add_row((name, digits.index(numerals[number])))
            advance(1)


def _read(archive: Path) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Read all images, uint8 of shape (count, 28, 28), and which digits they show."""
    try:
        with np.load(archive, allow_pickle=False) as arrays:
            pictures = np.concatenate([arrays["x_train"], arrays["x_test"]])
            numerals = np.concatenate([arrays["y_train"], arrays["y_test"]])
    except (KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise _not_mnist(archive, " ".join(str(error).split())) from error
    count = len(pictures)
    if pictures.dtype != np.uint8 or pictures.shape != (count, SIDE, SIDE) or count > COUNT:
        raise _not_mnist(archive, f"images of shape {pictures.shape} and type {pictures.dtype}")
    if numerals.shape != (count,) or numerals.dtype.kind not in "iu":
        raise _not_mnist(archive, f"{count} images and labels of shape {numerals.shape} and type {numerals.dtype}")
    return pictures, numerals


def _not_mnist(archive: Path, found: str) -> DataError:
    return DataError(
        f"{archive}: expected the arrays x_train, y_train, x_test and y_test, at most {COUNT} uint8 images of "
        f"{SIDE}x{SIDE} and as many whole numbers, found: {found}. "
        "Set data.download.url and data.download.sha256 to those of MNIST, and remove the file."
    )
