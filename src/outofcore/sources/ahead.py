"""Let threads work ahead of whoever takes what they make."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
S = TypeVar("S")


def ahead(items: Iterable[T], count: int = 1) -> Iterator[T]:
    """Make items in a thread, at most `count` more than have been taken.

    An error of the maker is raised where its item would have been. When the taker stops, so does the
    thread.

    Args:
        items: What to make.
        count: How many may wait.
    """
    made: queue.Queue[tuple[bool, T | BaseException | None]] = queue.Queue(count)
    stopped = threading.Event()

    def put(last: bool, value: T | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                made.put((last, value), timeout=0.1)
                return
            except queue.Full:
                continue

    def make() -> None:
        try:
            for item in items:
                put(False, item)
                if stopped.is_set():
                    return
        except BaseException as error:  # handed to the taker, who raises it
            put(True, error)
        else:
            put(True, None)

    thread = threading.Thread(target=make, name="outofcore-ahead", daemon=True)
    thread.start()
    try:
        while True:
            last, value = made.get()
            if isinstance(value, BaseException):
                raise value
            if last:
                return
            yield value  # type: ignore[misc]
    finally:
        stopped.set()
        thread.join()


def map_ahead(function: Callable[[S], T], items: Iterable[S], threads: int) -> Iterator[T]:
    """Apply a function to items in threads, and give the results in the order of the items.

    An error of the function is raised where its result would have been.

    Args:
        function: What to apply.
        items: To what; taken in the calling thread, one for each thread ahead of the results.
        threads: How many threads.
    """
    pool = ThreadPoolExecutor(threads, "outofcore-ahead")
    results: deque[Future[T]] = deque()
    try:
        for item in items:
            results.append(pool.submit(function, item))
            if len(results) == threads:
                yield results.popleft().result()
        while results:
            yield results.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
