"""An order that stays near: blocks are shuffled, and samples within a window of some blocks.

For data that must be read block by block. A sample can come to any place of the pass, for its block
can; but those that come after each other are of the same few blocks.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import LoaderError
from outofcore.sources.locating import Ranges


@dataclass(frozen=True)
class Blocks:
    """How samples lie together.

    Attributes:
        sizes: Number of samples of each block, int64.
        window: Number of blocks whose samples are mixed.
    """

    sizes: NDArray[np.int64]
    window: int

    @functools.cached_property
    def reach(self) -> int:
        """Samples among which one is mixed, at most: how far two can come apart that the window does not part."""
        return int(np.sort(self.sizes)[-self.window :].sum())

    @functools.cached_property
    def starts(self) -> NDArray[np.int64]:
        """Position of the first sample of each block."""
        return np.cumsum(self.sizes) - self.sizes


class BlockOrder:
    """Blocks in an order of their own, cut into windows; the samples of a window in one of theirs.

    Args:
        blocks: How samples lie together.
        order_of_blocks: The order of the blocks.
        order_within: Gives the order of a window from its number and its number of samples.
        loops: Whether to use compiled loops, which give the same.
    """

    def __init__(
        self, blocks: Blocks, order_of_blocks: Any, order_within: Callable[[int, int], Any], loops: bool = False
    ) -> None:
        self._order_within, self._loops = order_within, loops
        self._window = blocks.window
        in_order = self._in_order = order_of_blocks.take(0, len(blocks.sizes))
        self._starts = blocks.starts[in_order]
        # place in the pass at which each block begins, and the end of the last
        self._places = np.concatenate([[0], np.cumsum(blocks.sizes[in_order])]).astype(np.int64)
        self._bounds = np.append(self._places[: -1 : self._window], self._places[-1])

    def __len__(self) -> int:
        return int(self._places[-1])

    def take(self, start: int, stop: int) -> NDArray[np.int64]:
        """See `outofcore.loaders.order.Order.take`."""
        check_range(start, stop, len(self))
        positions = np.empty(stop - start, np.int64)
        first = int(np.searchsorted(self._bounds, start, side="right")) - 1
        for window in range(max(first, 0), len(self._bounds) - 1):
            low, high = int(self._bounds[window]), int(self._bounds[window + 1])
            if low >= stop:
                break
            begin, end = max(start, low), min(stop, high)
            positions[begin - start : end - start] = self._within(window, begin - low, end - low)
        return positions

    def blocks_near(self, place: int) -> list[int]:
        """Numbers of the blocks of the window with a place of the pass, and of the two windows after it."""
        window = int(np.searchsorted(self._bounds, place, side="right")) - 1
        near: list[int] = self._in_order[window * self._window : (window + 3) * self._window].tolist()
        return near

    def _within(self, window: int, start: int, stop: int) -> NDArray[np.int64]:
        """Positions of the samples at some places of a window."""
        blocks = slice(window * self._window, (window + 1) * self._window)
        places = self._places[blocks.start : blocks.stop + 1]
        starts = places - places[0]
        taken: NDArray[np.int64] = self._order_within(window, int(starts[-1])).take(start, stop)
        # the samples of a block lie together in the window as in the source, but elsewhere
        return Ranges(starts, self._loops).moved(taken, self._starts[blocks] - starts[:-1])


def check_range(start: int, stop: int, n: int) -> None:
    """Refuse places outside of a pass of n samples.

    Raises:
        LoaderError: A place beyond n would silently give a sample a second time.
    """
    if not 0 <= start <= stop <= n:
        raise LoaderError(f"Order: expected places within 0 to {n}, found {start} to {stop}. Ask within the pass.")
