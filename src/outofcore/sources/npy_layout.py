"""How a `.npy` file lies on disk, and whether that is what was declared.

The header is read with numpy's own functions, which take no object from it; what it claims is
compared with the declared form and with the file's size before any memory is asked for.
See https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
"""

import functools
import io
import math
import os
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.lib import format as npy

from outofcore.errors import DataError

MAGIC = b"\x93NUMPY"
PICKLE, ZIP = b"\x80", b"PK"
HEAD_BYTES = 1 << 12
"""Bytes in which a header must end; those of real numbers end after 128 as a rule."""

LARGEST_BYTES = 1 << 34
"""Bytes above which an array of another shape than the declared one is taken for an attack."""

REAL = "biuf"
"""Kinds of numpy dtypes that are real numbers."""

REMEDY = "Restore the file, or take it out of the data."

SHAPE_REMEDY = "Declare its shape in volume.shape and volume.channels, or restore the file."
DTYPE_REMEDY = "Declare another volume.dtype or volume.cast."


class UnsupportedVolumeError(DataError):
    """A file of a kind that this project does not take, whatever number of bad samples is allowed."""


@dataclass(frozen=True)
class VolumeForm:
    """The form in which arrays are declared.

    Attributes:
        shape: Sizes of the axes without the channels, any number of them.
        channels: Values at each place. With 1, files may have a last axis for it or none.
        dtype: Name of the dtype in which samples are handed on.
        cast: Which other dtypes files may have: `no` takes none, `same_kind` floats of any width where a
            float is declared and integers there too, `unsafe` any real one.
    """

    shape: tuple[int, ...]
    channels: int
    dtype: str
    cast: Literal["no", "same_kind", "unsafe"] = "same_kind"

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes that a file may have."""
        with_channels = (*self.shape, self.channels)
        return (with_channels, self.shape) if self.channels == 1 else (with_channels,)


@dataclass(frozen=True)
class Layout:
    """Where the values of a file lie.

    Attributes:
        header: The file's bytes before its values.
        shape: Shape of the array as numpy loads it.
        dtype: Dtype of the values on disk.
        fortran: Whether the first axis, not the last, is the one along which values lie side by side.
    """

    header: bytes
    shape: tuple[int, ...]
    dtype: "np.dtype[Any]"
    fortran: bool

    @property
    def nbytes(self) -> int:
        """Bytes of the values."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_layout(descriptor: int, form: VolumeForm, path: bytes) -> Layout:
    """Read a file's header and compare it with the declared form and the file's size.

    Args:
        descriptor: The open file.
        form: The form declared.
        path: The file's path, for the error message.

    Raises:
        UnsupportedVolumeError: It is no array of real numbers, claims more than anyone has, or has
            another dtype than may be cast.
        DataError: It is empty, cut off, has bytes after its end, or another shape.
    """
    layout = parse_header(os.pread(descriptor, HEAD_BYTES, 0), path)
    _check_dtype(layout.dtype, form, path)
    if layout.shape not in form.shapes:
        error = unsupported if layout.nbytes > LARGEST_BYTES else bad
        expected = " or ".join(_text(shape) for shape in form.shapes)
        raise error(path, f"an array of shape {expected}", _text(layout.shape), SHAPE_REMEDY)
    size, whole = os.fstat(descriptor).st_size, len(layout.header) + layout.nbytes
    if size != whole:
        kind = "one that is cut off" if size < whole else "more after its end"
        raise bad(path, f"{whole:,} bytes, as its header claims", f"{size:,}: {kind}")
    return layout


def parse_header(head: bytes, path: bytes) -> Layout:
    """Read a header from the first bytes of a file, at most `HEAD_BYTES` of them; its claims are not checked.

    Raises:
        DataError: It is none of numpy's.
    """
    wanted = "a .npy file with one array of real numbers"
    if head.startswith(ZIP):
        raise unsupported(path, wanted, "an archive such as .npz", "Save each array with numpy.save.")
    if head.startswith(PICKLE):
        raise unsupported(path, wanted, "a pickle, which could run code", "Save the array with numpy.save.")
    if not head.startswith(MAGIC):
        raise bad(path, wanted, "other bytes" if head else "an empty file")
    width = 2 if head[6:7] == b"\x01" else 4  # bytes that hold the header's length, by version
    end = 8 + width + int.from_bytes(head[8 : 8 + width], "little")
    if end > HEAD_BYTES:
        raise unsupported(path, f"a header of at most {HEAD_BYTES:,} bytes", f"one of {end:,}")
    try:
        return _layout(head[:end])
    except ValueError as error:
        raise bad(path, "a whole header of numpy's", str(error).splitlines()[0].removesuffix(".")) from error


@functools.lru_cache(maxsize=64)  # to parse a header takes longer than to read a small file
def _layout(header: bytes) -> Layout:
    stream = io.BytesIO(header)
    version = npy.read_magic(stream)
    shape, fortran, dtype = (npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0)(stream)
    if any(length < 0 for length in shape):
        raise ValueError(f"a shape of {shape}")
    # a single axis is in both orders
    return Layout(header, shape, dtype, bool(fortran) and len(shape) > 1)


def _check_dtype(dtype: "np.dtype[Any]", form: VolumeForm, path: bytes) -> None:
    if dtype.kind not in REAL or dtype.names is not None:
        raise unsupported(path, "an array of real numbers", f"one of {_dtype_text(dtype)}")
    declared = np.dtype(form.dtype)
    if not np.can_cast(dtype, declared, "equiv" if form.cast == "no" else form.cast):
        raise unsupported(
            path, f"values that can be cast to {declared} (volume.cast={form.cast})", str(dtype),
            DTYPE_REMEDY,
        )  # fmt: skip


def _dtype_text(dtype: "np.dtype[Any]") -> str:
    return {"O": "Python objects", "V": "structures"}.get(dtype.kind, str(dtype))


def _text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) if shape else "() of a single value"


def bad(path: bytes, expected: str, found: str, remedy: str = REMEDY) -> DataError:
    """Make the error for a file that cannot be a sample."""
    return DataError(f"{os.fsdecode(path)}: expected {expected}, found {found}. {remedy}")


def unsupported(path: bytes, expected: str, found: str, remedy: str = REMEDY) -> UnsupportedVolumeError:
    """Make the error for a file of a kind that is not taken."""
    return UnsupportedVolumeError(f"{os.fsdecode(path)}: expected {expected}, found {found}. {remedy}")
