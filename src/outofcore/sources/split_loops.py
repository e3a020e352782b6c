"""Compiled: the hash of `outofcore.sources.row_splits` for many rows."""

import numpy as np
from numpy.typing import NDArray

from outofcore.compiled import compiled


@compiled
def code_rows(
    first: np.uint64,
    golden: np.uint64,
    key: np.uint64,
    shifts: NDArray[np.uint64],
    multipliers: NDArray[np.uint64],
    limits: NDArray[np.uint64],
    codes: NDArray[np.uint8],
) -> None:
    """Hash the numbers of rows from `first` on, and count the limits that each hash reaches.

    Args:
        first: Number of the first row.
        golden: What numbers are multiplied by.
        key: What is added then.
        shifts: By how many bits each round shifts, and what shifts last, shape `(3,)`.
        multipliers: What each round multiplies by, shape `(2,)`.
        limits: The limits, shape `(2,)`.
        codes: Where the counts go.
    """
    for index in range(codes.size):
        x = (first + np.uint64(index)) * golden + key
        x = (x ^ (x >> shifts[0])) * multipliers[0]
        x = (x ^ (x >> shifts[1])) * multipliers[1]
        x ^= x >> shifts[2]
        codes[index] = (x >= limits[0]) + (x >= limits[1])
