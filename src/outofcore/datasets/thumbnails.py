"""One picture of the first images or arrays of a folder, for Kedro-Viz: a folder of millions is never listed.

It holds no text: Kedro-Viz reads what is given to it as HTML as Markdown too, and after it has
cleaned it, so that the name of a file could bring in code.
"""

import base64
import os
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.datasets.middle_slice import middle_slice
from outofcore.sources.pack_files import LOCK

ENTRIES = 200
"""Entries of a folder that are looked at."""

FOLDERS = 6
"""Folders in which images are looked for where the folder itself holds none."""

COLUMNS, ROWS = 6, 4
SIDE, GAP = 72, 4
"""Size of a thumbnail and the space around it, in pixels."""

REDUCED_BYTES = 100_000
"""From this size on an image is decoded at an eighth of its size, which is quick."""

SECONDS = 2.0
"""After so long no further image is decoded: a side panel should not wait for large PNGs."""

ARRAYS = ".npy"
IMAGES = (".jpg", ".jpeg", ".png", ARRAYS)


def first_entries(folder: Path) -> list[os.DirEntry[str]]:
    """The first entries in the file system's order, then by name; none where there is no folder."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        shown = (entry for entry in entries if not entry.name.startswith("."))
        return sorted(islice(shown, ENTRIES), key=lambda entry: entry.name)


def first_images(folder: Path) -> list[Path]:
    """The first images and arrays of a folder, or a few of each of its first folders."""
    entries = first_entries(folder)
    folders = [Path(entry) for entry in entries if entry.is_dir()][:FOLDERS]
    here = _images(entries)
    return here[: COLUMNS * ROWS] or [path for below in folders for path in _images(first_entries(below))[:ROWS]]


def contact_sheet(paths: Sequence[Path]) -> str:
    """Draw images side by side, and say it as a PNG in base64.

    Args:
        paths: The images; one that cannot be read, or in time, stays an empty place.
    """
    import cv2

    rows = -(-len(paths) // COLUMNS)
    cell = SIDE + GAP
    sheet = np.zeros((rows * cell, COLUMNS * cell, 4), np.uint8)
    end = time.monotonic() + SECONDS
    for number, path in enumerate(paths):
        if time.monotonic() >= end:
            break
        small = _thumbnail(path)
        if small is not None:
            height, width = small.shape[:2]
            top = number // COLUMNS * cell + (cell - height) // 2
            left = number % COLUMNS * cell + (cell - width) // 2
            sheet[top : top + height, left : left + width, :3] = small
            sheet[top : top + height, left : left + width, 3] = 255
    return base64.b64encode(cv2.imencode(".png", sheet)[1].tobytes()).decode()


def _images(entries: Sequence[os.DirEntry[str]]) -> list[Path]:
    if any(entry.name == LOCK for entry in entries):  # a pack's files hold many samples each
        return []
    return [Path(entry) for entry in entries if entry.name.lower().endswith(IMAGES) and entry.is_file()]


def _thumbnail(path: Path) -> NDArray[Any] | None:
    import cv2

    image = middle_slice(path) if path.suffix.lower() == ARRAYS else _decoded(path)
    if image is None:
        return None
    scale = SIDE / max(image.shape[:2])
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def _decoded(path: Path) -> NDArray[Any] | None:
    import cv2

    flag = cv2.IMREAD_REDUCED_COLOR_8 if path.stat().st_size > REDUCED_BYTES else cv2.IMREAD_COLOR
    return cv2.imread(os.fspath(path), flag)
