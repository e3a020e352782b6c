"""Look at `.npy` files one by one: of a form that is taken, whole, and of finite values."""

import hashlib
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import DataError
from outofcore.sources.findings import Finding
from outofcore.sources.npy_files import opened
from outofcore.sources.npy_layout import Layout, UnsupportedVolumeError, VolumeForm, bad, read_layout
from outofcore.sources.npy_parts import fill

BLOCK_BYTES = 1 << 20
"""Bytes of a file that are held at once; a multiple of every dtype's size."""


def inspect_volumes(root: str, names: list[str], form: VolumeForm) -> list[Finding]:
    """Look at files below a folder; nothing is raised, whatever they are.

    Args:
        root: The folder.
        names: File names below it.
        form: The form that arrays must have.
    """
    before = os.fsencode(root) + b"/"
    buffer = bytearray(BLOCK_BYTES)
    return [_inspect(before + name.encode(), form, memoryview(buffer)) for name in names]


def _inspect(path: bytes, form: VolumeForm, buffer: memoryview) -> Finding:
    try:
        descriptor = opened(path)
    except DataError as error:
        return Finding(0, str(error))
    try:
        layout = read_layout(descriptor, form, path)
        return Finding(_content(descriptor, layout, form, path, buffer), "")
    except OSError as error:
        return Finding(0, str(bad(path, "a readable .npy file", (error.strerror or "an error").lower())))
    except DataError as error:
        return Finding(0, str(error), refused=isinstance(error, UnsupportedVolumeError))
    finally:
        os.close(descriptor)


def _content(descriptor: int, layout: Layout, form: VolumeForm, path: bytes, buffer: memoryview) -> int:
    """Hash a file's bytes and look at its values, block by block."""
    hashed = hashlib.blake2b(layout.header, digest_size=8)
    start, end = len(layout.header), len(layout.header) + layout.nbytes
    for offset in range(start, end, BLOCK_BYTES):
        block = buffer[: min(BLOCK_BYTES, end - offset)]
        fill(descriptor, block, offset, path)
        hashed.update(block)
        values = np.frombuffer(block, layout.dtype)
        check_finite(values, form.dtype, path, first=(offset - start) // layout.dtype.itemsize)
    return int.from_bytes(hashed.digest(), "little")


def check_finite(values: NDArray[Any], dtype: str, path: bytes, first: int = 0) -> None:
    """Refuse values that are not finite in the dtype in which they are handed on.

    Args:
        values: Values of a file, shape `(count,)`.
        dtype: The dtype declared.
        path: The file's path, for the error message.
        first: Number of the first of them in the file.

    Raises:
        DataError: One is not.
    """
    with np.errstate(over="ignore"):  # what the declared dtype cannot hold becomes infinite
        finite = np.isfinite(values.astype(dtype, copy=False))
    if not finite.all():
        place = int(finite.argmin())
        raise bad(path, f"finite values of {dtype}", f"{values[place]} as value {first + place:,}")
