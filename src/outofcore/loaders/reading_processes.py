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
import time
import types
import weakref
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import LoaderError
from outofcore.loaders.reading import Transform, chunks, described, late, read_chunk
from outofcore.loaders.selection import Wanted
from outofcore.sources.base import Positions, Source

Child = tuple[SpawnProcess, Connection]
"""A reader process, and the parent's end of the pipe to it."""

SPAWN = multiprocessing.get_context("spawn")
ALIGNMENT = 64
"""Bytes to which each field's buffer is aligned in the shared block."""


class ProcessReader:
    """Reads chunks in spawned processes, which write into one shared block of memory.

    Whatever goes wrong ends all processes and gives the block up, for a chunk that no one waits for
    may still be written into it. The next read begins with new ones.
    """

    def __init__(self, source: Source, transform: Transform | None, workers: int, timeout_seconds: float) -> None:
        """Describe the reader; its processes start with the first read."""
        self._source, self._transform = source, transform
        self._workers, self._timeout = workers, timeout_seconds
        self._children: list[Child] = []
        self._block: SharedMemory | None = None
        # to become finalizers, which act once, at the latest when the interpreter ends
        self._end_children: Callable[[], Any] = _nothing
        self._free_block: Callable[[], Any] = _nothing

    def read(self, positions: Wanted, pass_: int) -> dict[str, NDArray[Any]]:
        """Read the samples at positions; see `Reader.read`.

        Raises:
            LoaderError: A process died, or the samples were not there within the time allowed.
        """
        try:
            return self._read(positions, pass_, time.monotonic() + self._timeout)
        except (EOFError, ConnectionError) as error:  # nobody at the other end
            self.close()
            raise LoaderError(
                f"{described(self._source, positions)}: expected {self._workers} reader processes at work, found that "
                "one ended by itself (killed, or out of memory). Run again with fewer loader.workers, or with "
                "loader.use_multiprocessing=false."
            ) from error
        except TimeoutError:
            self.close()
            raise late(self._source, positions, self._timeout) from None
        except BaseException:
            self.close()
            raise

    def _read(self, positions: Wanted, pass_: int, deadline: float) -> dict[str, NDArray[Any]]:
        count, places = len(positions), positions[:]
        block, children = self._block_for(count), self._running()
        waiting: set[Connection] = set()
        for (_, connection), chunk in zip(children, chunks(count, self._workers), strict=False):
            connection.send((block.name, count, chunk, places[chunk], pass_))
            waiting.add(connection)
        while waiting:
            answered = waiting.intersection(wait(waiting, timeout=max(0.0, deadline - time.monotonic())))
            if not answered:
                raise TimeoutError
            for connection in answered:
                error = connection.recv()
                if error is not None:
                    raise error
            waiting -= answered
        # copied out: Keras may keep an array while the block takes the next item
        return {name: buffer.copy() for name, buffer in _buffers(block, self._source, count).items()}

    def _running(self) -> list[Child]:
        if not self._children:
            self._end_children = weakref.finalize(self, _end, self._children)
            _start(self._children, self._workers, self._source, self._transform)
        return self._children

    def _block_for(self, count: int) -> SharedMemory:
        size = sum(_aligned(field.nbytes * count) for field in self._source.fields.values())
        if self._block is None or self._block.size < size:
            self._free_block()
            self._block = _allocate(max(size, 1))
            self._free_block = weakref.finalize(self, _free, self._block)
        return self._block

    def close(self) -> None:
        """End the processes and free the shared memory."""
        self._end_children()
        self._free_block()
        self._children, self._block = [], None


def _start(children: list[Child], workers: int, source: Source, transform: Transform | None) -> None:
    """Start processes and add each to the list."""
    try:
        with _hidden_main(), _without_interrupts():
            for _ in range(workers):
                ours, theirs = SPAWN.Pipe()
                child = SPAWN.Process(target=_serve, args=(theirs, source, transform), daemon=True)
                with theirs:  # theirs alone to hold, so that its end is seen
                    child.start()
                children.append((child, ours))
    except ConnectionError:
        raise
    except Exception as error:
        raise LoaderError(
            f"loader: expected to start {workers} reader processes and send them the source and the transform, found "
            f"{type(error).__name__}: {error}. Define both in a module rather than a notebook or a script, or set "
            "loader.use_multiprocessing=false."
        ) from error


def _end(children: list[Child]) -> None:
    """End processes at once: one that hangs would keep this process at its exit."""
    for child, connection in children:
        child.kill()
        connection.close()
    for child, _ in children:
        child.join()


def _free(block: SharedMemory) -> None:
    block.unlink()
    with contextlib.suppress(BufferError):  # another thread looks at it still; its name is gone already
        block.close()


def _allocate(size: int) -> SharedMemory:
    """Create shared memory whose pages are there: a full /dev/shm is an error, never a SIGBUS."""
    try:
        block = SharedMemory(create=True, size=size)
        try:
            backing = Path("/dev/shm") / block.name.lstrip("/")  # noqa: S108 (where Linux keeps it)
            if backing.exists():
                with backing.open("r+b") as file:
                    os.posix_fallocate(file.fileno(), 0, size)
        except OSError:
            _free(block)
            raise
    except OSError as error:
        raise LoaderError(
            f"shared memory (/dev/shm): expected {size} bytes, found: {error.strerror}. "
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


_MAIN = threading.Lock()


@contextlib.contextmanager
def _hidden_main() -> Iterator[None]:
    # a spawned child imports its parent's main module: for `kedro run` that is all of Kedro
    with _MAIN:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = types.ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    # children inherit the mask, so that Ctrl-C reaches the trainer alone, which decides what it means
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _nothing() -> None:
    """Stand in for a finalizer."""


def _serve(connection: Connection, source: Source, transform: Transform | None) -> None:
    """Read the chunks that the parent asks for, each with `None` or an error for an answer."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    block: SharedMemory | None = None
    while True:
        try:
            name, count, chunk, positions, pass_ = connection.recv()
        except EOFError:  # the parent is gone
            return
        try:
            if block is None or block.name != name:
                if block is not None:
                    block.close()
                block = SharedMemory(name=name)
            _read_into(block, source, transform, count, chunk, positions, pass_)
        except Exception as error:
            connection.send(error)
        else:
            connection.send(None)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _read_into(
    block: SharedMemory,
    source: Source,
    transform: Transform | None,
    count: int,
    chunk: slice,
    positions: Positions,
    pass_: int,
) -> None:
    parts: Mapping[str, NDArray[Any]] = {
        field: buffer[chunk] for field, buffer in _buffers(block, source, count).items()
    }
    read_chunk(source, transform, positions, pass_, parts)
