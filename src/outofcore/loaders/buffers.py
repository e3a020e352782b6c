"""Memory that items are read into, used again.

Above 32 MiB the C library asks the system anew for each array, which clears every page: for a pack of
64 MiB an item that is a third of the time.
"""

import mmap
import weakref
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from outofcore.sources.base import Field

KEPT = 3
"""Free pieces of memory kept for each field: of the item in training, the one that waits, the one being read."""


class BufferPool:
    """Arrays for items, over memory that comes back when nobody holds the array any more.

    Whoever keeps an array, a view of it, a `memoryview` or a tensor that shares its memory keeps the
    memory with it: the array's own end gives it back. It begins at a page, so that TensorFlow takes
    the array over without a copy.
    """

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._free: dict[str, list[mmap.mmap]] = {}

    def take(self, fields: Mapping[str, Field], count: int) -> dict[str, "NDArray[np.generic]"]:
        """Give an array for each field, shape `(count, *field.shape)`; its values are any."""
        return {name: self._array(name, field, count) for name, field in fields.items()}

    def _array(self, name: str, field: Field, count: int) -> "NDArray[np.generic]":
        free = self._free.setdefault(name, [])
        nbytes = max(1, count * field.nbytes)
        memory = free.pop() if free else None
        if memory is None or len(memory) < nbytes:
            memory = mmap.mmap(-1, nbytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        # not over an array: numpy would make the views of this one views of that one
        array: NDArray[np.generic] = np.ndarray((count, *field.shape), field.dtype, buffer=memory)
        weakref.finalize(array, _give_back, free, memory).atexit = False
        return array


def _give_back(free: list[mmap.mmap], memory: mmap.mmap) -> None:
    if len(free) < KEPT:
        free.append(memory)
