"""What every source of samples offers.

A source knows what lies on disk and how to read it into buffers that the caller owns. It holds
names and offsets, never the data, and knows neither Keras nor Kedro, so a reader process that
imports it starts in a fraction of a second.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

ALIGNMENT = 64
"""Bytes to which buffers are aligned: a copy into one is faster, and TensorFlow takes it over without another."""

Positions = NDArray[np.int64]
Buffers = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Field:
    """The form of one field of a sample.

    Attributes:
        shape: Shape of a single sample's array; `()` for a scalar.
        dtype: Name of its numpy dtype.
    """

    shape: tuple[int, ...]
    dtype: str

    def empty(self, count: int) -> NDArray[Any]:
        """Allocate a buffer for `count` samples, shape `(count, *shape)`."""
        return np.ndarray((count, *self.shape), self.dtype, aligned(count * self.nbytes))

    @property
    def nbytes(self) -> int:
        """Bytes of a single sample."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


def aligned(size: int) -> NDArray[np.uint8]:
    """Allocate bytes that begin at a multiple of `ALIGNMENT`, shape `(size,)`."""
    memory = np.empty(size + ALIGNMENT, np.uint8)
    first = -memory.ctypes.data % ALIGNMENT
    return memory[first : first + size]


class Source(Protocol):
    """Samples on disk that can be read at any position."""

    @property
    def fields(self) -> Mapping[str, Field]:
        """The fields of a sample by name."""

    def __len__(self) -> int:
        """Number of samples."""

    def read(self, positions: Positions, out: Buffers) -> None:
        """Read samples into buffers.

        Args:
            positions: Positions of the samples, int64, shape `(count,)`.
            out: A buffer for every field, shape `(count, *field.shape)`; row i receives the
                sample at `positions[i]`.

        Raises:
            DataError: A sample cannot be read; the message names its file.
        """

    def ids(self, positions: Positions) -> list[str]:
        """Give the sample IDs at positions."""


def in_pass(source: Source, pass_: int) -> Source:
    """Give a source as it is in a pass: most are the same in all, the others have a method of this name.

    Such a source reads otherwise in every pass, such as a patch from a place that is drawn.
    """
    of_pass: Callable[[int], Source] | None = getattr(source, "in_pass", None)
    return source if of_pass is None else of_pass(pass_)
