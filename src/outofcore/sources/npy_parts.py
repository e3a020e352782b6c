"""Read an array of a `.npy` file, or a part of it and little else of the file."""

import itertools
import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.sources.npy_layout import Layout, VolumeForm, bad, read_layout

GAP_BYTES = 1 << 12
"""Bytes between two runs up to which they are read together: the disk gives whole pages anyhow."""


def read_part(
    descriptor: int,
    volume: NDArray[Any],
    corner: Sequence[int] | None,
    form: VolumeForm,
    path: bytes,
    scratch: bytearray,
) -> Layout:
    """Read a part of a file's array, of any layout and dtype that may be cast.

    Args:
        descriptor: The open file.
        volume: Where the values go, shape `(*sizes, channels)`, contiguous.
        corner: First place of the part along each axis but the channels', or `None` for the whole.
        form: The form declared.
        path: The file's path, for the error message.
        scratch: Memory that is kept from file to file, for fresh memory is slow; it grows as needed.

    Returns:
        The layout of the file.

    Raises:
        DataError: The file is not in the form declared, or was cut off meanwhile.
    """
    layout = read_layout(descriptor, form, path)
    if corner is None and not layout.fortran and layout.dtype == volume.dtype:
        fill(descriptor, volume.data.cast("B"), len(layout.header), path)
        return layout
    first = [0] * len(form.shape) if corner is None else list(corner)
    target = volume if len(layout.shape) == volume.ndim else volume[..., 0]
    first += [0] * (target.ndim - len(first))
    shape = layout.shape
    if layout.fortran:  # on disk it is the array with its axes in reverse
        shape, first, target = shape[::-1], first[::-1], target.T
    with np.errstate(over="ignore"):  # what the declared dtype cannot hold becomes infinite: see validate
        _gather(descriptor, target, shape, first, layout, path, scratch)
    return layout


def _gather(
    descriptor: int,
    target: NDArray[Any],
    shape: Sequence[int],
    first: Sequence[int],
    layout: Layout,
    path: bytes,
    scratch: bytearray,
) -> None:
    """Read the runs of a part, one call of the system for those that lie close together."""
    strides = [math.prod(shape[axis + 1 :]) * layout.dtype.itemsize for axis in range(len(shape))]
    steps, span = runs(strides, target.shape, layout.dtype.itemsize)
    if len(scratch) < span:
        scratch.extend(bytes(span - len(scratch)))
    buffer = memoryview(scratch)[:span]
    block: NDArray[Any] = np.ndarray(target.shape[steps:], layout.dtype, scratch, strides=strides[steps:])
    start = len(layout.header) + sum(place * stride for place, stride in zip(first, strides, strict=True))
    for index in itertools.product(*map(range, target.shape[:steps])):
        offset = sum(place * stride for place, stride in zip(index, strides, strict=False))
        fill(descriptor, buffer, start + offset, path)
        target[index] = block


def runs(strides: Sequence[int], sizes: Sequence[int], itemsize: int) -> tuple[int, int]:
    """Decide which runs of a part are read together.

    Args:
        strides: Bytes from one place to the next along each axis on disk, the last the smallest.
        sizes: Sizes of the part.
        itemsize: Bytes of a value.

    Returns:
        The number of leading axes to step over, and the bytes to read at each step.
    """
    span = itemsize
    for axis in reversed(range(len(sizes))):
        if sizes[axis] > 1 and strides[axis] - span > GAP_BYTES:
            return axis + 1, span
        span += (sizes[axis] - 1) * strides[axis]
    return 0, span


def fill(descriptor: int, buffer: memoryview, offset: int, path: bytes) -> None:
    """Fill a buffer from a place in a file.

    Raises:
        DataError: The file ends before.
    """
    while len(buffer):
        count = os.preadv(descriptor, [buffer], offset)
        if count == 0:
            raise bad(
                path, f"{len(buffer):,} more bytes at byte {offset:,}", "the end: it was cut off while it was read"
            )
        buffer, offset = buffer[count:], offset + count
