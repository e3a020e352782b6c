"""Stream a source through a model into a table, in memory that does not grow with the source."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.backend import keras
from outofcore.errors import DataError
from outofcore.loaders.readers import open_reader
from outofcore.loaders.reading import Reader
from outofcore.progress_bar import progress
from outofcore.sources.base import Positions, Source
from outofcore.table_parts import TableParts
from outofcore.training.prefetch import Prefetch
from outofcore.training.stopping import STOP
from outofcore.training.table_prediction import Columns, Piece, predict_pieces
from outofcore.types import LoaderSettings

Problems = dict[int, str]
"""What is wrong with samples, by their place in a call."""


def predict_into(
    parts: TableParts,
    source: Source,
    net: "keras.Model",
    columns: Columns,
    *,
    x: str,
    loader: LoaderSettings,
    part_samples: int,
    every_seconds: float,
    skip_bad: bool,
) -> float:
    """Predict the samples that a table does not hold yet.

    Batches begin at the same samples wherever a run before ended, and hold bad samples as zeros, so
    the same samples give the same bits.

    Args:
        parts: The table: `sample_id`, the columns, and `problem`.
        source: What to predict, in its own order.
        net: A model with one input.
        columns: Turns outputs into columns.
        x: Field of the source that is the model's input.
        loader: How batches are read; neither shuffled nor left out.
        part_samples: Most samples between two saves.
        every_seconds: Longest time between two saves, but for the call that is under way.
        skip_bad: Whether bad samples are noted and left out, rather than end the run.

    Returns:
        Samples per second of this run.

    Raises:
        DataError: A sample is bad, or all of a call are; or the model gives no finite numbers.
        SystemExit: A signal asked to stop; what was done is saved.
    """
    reader = open_reader(source, None, loader.workers, loader.use_multiprocessing, loader.timeout_seconds)
    plans = _plans(parts.done, len(source), loader.batch_size * loader.steps_per_call)
    ahead = Prefetch(plans, lambda positions: _read(reader, positions, x, skip_bad), loader.timeout_seconds)
    with (
        contextlib.closing(reader),
        contextlib.closing(ahead),
        progress("predict", len(source), done=parts.done) as advance,
    ):
        return predict_pieces(
            parts,
            (
                Piece(source.ids(positions), samples, problems, len(positions))
                for positions, (samples, problems) in ahead.results(lambda: STOP.pending)
            ),
            net,
            columns,
            key="sample_id",
            kind="sample",
            batch_size=loader.batch_size,
            part_samples=part_samples,
            every_seconds=every_seconds,
            advance=advance,
        )


def _plans(start: int, stop: int, size: int) -> Iterator[Positions]:
    for first in range(start, stop, size):
        yield np.arange(first, min(first + size, stop))


def _read(reader: Reader, positions: Positions, x: str, skip_bad: bool) -> tuple[NDArray[Any], Problems]:
    try:
        return reader.read(positions, 0)[x], {}
    except DataError as error:
        if not skip_bad:
            raise DataError(f"{error} Or set predict.bad_samples=skip; the run goes on from here.") from error
    parts, problems = zip(*_read_around(reader, positions, x), strict=True)
    found = {position - int(positions[0]): text for part in problems for position, text in part.items()}
    whole = next((part for part in parts if part is not None), None)
    if whole is None:
        raise DataError(
            f"{found[0]} So are the {len(positions)} samples from there on: "
            "a disk or a network share may be gone. What was done is kept; the same command goes on."
        )
    return np.concatenate([np.zeros((1, *whole.shape[1:]), whole.dtype) if p is None else p for p in parts]), found


def _read_around(reader: Reader, positions: Positions, x: str) -> Iterator[tuple[NDArray[Any] | None, dict[int, str]]]:
    """Read by halves until the bad samples stand alone; each gives `None`, and its problem by position."""
    try:
        yield reader.read(positions, 0)[x], {}
    except DataError as error:
        if len(positions) == 1:
            yield None, {int(positions[0]): str(error)}
            return
        middle = len(positions) // 2
        yield from _read_around(reader, positions[:middle], x)
        yield from _read_around(reader, positions[middle:], x)
