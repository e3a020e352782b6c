"""Read the next item while the model trains on this one."""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

from outofcore.errors import LoaderError
from outofcore.training.schedule import Stretch, stretches

if TYPE_CHECKING:
    from outofcore.loaders.batch_loader import BatchLoader, Item

Plan = TypeVar("Plan")
Result = TypeVar("Result")

LOOK_SECONDS = 0.2
"""How often a waiting loop looks up to see whether it should stop."""

JOIN_SECONDS = 5.0
"""How long to wait for the last read to end."""


class Prefetch(Generic[Plan, Result]):
    """Runs `read` on every plan in a thread: one result waits while the next is being read.

    The thread is a daemon, so a read that hangs in a dead file system cannot keep the process.

    Attributes:
        waited_seconds: How long `next` has waited for results in all.
    """

    def __init__(self, plans: Iterable[Plan], read: Callable[[Plan], Result], timeout_seconds: float) -> None:
        """Start to read.

        Args:
            plans: What to read, in order.
            read: Reads the result of a plan.
            timeout_seconds: Longest wait for a result.
        """
        self._results: queue.Queue[tuple[Plan, Result] | BaseException | None] = queue.Queue(maxsize=1)
        self._timeout = timeout_seconds
        self._closed = threading.Event()
        self.waited_seconds = 0.0
        self._thread = threading.Thread(target=self._work, args=(plans, read), name="outofcore-prefetch", daemon=True)
        self._thread.start()

    def _work(self, plans: Iterable[Plan], read: Callable[[Plan], Result]) -> None:
        try:
            for plan in plans:
                self._put((plan, read(plan)))
                if self._closed.is_set():
                    return
            self._put(None)
        except BaseException as error:  # handed to the waiting thread, which raises it
            self._put(error)

    def _put(self, result: tuple[Plan, Result] | BaseException | None) -> None:
        while not self._closed.is_set():
            try:
                return self._results.put(result, timeout=LOOK_SECONDS)
            except queue.Full:
                continue

    def results(self, interrupted: Callable[[], bool] = lambda: False) -> Iterator[tuple[Plan, Result]]:
        """Iterate over plans and their results.

        Args:
            interrupted: Looked at while waiting; when true, the iteration ends early.

        Raises:
            LoaderError: No result came in time.
            Exception: Whatever `read` raised.
        """
        while not interrupted():
            result = self._next(interrupted)
            if isinstance(result, BaseException):
                if interrupted():  # a signal to all processes ends readers too
                    return
                raise result
            if result is None:
                return
            yield result

    def _next(self, interrupted: Callable[[], bool]) -> tuple[Plan, Result] | BaseException | None:
        began = time.perf_counter()
        try:
            while not interrupted():
                try:
                    return self._results.get(timeout=LOOK_SECONDS)
                except queue.Empty:
                    # a reader of several has its say first: it can name the samples
                    if time.perf_counter() - began > self._timeout + LOOK_SECONDS:
                        raise LoaderError(
                            f"loader: expected the next batches within {self._timeout:g} s, found nothing yet. "
                            "Look at the disk or the network share, or raise loader.timeout_seconds."
                        ) from None
            return None
        finally:
            self.waited_seconds += time.perf_counter() - began

    def close(self) -> None:
        """End the thread after the read that it is at; one that hangs is left behind."""
        self._closed.set()
        self._thread.join(timeout=JOIN_SECONDS)


def read_ahead(loader: "BatchLoader", steps: int | None = None) -> "Prefetch[Stretch, Item]":
    """Read the first `steps` batches of a loader's first pass, or all of them, one item ahead."""
    last = min(steps or loader.steps_per_pass, loader.steps_per_pass)
    plans = stretches(0, last, loader.steps_per_pass, loader.steps_per_call)
    return Prefetch(plans, lambda part: loader.read(0, part.start, part.stop), loader.timeout_seconds)
