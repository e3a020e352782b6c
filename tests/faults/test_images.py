"""Images as they should not be: cases 1 to 21 of the fault catalogue."""

import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from images_support import Images, chunk, encoded, flat_jpeg, png, reason_of, refused, with_bad_checksum
from numpy.typing import NDArray

pytestmark = pytest.mark.fault

RNG = np.random.default_rng(7)
GREY = RNG.integers(0, 256, (28, 28), np.uint8)
SMOOTH = np.add.outer(np.arange(28), np.arange(28)).astype(np.uint8) * 4
JPEG, PNG = encoded(SMOOTH, ".jpg"), encoded(GREY)
WHOLE = [JPEG, PNG, cv2.imencode(".jpg", SMOOTH, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()]


@pytest.fixture(params=["table", "folders"])
def images(tmp_path: Path, request: Any) -> Images:
    return Images(tmp_path, request.param == "folders")


@pytest.fixture
def listed(tmp_path: Path) -> Images:
    """Images with a label table, for what a class folder cannot name."""
    return Images(tmp_path, folders=False)


def colours(pixels: NDArray[np.uint8]) -> list[Any]:
    """The pixels of the first row."""
    row: list[Any] = pixels[0].tolist()
    return row


def test_fault_001_file_missing(listed: Images) -> None:
    listed.quarantined("found none")


def test_fault_001_file_gone_since_the_scan(images: Images) -> None:
    def run(**changes: Any) -> Any:
        return images.put(JPEG).run(scanned=images.subject.unlink, **changes)

    line = refused(run, images.subject, "no such file")
    assert run(max_bad_samples=1).report.values.tolist() == [[images.name, "cat", reason_of(line)]]


def test_fault_002_zero_bytes(images: Images) -> None:
    images.put(b"").quarantined("an empty file")


@pytest.mark.parametrize("whole", WHOLE, ids=["jpeg", "png", "progressive"])
def test_fault_003_truncated_at_half(images: Images, whole: bytes) -> None:
    images.put(whole[: len(whole) // 2]).quarantined("cut off or damaged")


@pytest.mark.parametrize("whole", WHOLE, ids=["jpeg", "png", "progressive"])
def test_fault_004_last_two_bytes_lost(images: Images, whole: bytes) -> None:
    images.put(whole[:-2]).quarantined("cut off or damaged")
    assert len(images.put(whole).run().report) == 0  # and whole it is good


def rotten() -> bytes:
    """A JPEG with another bit in its pixels, which decodes all the same."""
    middle = len(JPEG) - 40
    return JPEG[:middle] + bytes([JPEG[middle] ^ 4]) + JPEG[middle + 1 :]


def test_fault_005_bit_rot_that_decodes_is_accepted_the_first_time(images: Images) -> None:
    sound = images.put(JPEG).pixels(28, 28, 1)
    images.record.joinpath("findings.parquet").unlink()
    pixels = images.put(rotten()).pixels(28, 28, 1)
    assert not np.array_equal(pixels, sound)
    assert np.array_equal(pixels[..., 0], cv2.imdecode(np.frombuffer(rotten(), np.uint8), cv2.IMREAD_GRAYSCALE))


def test_fault_005_bit_rot_after_the_content_was_recorded_is_refused(images: Images) -> None:
    images.put(JPEG).run()
    images.put(rotten())
    for _ in range(2):  # to refuse it is not to forget it
        images.refused(images.subject, "found another")
    images.refused(images.subject, "found another", height=32)  # nor are other rules
    assert images.put(JPEG).run().summary["bad"] == 0
    images.put(rotten())
    assert images.run(changed="accept").summary["looked_at"] == 1
    assert images.run().summary["looked_at"] == 0


def test_fault_005_bit_rot_that_keeps_size_and_time_is_found_by_recheck(images: Images) -> None:
    images.put(JPEG).run()
    status = images.subject.stat()
    images.put(rotten())
    os.utime(images.subject, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert images.run().summary["looked_at"] == 0
    images.refused(images.subject, "found another", recheck=True)


@pytest.mark.parametrize("content", [b"<html>not found</html>", b"not an image\n"])
def test_fault_006_text_named_jpg(images: Images, content: bytes) -> None:
    images.put(content).quarantined("a JPEG or PNG image, found other bytes")


def test_fault_007_png_named_jpg(images: Images) -> None:
    assert np.array_equal(images.put(PNG).pixels(28, 28, 1)[..., 0], GREY)


@pytest.mark.parametrize("content", [(), ("notes.txt",)])
def test_fault_008_directory_named_jpg(images: Images, content: tuple[str, ...]) -> None:
    images.subject.mkdir()
    for name in content:
        (images.subject / name).touch()
    images.quarantined("found a folder")


def test_fault_009_dangling_symlink(images: Images) -> None:
    images.subject.symlink_to("nowhere.jpg")
    images.quarantined("no such file")


def test_fault_010_symlink_that_leaves_the_root(images: Images, tmp_path: Path) -> None:
    (tmp_path / "outside.jpg").write_bytes(JPEG)
    images.subject.symlink_to(tmp_path / "outside.jpg")
    images.refused(images.subject, tmp_path / "outside.jpg")


def test_fault_011_cmyk(images: Images) -> None:
    """OpenCV reads the inks as Adobe writes them, inverted."""
    pixels = images.put(flat_jpeg([200, 100, 50, 220])).pixels(8, 8, 3)
    assert np.unique(pixels.reshape(-1, 3), axis=0).tolist() == [[173, 87, 44]]
    assert np.unique(images.pixels(8, 8, 1)).tolist() == [108]


PALETTE = chunk(b"PLTE", bytes([0, 0, 0, 255, 0, 0, 0, 255, 0, 9, 9, 255]))
FORMS = {
    "grey": (png(bytes([7, 8, 9, 255]), 4, 0), [7, 8, 9, 255], [[7] * 3, [8] * 3, [9] * 3, [255] * 3]),
    "palette": (
        png(b"\x1b", 4, 3, 2, before=PALETTE),
        [0, 76, 149, 37],
        [[0, 0, 0], [255, 0, 0], [0, 255, 0], [9, 9, 255]],
    ),
    "1-bit": (png(b"\xa0", 4, 0, 1), [255, 0, 255, 0], [[255] * 3, [0] * 3, [255] * 3, [0] * 3]),
}


@pytest.mark.parametrize("kind", FORMS)
def test_fault_012_greyscale_palette_and_1_bit(images: Images, kind: str) -> None:
    content, grey, rgb = FORMS[kind]
    assert images.put(content).pixels(2, 4, 1)[0, :, 0].tolist() == grey
    assert colours(images.pixels(2, 4, 3)) == rgb


def test_fault_013_rgba_on_a_background(images: Images) -> None:
    images.put(png(bytes([200, 100, 50, 255, 200, 100, 50, 0, 200, 100, 50, 128]), 3, 6))
    assert colours(images.pixels(2, 3, 3)) == [[200, 100, 50], [255, 255, 255], [227, 177, 152]]
    assert colours(images.pixels(2, 3, 3, background=0)) == [[200, 100, 50], [0, 0, 0], [100, 50, 25]]
    assert images.pixels(2, 3, 1)[0, :, 0].tolist() == [124, 255, 189]


TRANSPARENT = {
    "grey": png(bytes([200, 255, 200, 0]), 2, 4),
    "palette": png(
        b"\x10", 2, 3, 2, before=chunk(b"PLTE", bytes([9, 9, 9, 200, 200, 200])) + chunk(b"tRNS", b"\0\xff")
    ),
    "rgb": png(bytes([200] * 3 + [1, 2, 3]), 2, 2, before=chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3))),
}


@pytest.mark.parametrize("kind", TRANSPARENT)
def test_fault_013_other_ways_to_be_transparent(images: Images, kind: str) -> None:
    pixels = images.put(TRANSPARENT[kind]).pixels(2, 2, 3, background=50)
    assert sorted(colours(pixels)) == [[50] * 3, [200] * 3]


def turned() -> bytes:
    """An EXIF block that says: the top row is the photo's right side."""
    return b"II*\x00" + struct.pack("<IH", 8, 1) + struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0) + b"\x00" * 4


def test_fault_013_what_opencv_would_read_wrongly_is_refused(images: Images) -> None:
    level = png(bytes([200, 1]), 2, 0, before=chunk(b"tRNS", struct.pack(">H", 200)))
    images.put(level).refused(images.subject, "a transparent level of grey")
    images.put(png(bytes([1, 2, 3, 4]), 1, 6, before=chunk(b"eXIf", turned()))).refused(images.subject, "EXIF")


def test_fault_014_exif_rotation(images: Images) -> None:
    plain = encoded(SMOOTH[:, :14].copy(), ".jpg")
    upright = images.put(plain).pixels(28, 14, 1)
    exif = b"Exif\x00\x00" + turned()
    images.put(plain[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + plain[2:])
    images.record.joinpath("findings.parquet").unlink()
    assert np.array_equal(images.pixels(14, 28, 1)[..., 0], np.rot90(upright[..., 0], -1))


def test_fault_015_sixteen_bit(images: Images) -> None:
    images.put(png(struct.pack(">3H", 0x12FF, 0x80FF, 0xFFFF), 3, 0, 16))
    images.refused(images.subject, "expected 8 bits a channel, found 16")
    assert images.pixels(2, 3, 1, sixteen_bit="scale")[0, :, 0].tolist() == [0x12, 0x80, 0xFF]
    assert colours(images.pixels(2, 3, 3, sixteen_bit="scale")) == [[0x12] * 3, [0x80] * 3, [0xFF] * 3]


def animated() -> bytes:
    def frame(number: int) -> bytes:
        return chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, 2, 2, 0, 0, 1, 10, 0, 0))

    second = chunk(b"fdAT", struct.pack(">I", 2) + zlib.compress(b"\0\1\2" * 2))
    before = chunk(b"acTL", struct.pack(">II", 2, 0)) + frame(0)
    return png(bytes([10, 20]), 2, 0, before=before, after=frame(1) + second)


def test_fault_016_animated(images: Images) -> None:
    images.put(animated()).refused(images.subject, "an animated PNG")
    assert images.pixels(2, 2, 1, animated="first_frame")[0, :, 0].tolist() == [10, 20]
    images.put(b"GIF89a" + b"\0" * 20).refused(images.subject, "a GIF", animated="first_frame", changed="accept")


@pytest.mark.parametrize("kind", [".webp", ".tiff", ".bmp"])
def test_fault_017_formats_that_are_not_declared(images: Images, kind: str) -> None:
    images.put(encoded(GREY, kind)).refused(images.subject, "expected a JPEG or PNG image, found a ")


def enormous_png(side: int) -> bytes:
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return PNG[:8] + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def enormous_jpeg(height: int, width: int) -> bytes:
    size = JPEG.index(b"\xff\xc0") + 5
    return JPEG[:size] + struct.pack(">HH", height, width) + JPEG[size + 4 :]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (enormous_png(60_000), "60000x60000"),
        (enormous_png(17_000), "17000x17000"),
        (enormous_jpeg(60_000, 5_000), "60000x5000"),
        (JPEG[:20] + b"junk\xff\x00" + enormous_jpeg(60_000, 5_000)[20:], "60000x5000"),
    ],
    ids=["png", "smaller png", "jpeg", "jpeg with junk between"],
)
def test_fault_018_decompression_bomb(
    images: Images, content: bytes, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = cv2.imdecode

    def limited(data: Any, flags: int) -> Any:
        assert data.tobytes() != content, "memory would be asked for"
        return real(data, flags)

    monkeypatch.setattr(cv2, "imdecode", limited)
    images.put(content).refused(images.subject, "at most 268,435,456 pixels", found)


@pytest.mark.parametrize("shape", [(1, 1), (1, 28)])
def test_fault_019_below_the_smallest_side(images: Images, shape: tuple[int, int]) -> None:
    images.put(encoded(np.zeros(shape, np.uint8)))
    images.quarantined("at least 2 pixels", "1x", "validation.smallest_side")
    assert images.run(smallest_side=1).summary["bad"] == 0


@pytest.mark.parametrize("kind", [b"IHDR", b"tEXt", b"IDAT", b"IEND"])
def test_fault_020_png_with_a_bad_checksum(images: Images, kind: bytes) -> None:
    whole = png(bytes([1, 2]), 2, 0, before=chunk(b"tEXt", b"a\0b"))
    images.put(with_bad_checksum(whole, kind)).quarantined("damaged" if kind in (b"IHDR", b"IDAT") else kind.decode())
    assert images.put(whole).run().summary["bad"] == 0


def test_fault_021_another_size(images: Images) -> None:
    large = RNG.integers(0, 256, (56, 56), np.uint8)
    images.put(encoded(large))
    mean = large.reshape(28, 2, 28, 2).mean(axis=(1, 3))
    assert np.abs(images.pixels(28, 28, 1)[..., 0] - mean).max() <= 0.5
    images.refused(images.subject, "expected 28x28 pixels, found 56x56", strict_size=True)


def test_validation_is_silent(tmp_path: Path) -> None:
    """Libpng writes to descriptor 2 itself: a process of its own shows what arrives there."""
    (tmp_path / "a.png").write_bytes(with_bad_checksum(PNG, b"IDAT"))
    code = (
        "import sys; from outofcore.sources.image_decoding import ImageForm, decode\n"
        "from outofcore.sources.image_validation import inspect_images\n"
        "print(len(inspect_images(sys.argv[1], ['a.png'], ImageForm(28, 28, 1), 2)[0].reason), flush=True)\n"
        "print('heard', file=sys.stderr, flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 0
    assert done.stderr == "heard\n"
