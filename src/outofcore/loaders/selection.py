"""Which samples of a source a loader reads: a split, or a part of one."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

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
