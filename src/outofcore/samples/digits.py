"""Digits drawn at 28x28 from the scans that scikit-learn ships, as JPG files and a label table.

The scans are 1,797 digits of 8x8 pixels by 43 writers (Alpaydin and Kaynak, Optical Recognition of
Handwritten Digits, UCI 1998). Each drawn digit is one of them, enlarged, turned, scaled and
shifted a little; the column `original` says which, so that no split divides the drawings of one.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from outofcore.samples.writing import label_table, write_jpg

SIDE = 28
"""Pixels of a drawn digit's side."""

COLUMNS = ("image_name", "label", "original")


def write_digits(images: Path, table: Path, count: int, digits: tuple[int, ...], seed: int) -> None:
    """Draw digits and write them as `img_<number>.jpg` and a CSV.

    Args:
        images: Folder of the images.
        table: CSV to write, columns `image_name,label,original`; the label is the digit's place
            in `digits`.
        count: Number of images.
        digits: Which digits to draw, in equal shares.
        seed: Root of all draws.

    Raises:
        DataError: The disk is full or the folder cannot be written to.
    """
    from sklearn.datasets import load_digits

    scans = load_digits()
    originals = [np.flatnonzero(scans.target == digit) for digit in digits]
    rng = np.random.default_rng(seed)
    images.mkdir(parents=True, exist_ok=True)
    with label_table(table, COLUMNS) as add_row:
        for number in range(count):
            label = number % len(digits)
            original = int(rng.choice(originals[label]))
            name = f"img_{number}.jpg"
            write_jpg(images / name, _draw(scans.images[original], rng))
            add_row((name, label, original))


def _draw(scan: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Enlarge an 8x8 scan of values 0 to 16 into a uint8 image, turned, scaled and shifted."""
    angle, scale = rng.uniform(-12.0, 12.0), rng.uniform(2.3, 2.9)
    turn = cv2.getRotationMatrix2D((3.5, 3.5), angle, scale)
    turn[:, 2] = turn[:, 2] + (SIDE / 2 - 4.0 + rng.uniform(-2.0, 2.0, 2))
    ink = np.clip(scan * (255.0 / 16.0), 0.0, 255.0).astype(np.uint8)
    return np.asarray(cv2.warpAffine(ink, turn, (SIDE, SIDE), flags=cv2.INTER_CUBIC), np.uint8)
