"""CIFAR-10 from its binary archive: trees of class folders, pixel by pixel; anything else is refused."""

import csv
import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from images_support import refused

from outofcore.nodes.acquire import acquire_shapes
from outofcore.parameters.transfer import ShapesDataParameters
from outofcore.samples.cifar10 import CLASSES, FILES, write_cifar10
from outofcore.types import File, Folder

EACH = 3


def archive(path: Path, name: str = "{}", spoil: Any = lambda records: records) -> Path:
    """A small archive; every picture is of one colour, which tells its number."""
    with tarfile.open(path, "w:gz") as tar:
        for place, file in enumerate(FILES):
            records = np.empty((EACH, 3073), np.uint8)
            numbers = place * EACH + np.arange(EACH, dtype=np.uint8)
            records[:, 0] = numbers % 10
            records[:, 1:1025], records[:, 1025:2049], records[:, 2049:] = (
                part[:, None] for part in (10 * numbers, 255 - 10 * numbers, 128 + 0 * numbers)
            )
            content = spoil(records).tobytes()
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name.format(file)}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def test_it_is_laid_out_as_trees_of_class_folders(tmp_path: Path) -> None:
    write_cifar10(archive(tmp_path / "cifar.tar.gz"), tmp_path / "images", tmp_path / "labels.csv")
    with (tmp_path / "labels.csv").open() as file:
        header, *rows = csv.reader(file)
    assert header == ["tile_name", "y"]
    assert rows == [
        [f"{'train' if number < 15 else 'test'}/{CLASSES[number % 10]}/img_{number}.jpg", CLASSES[number % 10]]
        for number in range(18)
    ]
    pixels = cv2.imread(str(tmp_path / "images" / rows[4][0]), cv2.IMREAD_COLOR_RGB)
    np.testing.assert_allclose(pixels, np.broadcast_to([40, 215, 128], (32, 32, 3)), atol=4)  # JPEG is lossy


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"name": "other_{}"}, "not found"),
        ({"spoil": lambda records: records[:, :-1]}, "data_batch_1.bin of 9216 bytes"),
        ({"spoil": lambda records: records + 20}, "a class 22 in data_batch_1.bin"),
    ],
)
def test_another_archive_is_refused(tmp_path: Path, changes: Any, found: str) -> None:
    path = archive(tmp_path / "cifar.tar.gz", **changes)
    refused(lambda: write_cifar10(path, tmp_path / "images", tmp_path / "labels.csv"), path, found)


def acquire(root: Path, **changes: Any) -> Any:
    path = root / "cifar.tar.gz"
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else 64 * "0"
    download = {"url": "http://127.0.0.1:9/", "sha256": sha256, "timeout_seconds": 1.0}
    values = {"source": "sample", "samples": 20, "side": 16, "download": download, "images": None, "labels": None}
    data = ShapesDataParameters.model_validate({**values, **changes})
    return acquire_shapes(Folder(root / "images"), File(root / "labels.csv"), data, 5, File(path))


def files(root: Path) -> dict[str, int]:
    return {path.relative_to(root).as_posix(): path.stat().st_mtime_ns for path in root.rglob("*.jpg")}


def test_a_sample_is_found_done_and_replaced_by_another(tmp_path: Path) -> None:
    archive(tmp_path / "cifar.tar.gz")
    acquire(tmp_path)
    drawn = files(tmp_path)
    assert len(drawn) == 20
    acquire(tmp_path)
    assert files(tmp_path) == drawn
    acquire(tmp_path, source="download")
    assert len(files(tmp_path)) == 18
    folders = {path.name for path in (tmp_path / "images").iterdir() if path.is_dir()}
    assert folders == {"train", "test"}  # a class folder left empty would be refused by the scan


def test_somebody_elses_class_folders_are_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "images" / "cat").mkdir(parents=True)
    (tmp_path / "images" / "cat" / "tom.jpg").write_bytes(b"his own")
    refused(lambda: acquire(tmp_path), tmp_path / "images", "other data")
    assert (tmp_path / "images" / "cat" / "tom.jpg").read_bytes() == b"his own"
