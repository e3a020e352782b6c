"""Count, mean, spread and range of columns, gathered block by block in float64.

Blocks are joined as in T. F. Chan, G. H. Golub and R. J. LeVeque, "Updating formulae and a pairwise
algorithm for computing sample variances" (1979), so 500 million rows lose no digits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Moments:
    """What is known of some rows.

    Attributes:
        count: Number of rows.
        mean: Mean of each column, float64.
        squares: Sum of squared distances from the mean of each column, float64.
        low: Least value of each column.
        high: Greatest value of each column.
    """

    count: int
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def to_json(self, names: Sequence[str]) -> dict[str, dict[str, float]]:
        """Give `count`, `mean`, `std` (of the rows as the whole population), `min` and `max` of each column."""
        std = np.sqrt(self.squares / max(self.count, 1))
        values = zip(names, self.mean.tolist(), std.tolist(), self.low.tolist(), self.high.tolist(), strict=True)
        return {
            name: {"count": self.count, "mean": mean, "std": spread, "min": low, "max": high}
            for name, mean, spread, low, high in values
        }


def no_moments(columns: int) -> Moments:
    """Moments of no rows."""
    zeros = np.zeros(columns)
    return Moments(0, zeros, zeros, np.full(columns, np.inf), np.full(columns, -np.inf))


def moments_of(columns: Sequence[NDArray[Any]]) -> Moments:
    """Moments of some rows, given as their columns."""
    count = len(columns[0])
    if not count:
        return no_moments(len(columns))
    found = np.array([_moments(column) for column in columns])
    return Moments(count, *found.T)


def _moments(column: NDArray[Any]) -> tuple[float, float, float, float]:
    values = column.astype(np.float64)
    mean, low, high = float(values.mean()), float(values.min()), float(values.max())
    values -= mean
    values *= values
    return mean, float(values.sum()), low, high  # BLAS would sum otherwise with other numbers of threads


def join(one: Moments, other: Moments) -> Moments:
    """Moments of the rows of both."""
    count = one.count + other.count
    if not count:
        return one
    apart = other.mean - one.mean
    return Moments(
        count,
        one.mean + apart * (other.count / count),
        one.squares + other.squares + apart**2 * (one.count * other.count / count),
        np.minimum(one.low, other.low),
        np.maximum(one.high, other.high),
    )
