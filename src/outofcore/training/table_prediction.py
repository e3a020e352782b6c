"""Stream a source through a model into a table, in memory that does not grow with the source."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from outofcore.backend import keras
from outofcore.errors import DataError
from outofcore.loaders.readers import open_reader
from outofcore.loaders.reading import Reader
from outofcore.progress_bar import progress
from outofcore.sources.base import Positions, Source
from outofcore.table_parts import PROBLEM, TableParts
from outofcore.training.prefetch import Prefetch
from outofcore.training.steps import predict_call
from outofcore.training.stopping import STOP
from outofcore.types import LoaderSettings

Columns = Callable[[Any], Mapping[str, Any]]
"""Turns a model's outputs, shape `(samples, ...)` or several of them by name, into columns of a table."""

Problems = dict[int, str]
"""What is wrong with samples, by their position."""


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
    call = predict_call(net, loader.batch_size)
    reader = open_reader(source, None, loader.workers, loader.use_multiprocessing, loader.timeout_seconds)
    plans = _plans(parts.done, len(source), loader.batch_size * loader.steps_per_call)
    ahead = Prefetch(plans, lambda positions: _read(reader, positions, x, skip_bad), loader.timeout_seconds)
    began = saved = time.monotonic()
    before = parts.done
    try:
        with STOP, progress("predict", len(source), done=before) as advance:
            for positions, (samples, problems) in ahead.results(lambda: STOP.pending):
                outputs = call((samples,))
                parts.add(_rows(source.ids(positions), outputs, columns, positions, problems))
                advance(len(positions))
                if parts.done - parts.saved >= part_samples or time.monotonic() - saved >= every_seconds:
                    parts.save()
                    saved = time.monotonic()
    finally:
        ahead.close()
        reader.close()
        parts.save()  # a bad sample or Ctrl-C costs nothing of what was done before it
    if STOP.pending:
        raise SystemExit(STOP.exit_status)
    return (len(source) - before) / max(time.monotonic() - began, 1e-9)


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
    found = {position: text for part in problems for position, text in part.items()}
    whole = next((part for part in parts if part is not None), None)
    if whole is None:
        raise DataError(
            f"{found[int(positions[0])]} So are the {len(positions)} samples from there on: "
            "a disk or a network share may be gone. What was done is kept; the same command goes on."
        )
    return np.concatenate([np.zeros((1, *whole.shape[1:]), whole.dtype) if p is None else p for p in parts]), found


def _read_around(reader: Reader, positions: Positions, x: str) -> Iterator[tuple[NDArray[Any] | None, Problems]]:
    """Read by halves until the bad samples stand alone; each of them gives `None`."""
    try:
        yield reader.read(positions, 0)[x], {}
    except DataError as error:
        if len(positions) == 1:
            yield None, {int(positions[0]): str(error)}
            return
        middle = len(positions) // 2
        yield from _read_around(reader, positions[:middle], x)
        yield from _read_around(reader, positions[middle:], x)


def _rows(ids: list[str], outputs: Any, columns: Columns, positions: Positions, problems: Problems) -> pa.Table:
    check_finite(outputs, ids, "sample")
    problem = pa.array([problems.get(position) for position in positions.tolist()], pa.string())
    return pa.table({"sample_id": pa.array(ids, pa.string()), **columns(outputs), PROBLEM: problem})


def check_finite(outputs: Any, names: Sequence[str] | Positions, kind: str) -> None:
    """Refuse outputs that are no finite numbers.

    Args:
        outputs: Of a model, shape `(samples, ...)`, or several of them by name.
        names: Name or number of each sample.
        kind: What it is called, such as `sample`.

    Raises:
        DataError: There is one; the message names the first sample.
    """
    several = outputs.values() if isinstance(outputs, Mapping) else [outputs]
    finite = np.all([np.isfinite(output).reshape(len(names), -1).all(axis=1) for output in several], axis=0)
    if not finite.all():
        raise DataError(
            f"{kind} {names[int(finite.argmin())]}: expected finite outputs of the model, found others. "
            f"Look at the {kind}'s values, and train the model anew with a lower learning rate if they are right."
        )
