"""Write predictions into a table as their samples come, and save it now and then."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from outofcore.backend import keras
from outofcore.errors import DataError
from outofcore.table_parts import PROBLEM, TableParts
from outofcore.training.steps import predict_call
from outofcore.training.stopping import STOP

Columns = Callable[[Any], Mapping[str, Any]]
"""Turns a model's outputs, shape `(samples, ...)` or several of them by name, into columns of a table."""

Names = Sequence[str] | NDArray[np.int64]


@dataclass(frozen=True)
class Piece:
    """Samples that follow one another.

    Attributes:
        names: Name or number of each.
        values: The model's input, shape `(samples, ...)`; that of a bad sample is 0.
        problems: What is wrong with bad ones, by their place here.
        size: What they add to the progress, samples or bytes.
        mark: Noted with them, for a run that goes on behind them; JSON values.
    """

    names: Names
    values: NDArray[Any]
    problems: Mapping[int, str]
    size: int
    mark: Mapping[str, Any] | None = None


def predict_pieces(
    parts: TableParts,
    pieces: Iterable[Piece],
    net: "keras.Model",
    columns: Columns,
    *,
    key: str,
    kind: str,
    batch_size: int,
    part_samples: int,
    every_seconds: float,
    advance: Callable[[int], None],
) -> float:
    """Predict samples into a table, which holds all of them that were done whatever ends the run.

    Args:
        parts: The table: the names, the columns, and `problem`.
        pieces: The samples that it does not hold yet. Bad ones are predicted too, so that the others keep their bits.
        net: A model with one input.
        columns: Turns outputs into columns.
        key: The column of the names.
        kind: What a sample is called, such as `row`.
        batch_size: Samples that the model takes at once.
        part_samples: Most samples between two saves, but for those of a piece.
        every_seconds: Longest time between two saves, but for the piece that is under way.
        advance: Takes the size of each piece that is done.

    Returns:
        Samples per second of this run.

    Raises:
        DataError: The pieces raise it, or the model gives no finite numbers.
        SystemExit: A signal asked to stop; what was done is saved.
    """
    call = predict_call(net, batch_size)
    began = saved = time.monotonic()
    before = parts.done
    try:
        with STOP:
            for piece in pieces:
                if len(piece.values):
                    parts.add(_table(piece, call((piece.values,)), columns, key, kind), piece.mark)
                advance(piece.size)
                if parts.done - parts.saved >= part_samples or time.monotonic() - saved >= every_seconds:
                    parts.save()
                    saved = time.monotonic()
                if STOP.pending:
                    break
    finally:
        parts.save()  # a bad sample or Ctrl-C costs nothing of what was done before it
    if STOP.pending:
        raise SystemExit(STOP.exit_status)
    return (parts.done - before) / max(time.monotonic() - began, 1e-9)


def _table(piece: Piece, outputs: Any, columns: Columns, key: str, kind: str) -> pa.Table:
    _check_finite(outputs, piece.names, kind)
    problem = pa.nulls(len(piece.names), pa.string())
    if piece.problems:
        problem = pa.array([piece.problems.get(place) for place in range(len(piece.names))], pa.string())
    return pa.table({key: pa.array(piece.names), **columns(outputs), PROBLEM: problem})


def _check_finite(outputs: Any, names: Names, kind: str) -> None:
    """Refuse outputs that are no finite numbers; the message names the first sample."""
    several = outputs.values() if isinstance(outputs, Mapping) else [outputs]
    finite = np.all([np.isfinite(output).reshape(len(names), -1).all(axis=1) for output in several], axis=0)
    if not finite.all():
        raise DataError(
            f"{kind} {names[int(finite.argmin())]}: expected finite outputs of the model, found others. "
            f"Look at the {kind}'s values, and train the model anew with a lower learning rate if they are right."
        )
