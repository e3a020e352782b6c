"""Compiled: mix places by the rounds of `outofcore.loaders.order.KeyedPermutation`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.compiled import compiled

Unsigned = NDArray[Any]
"""uint32, or uint64 where 32 bits are too few."""

CHUNK = 1 << 12
"""Places that are mixed at once: their numbers stay in the processor's first cache."""


@compiled
def walk(
    start: int,
    n: int,
    keys: Unsigned,
    mask: int,
    shift: int,
    mixed: Unsigned,
    outside: NDArray[np.int64],
    positions: NDArray[np.int64],
) -> None:
    """Give the positions of the places from `start` on.

    Args:
        start: First place.
        n: Number of samples.
        keys: What each round adds and multiplies by, shape `(rounds, 2)`; of the dtype that is reckoned in.
        mask: The bits of a place.
        shift: By how many bits a round shifts.
        mixed: Room for `CHUNK` places, of the dtype of the keys.
        outside: Room for `CHUNK` numbers.
        positions: Where the positions go.
    """
    for low in range(0, positions.size, CHUNK):
        count = min(CHUNK, positions.size - low)
        for index in range(count):
            mixed[index] = start + low + index
        _mix(keys, mask, shift, mixed, count)
        left = 0
        for index in range(count):
            positions[low + index] = mixed[index]
            outside[left] = index
            left += mixed[index] >= n
        while left:  # results of n or more go round again
            for index in range(left):
                mixed[index] = positions[low + outside[index]]
            _mix(keys, mask, shift, mixed, left)
            still = 0
            for index in range(left):
                place = outside[index]
                positions[low + place] = mixed[index]
                outside[still] = place
                still += mixed[index] >= n
            left = still


@compiled
def _mix(
    keys: Unsigned,
    mask: int,
    shift: int,
    mixed: Unsigned,
    count: int,
) -> None:
    """Permute the numbers of b bits, in place."""
    for round_ in range(len(keys)):
        add, multiply = keys[round_]
        for index in range(count):
            x = ((mixed[index] + add) * multiply) & mask
            mixed[index] = x ^ (x >> shift)
