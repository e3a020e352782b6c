"""Progress of long stages: a bar in a terminal, a line now and then elsewhere."""

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator

log = logging.getLogger(__name__)

LINE_SECONDS = 10.0
"""Seconds between two lines where there is no terminal."""


@contextlib.contextmanager
def progress(description: str, total: int, unit: str = "samples", done: int = 0) -> Iterator[Callable[[int], None]]:
    """Show how far a stage is, with its rate and the time left.

    Args:
        description: What is being done, such as `validate`.
        total: How many there are to do.
        unit: What they are.
        done: How many were done by an earlier run; they do not count for the rate.

    Yields:
        A function that takes the number done since it was last called.
    """
    if sys.stdout.isatty():
        yield from _bar(description, total, unit, done)
    else:
        yield from _lines(description, total, unit, done)


def _bar(description: str, total: int, unit: str, before: int) -> Iterator[Callable[[int], None]]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    began = time.monotonic()
    with Progress(*columns) as bar:
        task = bar.add_task(description, total=total, completed=before, rate="")
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            rate = done / max(time.monotonic() - began, 1e-9)
            bar.update(task, advance=count, rate=f"{rate:,.0f} {unit}/s")

        yield advance


def _lines(description: str, total: int, unit: str, before: int) -> Iterator[Callable[[int], None]]:
    began = last = time.monotonic()
    done = before

    def advance(count: int) -> None:
        nonlocal done, last
        done += count
        now = time.monotonic()
        if now - last >= LINE_SECONDS and done < total:
            last = now
            rate = (done - before) / (now - began)
            left = f"{(total - done) / rate:.0f} s" if rate else "unknown time"
            log.info("%s: %d of %d %s, %.0f/s, %s left", description, done, total, unit, rate, left)

    yield advance
