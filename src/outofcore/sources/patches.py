"""A part of each sample instead of the whole, central or drawn anew in every pass."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from outofcore import draws
from outofcore.sources.base import Buffers, Field, Positions, Source


class PartsSource(Source, Protocol):
    """A source that can read parts of its arrays."""

    def read_parts(self, positions: Positions, corners: NDArray[np.int64], out: Buffers) -> None:
        """Read the part of each sample that begins at its corner.

        Args:
            positions: Positions of the samples, int64, shape `(count,)`.
            corners: The parts' first places, int64, shape `(count, axes without the channels)`.
            out: A buffer for every field, shape `(count, *sizes of the part, channels)`.
        """


class Patches:
    """Parts of one size of a source's arrays.

    Attributes:
        source: The source of whole arrays, of one field with its channels last.
        shape: Sizes of a patch along each axis but the channels'.
        seed: Root of the draw of its place, or `None` for the middle.
        pass_: The pass that places are drawn for.
    """

    def __init__(self, source: PartsSource, shape: Sequence[int], seed: int | None, pass_: int = 0) -> None:
        """Describe patches; nothing is read yet."""
        self.source, self.shape, self.seed, self.pass_ = source, tuple(shape), seed, pass_

    @property
    def fields(self) -> Mapping[str, Field]:
        """The source's fields, in the size of a patch."""
        return {name: Field((*self.shape, field.shape[-1]), field.dtype) for name, field in self.source.fields.items()}

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.source)

    def over(self, source: PartsSource) -> "Patches":
        """The same patches of the same samples in another source."""
        return Patches(source, self.shape, self.seed, self.pass_)

    def in_pass(self, pass_: int) -> "Patches":
        """The patches of a pass."""
        return Patches(self.source, self.shape, self.seed, pass_)

    def read(self, positions: Positions, out: Buffers) -> None:
        """Read patches; see `Source.read`."""
        self.source.read_parts(positions, self.corners(positions), out)

    def corners(self, positions: Positions) -> NDArray[np.int64]:
        """First place of each sample's patch, int64, shape `(count, axes without the channels)`."""
        (field,) = self.source.fields.values()
        rooms: NDArray[Any] = np.subtract(field.shape[:-1], self.shape)
        if self.seed is None:
            return np.tile(rooms // 2, (len(positions), 1))
        drawn = draws.uniform(self.seed, self.pass_, "patch", positions, len(self.shape))
        return np.stack([draws.integers(drawn[:, axis], 0, room) for axis, room in enumerate(rooms)], axis=1)

    def ids(self, positions: Positions) -> list[str]:
        """Give the sample IDs at positions."""
        return self.source.ids(positions)
