"""Compiled: look many positions up in the table of `outofcore.sources.locating.Ranges`."""

import numpy as np
from numpy.typing import NDArray

from outofcore.compiled import compiled


@compiled
def mark(
    table: NDArray[np.int64],
    shift: int,
    ends: NDArray[np.int64],
    positions: NDArray[np.int64],
    held: NDArray[np.bool_],
) -> None:
    """Set `held` for every range that holds a position."""
    for index in range(positions.size):
        found = table[positions[index] >> shift]
        held[found + (positions[index] >= ends[found])] = True


@compiled
def move(
    table: NDArray[np.int64],
    shift: int,
    ends: NDArray[np.int64],
    positions: NDArray[np.int64],
    by: NDArray[np.int64],
    places: NDArray[np.int64],
) -> None:
    """Add to each position what `by` has for its range, into `places`."""
    for index in range(positions.size):
        found = table[positions[index] >> shift]
        places[index] = positions[index] + by[found + (positions[index] >= ends[found])]
