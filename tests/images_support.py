"""Images made byte by byte, folders of them, and the nodes from the scan to the partition in a row."""

import os
import re
import signal
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from parameter_values import mnist_parameters

from outofcore.errors import OutOfCoreError
from outofcore.nodes.label_map import make_label_map
from outofcore.nodes.partition import partition
from outofcore.nodes.scan import scan
from outofcore.nodes.validate import validate_images
from outofcore.sources.image_decoding import ImageForm
from outofcore.sources.image_files import ImageFiles
from outofcore.sources.names import Names
from outofcore.types import File, Folder

GOOD = 20
"""Whole images beside the one that a test is about."""


def encoded(pixels: NDArray[Any], kind: str = ".png") -> bytes:
    """Encode grey or RGB pixels; OpenCV itself thinks in BGR."""
    return cv2.imencode(kind, pixels if pixels.ndim == 2 else pixels[..., ::-1])[1].tobytes()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(row: bytes, width: int, colour: int, depth: int = 8, before: bytes = b"", after: bytes = b"") -> bytes:
    """A PNG of two equal rows, with further chunks before and after its pixels."""
    header = struct.pack(">IIBBBBB", width, 2, depth, colour, 0, 0, 0)
    pixels = zlib.compress((b"\0" + row) * 2)
    ends = (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before, after + chunk(b"IEND", b""))
    return chunk(b"IDAT", pixels).join(ends)


def with_bad_checksum(data: bytes, kind: bytes) -> bytes:
    start = data.index(kind)
    end = start + 4 + int.from_bytes(data[start - 4 : start])
    return data[:end] + bytes([data[end] ^ 1]) + data[end + 1 :]


def flat_jpeg(values: Sequence[int]) -> bytes:
    """A JPEG of 8 x 8 pixels of one colour, a value per component: four make it CMYK (ITU-T T.81)."""

    def segment(marker: int, content: bytes) -> bytes:
        return b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content

    count = len(values)
    parts = b"".join(bytes([number + 1, 0x11, 0]) for number in range(count))
    scans = b"".join(bytes([number + 1, 0]) for number in range(count))
    bits = ""
    for value in values:
        offset = value - 128
        size = abs(offset).bit_length()
        bits += f"{size:04b}" + (f"{offset if offset > 0 else offset + (1 << size) - 1:0{size}b}" if size else "") + "0"
    bits += "1" * (-len(bits) % 8)
    body = bytes(int(bits[start : start + 8], 2) for start in range(0, len(bits), 8)).replace(b"\xff", b"\xff\0")
    return b"".join(
        [
            b"\xff\xd8",
            segment(0xDB, b"\0" + b"\x08" * 64),
            segment(0xC0, struct.pack(">BHHB", 8, 8, 8, count) + parts),
            segment(0xC4, b"\0" + bytes([0, 0, 0, 12] + [0] * 12) + bytes(range(12))),
            segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\0"),
            segment(0xDA, bytes([count]) + scans + b"\0\x3f\0"),
            body,
            b"\xff\xd9",
        ]
    )


def refused(action: Callable[[], Any], *names: object) -> str:
    """Run what must be refused; the first line says where, what was expected, what was found and the remedy."""
    with pytest.raises(OutOfCoreError) as caught:
        action()
    line = str(caught.value).splitlines()[0]
    assert re.fullmatch(r".+: expected .+, found .+\. [A-Z].+\.", line), line
    for name in names:
        assert str(name) in line, line
    return line


def reason_of(line: str) -> str:
    """What the report says of a bad sample; the error also tells how to leave it out."""
    reason, _, remedy = line.partition(" 1 sample is bad, 0 allowed; ")
    assert remedy == "validation.max_bad_samples=1 leaves out so many."
    return reason


class Images:
    """Images of cats and dogs, named by a label table or lying in class folders; one more is `subject`.

    Attributes:
        root: Folder of the images.
        labels: The label table.
        subject: File of the sample that a test is about, a cat.
        name: Its ID.
    """

    def __init__(self, place: Path, folders: bool) -> None:
        self.folders, self.root, self.labels = folders, place / "images", place / "labels.csv"
        self.record = place / "record"
        rng = np.random.default_rng(3)
        for label in ("cat", "dog"):
            (self.root / label).mkdir(parents=True)
            for number in range(GOOD // 2):
                pixels = rng.integers(0, 256, (28, 28), np.uint8)
                (self.root / label / f"{number}.png").write_bytes(encoded(pixels))
        self.name = "cat/subject.jpg"
        self.subject = self.root / self.name
        self.rows = [f"{path.relative_to(self.root)},{path.parent.name}" for path in sorted(self.root.rglob("*.png"))]
        self.rows.append(f"{self.name},cat")

    def put(self, content: bytes) -> "Images":
        self.subject.write_bytes(content)
        return self

    def run(
        self,
        acquired: Any = None,
        scanning: Any = None,
        leakage: str = "refuse",
        scanned: Callable[[], Any] = lambda: None,
        **changes: Any,
    ) -> "Result":
        """Run scan, validate, label map and partition; changes are of `image` and `validation`.

        Between scan and validate, `scanned` is called.
        """
        self.labels.write_text("\n".join(["image_name,label", *self.rows, ""]), encoding="utf-8")
        form = {name: value for name, value in changes.items() if name in ImageForm.__dataclass_fields__}
        rules = {name: value for name, value in changes.items() if name not in form}
        plain = {"group_column": None, "labels_from": "folders" if self.folders else "table", **(scanning or {})}
        scan_parameters = mnist_parameters("scan", **plain)
        images, acquired = Folder(self.root), acquired or {}
        index = scan(acquired, images, File(self.labels), scan_parameters)
        scanned()
        good, report, summary = validate_images(
            index,
            acquired,
            images,
            Folder(self.record),
            scan_parameters,
            mnist_parameters("image", **form),
            mnist_parameters("validation", **rules),
        )
        parameters = mnist_parameters("partition", train=0.5, validation=0.25, test=0.25, leakage=leakage)
        table, data = partition(good, make_label_map(good), parameters, 1)
        return Result(good, report, summary, table, data)

    def pixels(self, height: int, width: int, channels: int, **form: Any) -> NDArray[np.uint8]:
        """Validate all, and decode the subject as training does."""
        given = {"height": height, "width": width, "channels": channels, **form}
        assert self.name in set(self.run(**given).table["sample_id"])
        source = ImageFiles(str(self.root), Names.from_texts([self.name]), "{id}", ImageForm(**given))
        out = {"image": np.zeros((1, height, width, channels), np.uint8)}
        source.read(np.array([0]), out)
        return out["image"][0]

    def quarantined(self, *reasons: object, **changes: Any) -> None:
        """The run stops at the subject, or leaves it out and reports it where one may be bad."""
        line = refused(lambda: self.run(**changes), self.subject, *reasons)
        result = self.run(max_bad_samples=1, **changes)
        assert result.report.values.tolist() == [[self.name, "cat", reason_of(line)]]
        assert self.name not in set(result.table["sample_id"])
        assert len(result.table) == GOOD

    def refused(self, *names: object, **changes: Any) -> str:
        """The run stops at the subject, whatever number may be bad."""
        return refused(lambda: self.run(max_bad_samples=5, **changes), *names)


class Result:
    """What the nodes gave."""

    def __init__(self, index: Any, report: Any, summary: Any, table: Any, data: Any) -> None:
        self.index: pd.DataFrame = index
        self.report: pd.DataFrame = report
        self.summary: dict[str, Any] = summary
        self.table: pd.DataFrame = table
        self.data: dict[str, Any] = data


def inspect_and_die(root: str, names: list[str], form: Any, smallest_side: int) -> list[Any]:
    """Stands for `inspect_images` in a process that is killed. Here, where loky's processes can import it."""
    os.kill(os.getpid(), signal.SIGKILL)
    return []
