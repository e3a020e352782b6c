"""CIFAR-10 as JPG files in class folders, with trees for training and test.

Taken from the authors' binary archive, whose records are a byte for the class and 3,072 for the pixels
(A. Krizhevsky, Learning multiple layers of features from tiny images, 2009; the form is described at
https://www.cs.toronto.edu/~kriz/cifar.html). The archive that `keras.datasets.cifar10` takes holds the
same images as pickles, which can run code and are not read here.
"""

import tarfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import DataError
from outofcore.progress_bar import progress
from outofcore.samples.coloured_shapes import COLUMNS
from outofcore.samples.writing import label_table, write_jpg

NAME = "CIFAR-10 (170 MB)"
"""What is downloaded, as messages name it."""

COUNT = 60_000
"""Images in all, of training and test together."""

SIDE, CHANNELS = 32, 3
RECORD = 1 + SIDE * SIDE * CHANNELS

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FILES = {**{f"data_batch_{number}.bin": "train" for number in range(1, 6)}, "test_batch.bin": "test"}


def write_cifar10(archive: Path, images: Path, table: Path) -> None:
    """Write the images as `train/<class>/img_<number>.jpg` and `test/<class>/...`, and a CSV.

    An image has its number in all of CIFAR-10, training before test.

    Args:
        archive: The `.tar.gz` with the files `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin`.
        images: Folder of the images.
        table: CSV to write, columns `tile_name,y`: the path below the folder, and the class.

    Raises:
        DataError: The archive does not hold CIFAR-10, or the disk is full or cannot be written to.
    """
    with label_table(table, COLUMNS) as add_row, progress("write images", COUNT, "images") as advance:
        number = 0
        for name, split in FILES.items():
            for code, pixels in zip(*_records(archive, name), strict=True):
                path = f"{split}/{CLASSES[code]}/img_{number}.jpg"
                (images / path).parent.mkdir(parents=True, exist_ok=True)
                write_jpg(images / path, pixels[..., ::-1])  # OpenCV thinks in BGR
                add_row((path, CLASSES[code]))
                number += 1
                advance(1)


def _records(archive: Path, name: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read the classes, shape `(count,)`, and the images, shape `(count, 32, 32, 3)`, of one file."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            member = tar.extractfile(f"cifar-10-batches-bin/{name}")
            content = member.read(COUNT * RECORD) if member is not None else b""
    except (KeyError, tarfile.TarError, OSError, EOFError) as error:
        raise _not_cifar10(archive, " ".join(str(error).split())) from error
    if not content or len(content) % RECORD:
        raise _not_cifar10(archive, f"{name} of {len(content)} bytes")
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    codes, pixels = records[:, 0], records[:, 1:].reshape(-1, CHANNELS, SIDE, SIDE).transpose(0, 2, 3, 1)
    if codes.max() >= len(CLASSES):
        raise _not_cifar10(archive, f"a class {codes.max()} in {name}")
    return codes, pixels


def _not_cifar10(archive: Path, found: str) -> DataError:
    return DataError(
        f"{archive}: expected the binary version of CIFAR-10, six files of records of {RECORD} bytes, found {found}. "
        "Set data.download.url and data.download.sha256 to those of CIFAR-10, and remove the file."
    )
