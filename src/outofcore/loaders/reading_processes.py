"""Reader processes that share memory with the trainer and never import TensorFlow.

A child imports the source's module alone: 35 MB and under a second, where a plain pool would take
700 MB and 20 s, because it imports the parent's main module again.
"""

import contextlib
import mmap
import multiprocessing
import os
import signal
import sys
import threading
import time
import types
import weakref
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from multiprocessing.reduction import recv_handle, send_handle
from typing import Any

from numpy.typing import NDArray

from outofcore.errors import LoaderError
from outofcore.loaders.reading import Transform, chunks, described, late, read_chunk
from outofcore.loaders.selection import Wanted
from outofcore.loaders.shared_blocks import SharedBlock, SharedBlocks, block_size, buffers
from outofcore.sources.base import Positions, Source

SPAWN = multiprocessing.get_context("spawn")


class Child:
    """A reader process.

    Attributes:
        process: The process.
        connection: Our end of the pipe to it.
    """

    def __init__(self, process: SpawnProcess, connection: Connection) -> None:
        """Hold a process that has started."""
        self.process, self.connection = process, connection
        self._known: set[int] = set()

    def ask(self, block: SharedBlock, in_use: set[int], chunk: tuple[int, slice, Positions, int]) -> None:
        """Ask for a chunk: samples in the block, the chunk's place, its positions, the pass."""
        self._known &= in_use
        self.connection.send((block.number, in_use, *chunk))
        if block.number not in self._known:
            send_handle(self.connection, block.descriptor, self.process.pid)
            self._known.add(block.number)


class ProcessReader:
    """Reads chunks in spawned processes, which write into a shared block of memory.

    The arrays that are handed out lie in the block; it is used again when they are gone.

    Whatever goes wrong ends all processes and gives the blocks up, for a chunk that no one waits for
    may still be written into one. The next read begins with new ones.
    """

    def __init__(self, source: Source, transform: Transform | None, workers: int, timeout_seconds: float) -> None:
        """Describe the reader; its processes start with the first read."""
        self._source, self._transform = source, transform
        self._workers, self._timeout = workers, timeout_seconds
        self._children: list[Child] = []
        self._blocks = SharedBlocks()
        self._turn = threading.Lock()
        # to become a finalizer, which acts once, at the latest when the interpreter ends
        self._end_children: Callable[[], Any] = _nothing

    def read(self, positions: Wanted, pass_: int) -> dict[str, NDArray[Any]]:
        """Read the samples at positions; see `Reader.read`. Threads that read at the same time take turns.

        Raises:
            LoaderError: A process died, or the samples were not there within the time allowed.
        """
        with self._turn:  # each child answers in the order in which it was asked, whoever asks
            return self._read_or_end(positions, pass_)

    def _read_or_end(self, positions: Wanted, pass_: int) -> dict[str, NDArray[Any]]:
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
        count, places, fields = len(positions), positions[:], self._source.fields
        block = self._blocks.take(block_size(fields, count))
        waiting: set[Connection] = set()
        for child, chunk in zip(self._running(), chunks(count, self._workers), strict=False):
            child.ask(block, self._blocks.numbers(), (count, chunk, places[chunk], pass_))
            waiting.add(child.connection)
        while waiting:
            answered = waiting.intersection(wait(waiting, timeout=max(0.0, deadline - time.monotonic())))
            if not answered:
                raise TimeoutError
            for connection in answered:
                error = connection.recv()
                if error is not None:
                    raise error
            waiting -= answered
        return self._blocks.lend(block, fields, count)

    def _running(self) -> list[Child]:
        if not self._children:
            self._end_children = weakref.finalize(self, _end, self._children)
            _start(self._children, self._workers, self._source, self._transform)
        return self._children

    def close(self) -> None:
        """End the processes and give the shared memory up."""
        self._end_children()
        self._children, self._blocks = [], SharedBlocks()


def _start(children: list[Child], workers: int, source: Source, transform: Transform | None) -> None:
    """Start processes and add each to the list."""
    try:
        with _hidden_main(), _without_interrupts():
            for _ in range(workers):
                ours, theirs = SPAWN.Pipe()
                process = SPAWN.Process(target=_serve, args=(theirs, source, transform), daemon=True)
                with theirs:  # theirs alone to hold, so that its end is seen
                    process.start()
                children.append(Child(process, ours))
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
    for child in children:
        child.process.kill()
        child.connection.close()
    for child in children:
        child.process.join()


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
    blocks: dict[int, mmap.mmap] = {}
    while True:
        try:
            number, in_use, count, chunk, positions, pass_ = connection.recv()
        except EOFError:  # the parent is gone
            return
        blocks = {known: block for known, block in blocks.items() if known in in_use}
        if number not in blocks:
            blocks[number] = _mapped(recv_handle(connection))
        try:
            parts = {name: part[chunk] for name, part in buffers(blocks[number], source.fields, count).items()}
            read_chunk(source, transform, positions, pass_, parts)
        except Exception as error:
            connection.send(error)
        else:
            connection.send(None)


def _mapped(descriptor: int) -> mmap.mmap:
    try:
        return mmap.mmap(descriptor, 0)
    finally:
        os.close(descriptor)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
