"""Which samples of a source a loader reads: a split, or a part of one."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from outofcore.loaders.block_order import check_range
from outofcore.sources.base import Positions


class Selection(Protocol):
    """A sequence of positions in a source that need not be held in memory."""

    def __len__(self) -> int:
        """Number of samples selected."""

    def positions(self, indices: NDArray[np.int64]) -> Positions:
        """Positions in the source of the samples with these indices in the selection."""


class Range:
    """Samples that lie side by side in the source.

    Attributes:
        start: First position.
        stop: Position after the last.
    """

    def __init__(self, start: int, stop: int) -> None:
        """Select `start` to `stop`."""
        self.start, self.stop = start, stop

    def __len__(self) -> int:
        """Number of samples selected."""
        return self.stop - self.start

    def positions(self, indices: NDArray[np.int64]) -> Positions:
        """Shift indices by the start."""
        return indices + self.start if self.start else indices


class Chosen:
    """Samples at listed positions.

    Attributes:
        chosen: Positions in the source, int64, shape `(count,)`.
    """

    def __init__(self, chosen: Sequence[int] | NDArray[np.int64]) -> None:
        """Select listed positions."""
        self.chosen = np.asarray(chosen, np.int64)

    def __len__(self) -> int:
        """Number of samples selected."""
        return len(self.chosen)

    def positions(self, indices: NDArray[np.int64]) -> Positions:
        """Look the positions up."""
        return self.chosen[indices]


class Places:
    """Samples at some places of a pass, whose positions are computed for the part that is asked for.

    So readers that each take a part share that work too. An array of all is `np.asarray(places)`.

    Attributes:
        selection: Which samples of the source.
        order: Their order in the pass.
        start: First place.
        stop: Place after the last.
    """

    def __init__(self, selection: Selection, order: Any, start: int, stop: int) -> None:
        """Describe places.

        Raises:
            LoaderError: They are not all within the pass.
        """
        check_range(start, stop, len(selection))
        self.selection, self.order, self.start, self.stop = selection, order, start, stop

    def __len__(self) -> int:
        """Number of samples."""
        return self.stop - self.start

    def __getitem__(self, part: slice) -> Positions:
        """Compute the positions of a part."""
        low, high, _ = part.indices(len(self))
        return self.selection.positions(self.order.take(self.start + low, self.start + high))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Compute all positions."""
        return self[:].astype(dtype or np.int64, copy=False)


Wanted = Positions | Places
"""What a reader is asked for."""
