"""Reader processes that share memory with the trainer and never import TensorFlow.

A child imports the source's module alone: 35 MB and under a second, where a plain pool would take
700 MB and 20 s, because it imports the parent's main module again.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import types
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import LoaderError
from outofcore.loaders.reading import Transform, chunks, late, read_chunk
from outofcore.sources.base import Positions, Source

ALIGNMENT = 64
"""Bytes to which each field's buffer is aligned in the shared block."""


class ProcessReader:
    """Reads chunks in spawned processes, which write into one shared block of memory."""

    def __init__(self, source: Source, transform: Transform | None, workers: int, timeout_seconds: float) -> None:
        """Start all processes at once."""
        self._source, self._timeout, self._workers = source, timeout_seconds, workers
        self._block: SharedMemory | None = None
        self._pool = ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start_child,
            initargs=(source, transform),
        )
        with _hidden_main():
            self._started: list[Future[None]] = [self._pool.submit(_nothing) for _ in range(workers)]

    def read(self, positions: Positions, pass_: int) -> dict[str, NDArray[Any]]:
        """Read the samples at positions; see `Reader.read`.

        Raises:
            LoaderError: A process died, or nothing came within the time allowed.
        """
        count = len(positions)
        block = self._block_for(count)
        try:
            futures = [
                self._pool.submit(_read_in_child, block.name, count, chunk, positions[chunk], pass_)
                for chunk in chunks(count, self._workers)
            ]
            for future in futures:
                future.result(timeout=self._timeout)
        except BrokenProcessPool as error:
            raise LoaderError(
                f"{self._described(positions)}: expected {self._workers} reader processes at work, found that one "
                "ended by itself (killed, or out of memory). Run again with fewer loader.workers, or with "
                "loader.use_multiprocessing=false."
            ) from error
        except TimeoutError:
            raise late(self._source, positions, self._timeout) from None
        # copied out: Keras may keep an array while the block takes the next item
        return {name: buffer.copy() for name, buffer in _buffers(block, self._source, count).items()}

    def _described(self, positions: Positions) -> str:
        first, last = self._source.ids(np.asarray(positions)[[0, -1]])
        return f"samples {first} to {last}"

    def _block_for(self, count: int) -> SharedMemory:
        size = sum(_aligned(field.nbytes * count) for field in self._source.fields.values())
        if self._block is None or self._block.size < size:
            self._free_block()
            self._block = _allocate(max(size, 1))
        return self._block

    def _free_block(self) -> None:
        if self._block is not None:
            self._block.close()
            self._block.unlink()
            self._block = None

    def close(self) -> None:
        """End the processes and free the shared memory."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._free_block()


def _allocate(size: int) -> SharedMemory:
    """Create shared memory whose pages are there: a full /dev/shm is an error, never a SIGBUS."""
    block = SharedMemory(create=True, size=size)
    backing = Path("/dev/shm") / block.name.lstrip("/")  # noqa: S108 (where Linux keeps it)
    try:
        if backing.exists():
            with backing.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        block.close()
        block.unlink()
        raise LoaderError(
            f"/dev/shm: expected {size} bytes of shared memory, found: {error.strerror}. "
            "Lower loader.steps_per_call, or read with threads (loader.use_multiprocessing=false)."
        ) from error
    return block


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _buffers(block: SharedMemory, source: Source, count: int) -> dict[str, NDArray[Any]]:
    """Lay the fields of `count` samples one after the other into a shared block."""
    buffers: dict[str, NDArray[Any]] = {}
    offset = 0
    for name, field in source.fields.items():
        buffers[name] = np.ndarray((count, *field.shape), field.dtype, buffer=block.buf, offset=offset)
        offset += _aligned(field.nbytes * count)
    return buffers


@contextlib.contextmanager
def _hidden_main() -> Iterator[None]:
    # a spawned child imports its parent's main module: for `kedro run` that is all of Kedro
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


_child: dict[str, Any] = {}
"""The source and the transform that this process reads with; empty in the parent."""


def _nothing() -> None:
    """Wake a child up."""


def _start_child(source: Source, transform: Transform | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the trainer decides what Ctrl-C means
    _child.update(source=source, transform=transform, block=None)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _read_in_child(name: str, count: int, chunk: slice, positions: Positions, pass_: int) -> None:
    block = _child["block"]
    if block is None or block.name != name:
        if block is not None:
            block.close()
        block = _child["block"] = SharedMemory(name=name)
    parts: Mapping[str, NDArray[Any]] = {
        field: buffer[chunk] for field, buffer in _buffers(block, _child["source"], count).items()
    }
    read_chunk(_child["source"], _child["transform"], positions, pass_, parts)
