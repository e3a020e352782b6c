"""Image files become arrays of one size, or an error that names the file."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from outofcore.errors import DataError
from outofcore.sources.base import Field
from outofcore.sources.image_decoding import ImageForm
from outofcore.sources.image_files import ImageFiles
from outofcore.sources.names import Names

RNG = np.random.default_rng(5)
GREY = RNG.integers(0, 256, (28, 28), np.uint8)
RGB = RNG.integers(0, 256, (28, 28, 3), np.uint8)
SMOOTH = np.add.outer(np.arange(28), np.arange(28)).astype(np.uint8) * 4


def encoded(pixels: NDArray[np.uint8], kind: str) -> bytes:
    """Encode grey or RGB pixels; OpenCV itself thinks in BGR."""
    return cv2.imencode(kind, pixels if pixels.ndim == 2 else pixels[..., ::-1])[1].tobytes()


def decoded(folder: Path, content: bytes, height: int = 28, width: int = 28, channels: int = 1) -> NDArray[np.uint8]:
    (folder / "a.jpg").write_bytes(content)
    source = ImageFiles(str(folder), Names.from_texts(["a"]), "{id}.jpg", ImageForm(height, width, channels))
    out = {"image": np.zeros((1, height, width, channels), np.uint8)}
    source.read(np.array([0]), out)
    return out["image"][0]


def test_each_row_receives_the_file_of_its_position(tmp_path: Path) -> None:
    ids = ["3", "sub/ä b", "007"]
    for value, name in enumerate(ids):
        (tmp_path / f"img_{name}.png").parent.mkdir(exist_ok=True)
        (tmp_path / f"img_{name}.png").write_bytes(encoded(np.full((4, 6), 10 * value, np.uint8), ".png"))
    source = ImageFiles(str(tmp_path), Names.from_texts(ids), "img_{id}.png", ImageForm(4, 6, 1))
    assert (len(source), source.fields) == (3, {"image": Field((4, 6, 1), "uint8")})
    out = np.full((5, 4, 6, 1), 99, np.uint8)
    source.read(np.array([2, 0, 1, 2]), {"image": out[1:]})
    assert out[:, 0, 0, 0].tolist() == [99, 20, 0, 10, 20]
    assert source.ids(np.array([2, 1])) == ["007", "sub/ä b"]


def test_pixels_are_those_of_the_file(tmp_path: Path) -> None:
    assert np.array_equal(decoded(tmp_path, encoded(GREY, ".png"))[..., 0], GREY)
    assert np.array_equal(decoded(tmp_path, encoded(RGB, ".png"), channels=3), RGB)
    assert not np.array_equal(decoded(tmp_path, encoded(RGB, ".png"), channels=3), RGB[..., ::-1])


def test_fault_012_grey_and_colour_turn_into_each_other(tmp_path: Path) -> None:
    assert np.array_equal(decoded(tmp_path, encoded(GREY, ".png"), channels=3), np.stack([GREY] * 3, axis=-1))
    luma = RGB @ np.array([0.299, 0.587, 0.114])
    assert np.abs(decoded(tmp_path, encoded(RGB, ".png"))[..., 0] - luma).max() < 2


def test_jpeg_is_read_close_to_what_was_written(tmp_path: Path) -> None:
    assert np.abs(decoded(tmp_path, encoded(SMOOTH, ".jpg"))[..., 0].astype(int) - SMOOTH).max() <= 4


def test_fault_007_png_named_jpg_is_read(tmp_path: Path) -> None:
    assert np.array_equal(decoded(tmp_path, encoded(SMOOTH, ".png"))[..., 0], SMOOTH)


def test_fault_014_a_turned_photo_is_turned_back(tmp_path: Path) -> None:
    tag = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)  # orientation: the top row is the photo's right side
    exif = b"Exif\x00\x00II*\x00" + struct.pack("<IH", 8, 1) + tag + b"\x00" * 4
    plain = encoded(SMOOTH[:, :14].copy(), ".jpg")
    turned = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + plain[2:]
    upright = decoded(tmp_path, plain, 28, 14)
    assert np.array_equal(decoded(tmp_path, turned, 14, 28)[..., 0], np.rot90(upright[..., 0], -1))


@pytest.mark.parametrize(("tall", "wide"), [(2, 2), (2, 1), (1, 3)])
def test_fault_021_a_larger_image_is_averaged(tmp_path: Path, tall: int, wide: int) -> None:
    large = RNG.integers(0, 256, (28 * tall, 28 * wide), np.uint8)
    mean = large.reshape(28, tall, 28, wide).mean(axis=(1, 3))
    assert np.abs(decoded(tmp_path, encoded(large, ".png"))[..., 0] - mean).max() <= 1


@pytest.mark.parametrize("shape", [(14, 14), (14, 56), (1, 1)])
def test_fault_021_a_smaller_image_is_stretched(tmp_path: Path, shape: tuple[int, int]) -> None:
    flat = np.full((*shape, 3), [10, 200, 90], np.uint8)
    pixels = decoded(tmp_path, encoded(flat, ".png"), channels=3)
    assert np.array_equal(np.unique(pixels.reshape(-1, 3), axis=0), [[10, 200, 90]])


def bomb() -> bytes:
    """A PNG of a few bytes that claims 60,000 x 60,000 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


CONTENTS = {
    "empty": (b"", "an empty file"),
    "text": (b"<html>not found</html>", "other bytes"),
    "half a header": (encoded(GREY, ".png")[:20], "other bytes"),
    "bomb": (bomb(), "more"),
}


@pytest.mark.parametrize("kind", ["missing", "directory", "dangling link", *CONTENTS])
def test_fault_001_002_006_008_009_018_the_error_names_the_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "folder with ä" / "b.jpg"
    path.parent.mkdir()
    found = {"missing": "no such file", "directory": "is a directory", "dangling link": "no such file"}.get(kind)
    if kind == "directory":
        path.mkdir()
    elif kind == "dangling link":
        path.symlink_to("nowhere.jpg")
    elif kind in CONTENTS:
        content, found = CONTENTS[kind]
        path.write_bytes(content)
    (path.parent / "a.jpg").write_bytes(encoded(GREY, ".png"))
    source = ImageFiles(str(path.parent), Names.from_texts(["a", "b"]), "{id}.jpg", ImageForm(28, 28, 1))
    with pytest.raises(DataError) as raised:
        source.read(np.array([0, 1]), {"image": np.zeros((2, 28, 28, 1), np.uint8)})
    line = str(raised.value).splitlines()[0]
    assert line.startswith(f"{path}: expected a")
    assert str(found) in line.partition("found")[2]
    assert line.endswith("take it out of the data.")
