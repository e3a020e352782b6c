"""Blocks of memory that several processes write into, handed out as arrays and used again."""

import itertools
import mmap
import os
import tempfile
import weakref
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import LoaderError
from outofcore.sources.base import ALIGNMENT, Field

SHM = Path("/dev/shm")  # noqa: S108 (where Linux keeps shared memory)

MOST_LENT = 4
"""Blocks that may be lent at the same time: the item that trains, the one that waits, the one that is read,
and one to spare."""


class SharedBlock:
    """Memory backed by a file without a name, so that nothing is left behind whoever is killed.

    Attributes:
        number: By which it is known.
        descriptor: The file, for other processes to map.
        memory: The map of it.
    """

    def __init__(self, number: int, size: int) -> None:
        """Allocate a block whose pages are there: a full /dev/shm is an error, never a SIGBUS.

        Raises:
            LoaderError: There is no room.
        """
        self.number = number
        try:
            with tempfile.TemporaryFile(dir=SHM if SHM.is_dir() else None, buffering=0) as file:
                os.posix_fallocate(file.fileno(), 0, size)
                self.memory = mmap.mmap(file.fileno(), size)
                self.descriptor = os.dup(file.fileno())
        except OSError as error:
            raise LoaderError(
                f"shared memory (/dev/shm): expected {size} bytes, found: {error.strerror}. "
                "Lower loader.steps_per_call, or read with threads (loader.use_multiprocessing=false)."
            ) from error
        weakref.finalize(self, os.close, self.descriptor)

    def __len__(self) -> int:
        """Bytes of the block."""
        return len(self.memory)


class SharedBlocks:
    """Lends blocks as arrays; when the last array over a block is gone, the block is used again."""

    def __init__(self) -> None:
        """Begin without a block."""
        self._numbers = itertools.count()
        self._free: deque[SharedBlock] = deque()
        self._all: weakref.WeakSet[SharedBlock] = weakref.WeakSet()

    def take(self, size: int) -> SharedBlock:
        """Take a block of at least so many bytes; one that is not given on by `lend` is dropped.

        Raises:
            LoaderError: There is no room for a new one.
        """
        while self._free:
            block = self._free.popleft()
            if len(block) >= size:
                return block
        block = SharedBlock(next(self._numbers), size)
        self._all.add(block)
        return block

    def numbers(self) -> set[int]:
        """Numbers of the blocks that are still in use, or will be again."""
        return {block.number for block in self._all}

    def lend(self, block: SharedBlock, fields: Mapping[str, Field], count: int) -> dict[str, NDArray[Any]]:
        """Give the samples in a block as arrays of the caller's own."""
        if len(self._all) - len(self._free) > MOST_LENT:  # somebody collects items: the block must not be waited for
            copies = {name: buffer.copy() for name, buffer in buffers(block.memory, fields, count).items()}
            self._free.append(block)
            return copies
        whole = np.frombuffer(block.memory, np.uint8)
        weakref.finalize(whole, self._free.append, block).atexit = False
        return buffers(whole, fields, count)


def block_size(fields: Mapping[str, Field], count: int) -> int:
    """Bytes that `count` samples take in a block; at least one."""
    return max(1, sum(_aligned(field.nbytes * count) for field in fields.values()))


def buffers(memory: Any, fields: Mapping[str, Field], count: int) -> dict[str, NDArray[Any]]:
    """Lay the fields of `count` samples one after the other into memory, each aligned to `ALIGNMENT`."""
    laid: dict[str, NDArray[Any]] = {}
    offset = 0
    for name, field in fields.items():
        laid[name] = np.ndarray((count, *field.shape), field.dtype, buffer=memory, offset=offset)
        offset += _aligned(field.nbytes * count)
    return laid


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
