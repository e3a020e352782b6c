"""Drawn digits: their form, their labels, and that no two splits share an original."""

import csv
import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from faulty_disk import full_disk
from sklearn.datasets import load_digits

from outofcore.errors import DataError
from outofcore.samples.digits import SIDE, write_digits


def rows(table: Path) -> list[dict[str, str]]:
    with table.open(newline="") as file:
        return list(csv.DictReader(file))


def draw(root: Path, count: int = 60, digits: tuple[int, ...] = (0, 8), seed: int = 3) -> tuple[Path, Path]:
    write_digits(root / "images", root / "labels.csv", count, digits, seed)
    return root / "images", root / "labels.csv"


def test_images_and_rows_belong_together(tmp_path: Path) -> None:
    images, table = draw(tmp_path, 7)
    assert [row["image_name"] for row in rows(table)] == [f"img_{number}.jpg" for number in range(7)]
    assert {path.name for path in images.iterdir()} == {row["image_name"] for row in rows(table)}


def test_images_are_grey_jpgs_with_ink_in_them(tmp_path: Path) -> None:
    images, _ = draw(tmp_path)
    for path in images.iterdir():
        assert path.read_bytes().startswith(b"\xff\xd8")
        pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert (pixels.shape, pixels.dtype) == ((SIDE, SIDE), np.uint8)
        assert pixels.max() > 150
        assert np.median(pixels[[0, -1]]) < 20  # the digit stands inside a dark frame


def test_labels_are_places_in_the_digits_and_originals_show_them(tmp_path: Path) -> None:
    _, table = draw(tmp_path, 90, (8, 0, 3))
    target = load_digits().target
    assert [row["label"] for row in rows(table)] == ["0", "1", "2"] * 30
    for row in rows(table):
        assert target[int(row["original"])] == (8, 0, 3)[int(row["label"])]


def test_drawings_of_one_original_differ(tmp_path: Path) -> None:
    images, table = draw(tmp_path, 1000)
    originals = [row["original"] for row in rows(table)]
    assert len(set(originals)) < 400  # there are 352 scans of zeros and eights
    assert len({path.read_bytes() for path in images.iterdir()}) == 1000


def test_the_classes_can_be_told_apart(tmp_path: Path) -> None:
    """A zero is dark in its middle, an eight is not."""
    images, table = draw(tmp_path, 200)
    middle: dict[str, list[float]] = {"0": [], "1": []}
    for row in rows(table):
        pixels = cv2.imread(str(images / row["image_name"]), cv2.IMREAD_GRAYSCALE)
        middle[row["label"]].append(float(pixels[11:17, 11:17].mean()))
    assert np.mean(middle["1"]) > np.mean(middle["0"]) + 80


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(tmp_path: Path) -> None:
    drawn = [draw(tmp_path / str(number), seed=seed) for number, seed in enumerate((1, 1, 2))]
    one, two, three = ([path.read_bytes() for path in (table, *sorted(images.iterdir()))] for images, table in drawn)
    assert one == two
    assert all(mine != other for mine, other in zip(one, three, strict=True))


def test_golden_sample(tmp_path: Path) -> None:
    """Raise `acquire.VERSION` when this changes: the same parameters then give other samples.

    The pixels are compared with room for the rounding of another processor.
    """
    images, table = draw(tmp_path, 8, seed=42)
    assert hashlib.sha256(table.read_bytes()).hexdigest() == GOLDEN_TABLE
    pixels = [cv2.imread(str(images / f"img_{number}.jpg"), cv2.IMREAD_GRAYSCALE) for number in range(8)]
    blocks = np.array(pixels, float).reshape(8, 2, 14, 2, 14).mean(axis=(2, 4)).reshape(8, 4)
    np.testing.assert_allclose(blocks, GOLDEN_BRIGHTNESS, atol=0.5)


GOLDEN_TABLE = "92ccdae041ed86ec1aea3f5ba959bbdc808c8315c9f542484df3d0eb21bd315a"
GOLDEN_BRIGHTNESS = [
    [67.8, 52.2, 46.9, 64.9],
    [54.0, 63.4, 23.8, 45.8],
    [58.6, 53.3, 67.4, 76.9],
    [38.8, 44.7, 9.2, 45.5],
    [47.4, 33.5, 59.2, 47.5],
    [58.0, 43.1, 17.9, 63.9],
    [31.8, 41.8, 50.5, 50.1],
    [67.7, 49.3, 55.7, 16.6],
]


@pytest.mark.fault
def test_fault_075_full_disk(tmp_path: Path) -> None:
    draw(tmp_path, 4)
    before = (tmp_path / "labels.csv").read_bytes()
    with full_disk(300), pytest.raises(DataError) as caught:
        draw(tmp_path, 50)
    assert str(caught.value).startswith(
        f"{tmp_path}/images/img_0.jpg: expected to write a sample image, found: File too large. Make room"
    )
    assert (tmp_path / "labels.csv").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["labels.csv"]
