"""In which of many ranges, laid end to end, do positions lie?"""

import numpy as np
from numpy.typing import NDArray

from outofcore.sources.base import Positions


class Ranges:
    """Ranges that follow each other without a gap, each of at least one position.

    A search among a thousand ranges costs a random position some 50 ns. A table with an entry for
    every 2**k positions, none larger than the shortest range but the last, costs 3: the entry names
    the range at its first position, and the range that holds the position is that or the next.

    Attributes:
        starts: First position of each range, and the end of the last; int64, from 0.
        loops: Whether compiled loops look positions up, which give the same.
    """

    def __init__(self, starts: NDArray[np.int64], loops: bool = False) -> None:
        """Take the ranges."""
        self.starts, self.loops = starts, loops
        lengths = np.diff(starts)
        shortest = int(lengths[:-1].min(initial=int(starts[-1]))) or 1
        # not more entries than this for very uneven ranges: they are searched
        self._shift = shortest.bit_length() - 1
        entries = (int(starts[-1]) >> self._shift) + 1
        self._table: NDArray[np.int64] | None = None
        if entries <= max(1 << 16, 8 * len(lengths)):
            firsts = np.arange(entries, dtype=np.int64) << self._shift
            self._table = np.searchsorted(starts[1:-1], firsts, side="right")
        self._ends = starts[1:]

    def of(self, positions: Positions) -> NDArray[np.int64]:
        """Give the number of the range of each position."""
        if self._table is None:
            return np.searchsorted(self.starts[1:-1], positions, side="right")
        found = self._table.take(positions >> self._shift, mode="clip")
        found += positions >= self._ends.take(found, mode="clip")
        return found

    def holding(self, positions: Positions) -> NDArray[np.int64]:
        """Give the numbers of the ranges that hold positions, in order."""
        held = np.zeros(len(self._ends), np.bool_)
        if self.loops and self._table is not None:
            from outofcore.sources.locating_loops import mark

            mark(self._table, self._shift, self._ends, positions, held)
        else:
            held[self.of(positions)] = True
        return np.flatnonzero(held)

    def moved(self, positions: Positions, by: NDArray[np.int64]) -> Positions:
        """Add to each position what `by` has for its range."""
        if self.loops and self._table is not None:
            from outofcore.sources.locating_loops import move

            places = np.empty_like(positions)
            move(self._table, self._shift, self._ends, positions, by, places)
            return places
        return positions + by.take(self.of(positions))
