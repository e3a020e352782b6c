"""Write samples and their label table. Samples are not synced: the manifest is written last and vouches for all."""

import contextlib
import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from outofcore.errors import DataError
from outofcore.files import replacing


@contextlib.contextmanager
def label_table(table: Path, columns: Sequence[str]) -> Iterator[Callable[[Sequence[object]], object]]:
    """Write a label table as CSV, which is there when it is whole.

    Args:
        table: The file.
        columns: Names of its columns.

    Yields:
        A function that writes a row.

    Raises:
        DataError: The disk is full or the folder cannot be written to.
    """
    with replacing(table) as temporary, temporary.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(columns)
        yield rows.writerow


def write_jpg(path: Path, image: NDArray[np.uint8]) -> None:
    """Write a grey image, uint8 of shape `(height, width)`, or one in BGR, of shape `(height, width, 3)`.

    Raises:
        DataError: The disk is full or the folder cannot be written to.
    """
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])
    try:
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise _not_written(path, "image", error) from error


def write_npy(path: Path, volume: NDArray[np.float32]) -> None:
    """Write an array.

    Raises:
        DataError: The disk is full or the folder cannot be written to.
    """
    try:
        np.save(path, volume, allow_pickle=False)
    except OSError as error:
        raise _not_written(path, "volume", error) from error


def _not_written(path: Path, what: str, error: OSError) -> DataError:
    """Make the error of a sample that cannot be written."""
    return DataError(
        f"{path}: expected to write a sample {what}, found: {error.strerror or error}. "
        "Make room, or point the catalog at a folder that can be written to."
    )
