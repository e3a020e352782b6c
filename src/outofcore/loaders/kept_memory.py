"""Memory of items that is used again, for to fill fresh pages takes longer than to read into old ones."""

import weakref
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.loaders.shared_blocks import block_size, buffers
from outofcore.sources.base import Field, aligned

LARGEST_KEPT = 64 << 20
"""Bytes up to which the memory of an item is kept."""


class KeptMemory:
    """Allocates the buffers of items; when the last array over an item's memory is gone, the next one may have it.

    One item's memory is kept at most, which is all that reading ahead leaves over.
    """

    def __init__(self) -> None:
        """Begin without memory."""
        self._free: deque[NDArray[np.uint8]] = deque(maxlen=1)

    def empty(self, fields: Mapping[str, Field], count: int) -> dict[str, NDArray[Any]]:
        """Allocate a buffer for `count` samples of every field, each shape `(count, *field.shape)`."""
        memory = self._take(block_size(fields, count))
        lent = np.frombuffer(memory.data, np.uint8)  # the owner of all arrays over it
        if len(memory) <= LARGEST_KEPT:
            weakref.finalize(lent, self._free.append, memory).atexit = False
        return buffers(lent, fields, count)

    def _take(self, size: int) -> NDArray[np.uint8]:
        try:
            memory = self._free.pop()
        except IndexError:  # threads may read at the same time, so that asking first would prove nothing
            return aligned(size)
        return memory if len(memory) >= size else aligned(size)
