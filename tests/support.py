"""Small sources and models that the tests share."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import DataError
from outofcore.sources.base import Field


class ArraySource:
    """Rows of arrays in memory, behind the interface of a source of files."""

    def __init__(self, **columns: NDArray[Any]) -> None:
        self.columns = columns
        self.fields: Mapping[str, Field] = {
            name: Field(column.shape[1:], column.dtype.name) for name, column in columns.items()
        }

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def read(self, positions: NDArray[np.int64], out: Mapping[str, NDArray[Any]]) -> None:
        for name, column in self.columns.items():
            out[name][...] = column[positions]

    def ids(self, positions: NDArray[np.int64]) -> list[str]:
        return [f"row {position}" for position in positions.tolist()]


class FailingSource(ArraySource):
    """Fails when it reads the sample at `bad`, in the way that `how` says."""

    def __init__(self, bad: int, how: str, **columns: NDArray[Any]) -> None:
        super().__init__(**columns)
        self.bad, self.how = bad, how

    def read(self, positions: NDArray[np.int64], out: Mapping[str, NDArray[Any]]) -> None:
        import os
        import signal
        import time

        if self.bad in positions:
            if self.how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            elif self.how == "hang":
                time.sleep(3600)
            elif self.how == "none":
                out["x"][...] = None  # a sample that reads as None
            else:
                raise ValueError(self.how)
        super().read(positions, out)


class CountingSource(ArraySource):
    """Remembers what was read, and may stop at a position as a run that is killed."""

    def __init__(self, stop_at: int | None = None, **columns: Any) -> None:
        super().__init__(**columns)
        self.seen: list[int] = []
        self.stop_at = stop_at

    def read(self, positions: Any, out: Any) -> None:
        if self.stop_at in positions:
            raise KeyboardInterrupt
        self.seen += positions.tolist()
        super().read(positions, out)


class BadSource(ArraySource):
    """Cannot read the samples at some positions."""

    def __init__(self, bad: Any, **columns: Any) -> None:
        super().__init__(**columns)
        self.bad = set(bad)

    def read(self, positions: Any, out: Any) -> None:
        for position in positions.tolist():
            if position in self.bad:
                raise DataError(f"row {position}: expected a number, found none. Mend it.")
        super().read(positions, out)


class DelayedSource(ArraySource):
    """Takes its time over some samples, and fails at the sample at `bad`."""

    def __init__(self, delays: Mapping[int, float], bad: int | None = None, **columns: NDArray[Any]) -> None:
        super().__init__(**columns)
        self.delays, self.bad = delays, bad

    def read(self, positions: NDArray[np.int64], out: Mapping[str, NDArray[Any]]) -> None:
        import time

        time.sleep(max((self.delays.get(position, 0.0) for position in positions.tolist()), default=0.0))
        if self.bad is not None and self.bad in positions:
            raise ValueError("a bad sample")
        super().read(positions, out)


class SlowToSend(ArraySource):
    """Takes a while to be sent to a process, and notes which main module such a process would import."""

    mains: list[object] = []  # noqa: RUF012 (one list for all copies)

    def __getstate__(self) -> dict[str, Any]:
        import sys
        import time

        self.mains.append(sys.modules["__main__"])
        time.sleep(0.4)
        return self.__dict__


def add_pass(samples: Mapping[str, NDArray[Any]], positions: NDArray[np.int64], pass_: int) -> None:
    """A transform that depends on all that it is given; in place, so twice is not once."""
    samples["x"][...] += (positions % 7 + 10 * pass_ + 1).reshape(-1, *[1] * (samples["x"].ndim - 1))


def rows(count: int, features: int = 5, seed: int = 0) -> dict[str, NDArray[Any]]:
    """Rows of a binary problem that a small net can learn."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, features)).astype(np.float32)
    y = (x.sum(axis=1) + rng.normal(scale=0.5, size=count) > 0).astype(np.int32)
    return {"x": x, "y": y, "w": rng.uniform(0.5, 2.0, count).astype(np.float32)}
