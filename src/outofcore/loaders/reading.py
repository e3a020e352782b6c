"""Read many samples at once: in the calling thread, in threads, or in processes of our own.

Keras's own workers read one small batch each, hang when a worker dies and race at the start of an
epoch; here a whole item of many batches is cut into large chunks instead. Whoever reads a sample,
the buffers hold the same bytes afterwards.
"""

import contextlib
import math
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import LoaderError, OutOfCoreError
from outofcore.loaders.kept_memory import KeptMemory
from outofcore.loaders.selection import Wanted
from outofcore.sources.base import Positions, Source, in_pass

Transform = Callable[[Mapping[str, NDArray[Any]], Positions, int], None]
"""Changes samples in place: the fields' buffers, the samples' positions, the pass."""

Task = tuple[Wanted, slice, int, Mapping[str, NDArray[Any]], "queue.SimpleQueue[BaseException | None]"]
"""The samples of an item, the chunk of them, the pass, the chunk's part of the buffers, where to tell the outcome."""

SMALLEST_CHUNK = 32
"""Samples under which handing work to another reader costs more than it brings."""


class Reader(Protocol):
    """Reads samples into buffers of the caller's own."""

    def read(self, positions: Wanted, pass_: int) -> dict[str, NDArray[Any]]:
        """Read the samples at positions, transformed for a pass."""

    def close(self) -> None:
        """End the readers."""


def read_chunk(
    source: Source, transform: Transform | None, positions: Positions, pass_: int, out: Mapping[str, NDArray[Any]]
) -> None:
    """Read one chunk into its part of the buffers and transform it there.

    Raises:
        DataError: A sample cannot be read.
        LoaderError: The source failed in a way of its own; the message names the sample.
    """
    try:
        in_pass(source, pass_).read(positions, out)
        if transform is not None:
            transform(out, positions, pass_)
    except OutOfCoreError:
        raise
    except Exception as error:
        if len(positions) > 1:  # which one is it?
            for row in range(len(positions)):
                one = slice(row, row + 1)
                read_chunk(source, transform, positions[one], pass_, {name: part[one] for name, part in out.items()})
        raise LoaderError(
            f"{described(source, positions)}: expected to be readable, found {type(error).__name__}: {error}. "
            "Look at what the source reads there."
        ) from error


def chunks(count: int, workers: int) -> Iterator[slice]:
    """Cut `count` samples into a chunk for each worker, none smaller than is worth handing on.

    One chunk each: a second one to even them out costs more in threads that wake each other than it
    brings (measured: images, volumes and rows are 10 to 30 % faster with one).
    """
    size = max(SMALLEST_CHUNK, math.ceil(count / workers))
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


class InlineReader:
    """Reads in the calling thread."""

    def __init__(self, source: Source, transform: Transform | None) -> None:
        """Hold the source."""
        self._source, self._transform = source, transform
        self._memory = KeptMemory()

    def read(self, positions: Wanted, pass_: int) -> dict[str, NDArray[Any]]:
        """Read the samples at positions; see `Reader.read`."""
        out = self._memory.empty(self._source.fields, len(positions))
        read_chunk(self._source, self._transform, positions[:], pass_, out)
        return out

    def close(self) -> None:
        """Nothing to end."""


class ThreadReader:
    """Reads chunks in threads, which pays where reading releases the interpreter's lock.

    The threads are daemons: one that hangs in a dead file system must not keep the process.
    """

    def __init__(self, source: Source, transform: Transform | None, workers: int, timeout_seconds: float) -> None:
        """Start the threads."""
        self._source, self._transform, self._timeout = source, transform, timeout_seconds
        self._workers, self._memory = workers, KeptMemory()
        self._start()

    def _start(self) -> None:
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        for number in range(self._workers):
            arguments = (number, self._workers, self._source, self._transform, self._tasks)
            threading.Thread(target=_work, args=arguments, name="outofcore-reader", daemon=True).start()

    def read(self, positions: Wanted, pass_: int) -> dict[str, NDArray[Any]]:
        """Read the samples at positions; see `Reader.read`.

        Raises:
            LoaderError: The samples were not there within the time allowed.
        """
        deadline = time.monotonic() + self._timeout
        out = self._memory.empty(self._source.fields, len(positions))
        done: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        pending = list(chunks(len(positions), self._workers))
        for chunk in pending:
            part = {name: buffer[chunk] for name, buffer in out.items()}
            self._tasks.put((positions, chunk, pass_, part, done))
        try:
            for _ in pending:
                error = done.get(timeout=max(0.0, deadline - time.monotonic()))
                if error is not None:
                    raise error
        except queue.Empty:
            self.close()
            self._start()  # the next read must not wait for threads that hang
            raise late(self._source, positions, self._timeout) from None
        return out

    def close(self) -> None:
        """End the threads."""
        for _ in range(self._workers):
            self._tasks.put(None)


def _work(
    number: int, workers: int, source: Source, transform: Transform | None, tasks: "queue.SimpleQueue[Task | None]"
) -> None:
    _keep_to_share(number, workers)
    while (task := tasks.get()) is not None:
        positions, chunk, pass_, part, done = task
        outcome = None
        try:
            read_chunk(source, transform, positions[chunk], pass_, part)
        except BaseException as error:  # handed to the waiting thread, which raises it
            outcome = error
        del task, part  # so that whoever takes the buffers is alone with them: see KeptMemory
        done.put(outcome)
        del outcome


def _keep_to_share(number: int, workers: int) -> None:
    """Keep this thread to a share of the processors that no other reader has, as far as there are enough.

    Linux wakes a thread where it ran last, or near whoever woke it: two that wait for the same caller can go on
    to take turns at one processor for minutes while another is idle (measured: half the speed).
    """
    if sys.platform == "linux":
        allowed = sorted(os.sched_getaffinity(0))
        with contextlib.suppress(OSError):  # the processors allowed have just changed
            os.sched_setaffinity(0, allowed[number % len(allowed) :: workers])


def late(source: Source, positions: Wanted, seconds: float) -> LoaderError:
    """Make the error for an item that did not come in time."""
    return LoaderError(
        f"{described(source, positions)}: expected to be read within {seconds:g} s, found nothing yet. "
        "Look at the disk or the network share, or raise loader.timeout_seconds."
    )


def described(source: Source, positions: Wanted) -> str:
    """Name samples by the first ID and the last, as an error's first words."""
    ends = source.ids(np.asarray(positions)[[0, -1]])
    return f"sample {ends[0]}" if len(positions) == 1 else f"samples {ends[0]} to {ends[1]} ({len(positions)} of them)"
