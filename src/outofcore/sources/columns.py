"""Columns held in memory, joined to a source of files."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.sources.base import Buffers, Field, Positions, Source, in_pass


class Columns:
    """A source with further fields from memory: labels and weights beside files on disk.

    Attributes:
        source: The source of the large fields.
        columns: An array per further field, shape `(len(source), *field.shape)`.
    """

    def __init__(self, source: Source, columns: Mapping[str, NDArray[Any]]) -> None:
        """Join columns to a source.

        Raises:
            ValueError: A column's length differs from the source's, or a name stands in both.
        """
        for name, column in columns.items():
            if len(column) != len(source):
                raise ValueError(f"Expected {len(source)} values in column {name!r}, received {len(column)}.")
            if name in source.fields:
                raise ValueError(f"Expected a new field name, received {name!r}, which the source has too.")
        self.source = source
        self.columns = dict(columns)
        self._own = {name: Field(column.shape[1:], column.dtype.name) for name, column in self.columns.items()}

    @property
    def fields(self) -> Mapping[str, Field]:
        """The fields of the source and of the columns."""
        return {**self.source.fields, **self._own}

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.source)

    def over(self, source: Source) -> "Columns":
        """The same columns of the same samples in another source."""
        return Columns(source, self.columns)

    def in_pass(self, pass_: int) -> "Columns":
        """The columns with their source as it is in a pass."""
        source = in_pass(self.source, pass_)
        return self if source is self.source else self.over(source)

    def read(self, positions: Positions, out: Buffers) -> None:
        """Read the source's fields and gather the columns; see `Source.read`."""
        self.source.read(positions, {name: out[name] for name in self.source.fields})
        for name, column in self.columns.items():
            np.take(column, positions, axis=0, out=out[name])

    def ids(self, positions: Positions) -> list[str]:
        """Give the sample IDs at positions."""
        return self.source.ids(positions)
