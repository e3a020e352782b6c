"""The middle slice of an array on disk as a picture, for Kedro-Viz: nothing else of the file is read."""

import math
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import DataError
from outofcore.sources.npy_files import opened
from outofcore.sources.npy_layout import HEAD_BYTES, REAL, parse_header
from outofcore.sources.npy_parts import fill

LARGEST_BYTES = 1 << 24
"""Bytes of a slice above which none is drawn: a side panel should not wait for it."""


MOST_CHANNELS = 4
"""Places of a last axis up to which it counts as that of channels, where two axes stand before it."""


def middle_slice(path: Path) -> NDArray[np.uint8] | None:
    """Read the middle slice of a `.npy` file, black at its lowest value and white at its highest.

    It is cut across the axes that lie slowest on disk, so that it is one piece of the file. Of
    several channels the first is taken; a series is drawn as a strip.

    Args:
        path: The file.

    Returns:
        Blue, green, red, shape `(height, width, 3)`, or `None` where it cannot be drawn.
    """
    import cv2

    name = os.fsencode(path)
    try:
        descriptor = opened(name)
        try:
            values = _read(descriptor, name)
        finally:
            os.close(descriptor)
    except (DataError, OSError):
        return None
    if values is None:
        return None
    spread = cv2.normalize(values, np.empty_like(values), 0, 255, cv2.NORM_MINMAX)
    return np.stack([spread.astype(np.uint8)] * 3, axis=-1)


def _read(descriptor: int, name: bytes) -> NDArray[np.float32] | None:
    layout = parse_header(os.pread(descriptor, HEAD_BYTES, 0), name)
    shape = layout.shape[::-1] if layout.fortran else layout.shape  # the first axis is the slowest on disk
    coloured = len(shape) > 2 and shape[-1] <= MOST_CHANNELS and not layout.fortran
    kept = shape[-3:] if coloured else shape[-2:]
    nbytes = math.prod(kept) * layout.dtype.itemsize
    if layout.dtype.kind not in REAL or not shape or not 0 < nbytes <= LARGEST_BYTES:
        return None
    number = 0  # of the slice, among all of its size
    for size in shape[: len(shape) - len(kept)]:
        number = number * size + size // 2
    block = bytearray(nbytes)
    fill(descriptor, memoryview(block), len(layout.header) + number * nbytes, name)
    values = np.frombuffer(block, layout.dtype).reshape(kept)
    values = values[..., 0] if coloured else values
    values = values.T if layout.fortran else np.atleast_2d(values)
    with np.errstate(all="ignore"):  # what float32 does not hold becomes infinite, and that 0
        picture = np.nan_to_num(np.ascontiguousarray(values, np.float32), posinf=0.0, neginf=0.0)
    return np.repeat(picture, max(1, picture.shape[1] // 4), axis=0) if len(kept) == 1 else picture
