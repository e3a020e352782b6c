"""Stream the rows of a CSV through a model into a table, block by block in the order of the file."""

import contextlib
import time
from collections.abc import Generator

import numpy as np
import pyarrow as pa

from outofcore.backend import keras
from outofcore.errors import DataError
from outofcore.progress_bar import progress
from outofcore.sources.ahead import ahead
from outofcore.sources.row_file import RowFile
from outofcore.sources.row_format import RowFormat
from outofcore.sources.row_stream import StreamedRows, stream_rows
from outofcore.table_parts import PROBLEM, TableParts
from outofcore.training.steps import predict_call
from outofcore.training.stopping import STOP
from outofcore.training.table_prediction import Columns, check_finite


def predict_rows_into(
    parts: TableParts,
    file: RowFile,
    form: RowFormat,
    net: "keras.Model",
    columns: Columns,
    *,
    rows_per_call: int,
    part_rows: int,
    every_seconds: float,
    skip_bad: bool,
) -> float:
    """Predict the rows that a table does not hold yet.

    Blocks of the file begin at the same rows wherever a run before ended, and hold bad rows as zeros,
    so the same rows give the same bits.

    Args:
        parts: The table: `row`, the columns, and `problem`.
        file: The CSV.
        form: The form of its rows.
        net: A model from the columns of numbers, shape `(rows, columns)`.
        columns: Turns outputs into columns of the table.
        rows_per_call: Rows that the model takes at once.
        part_rows: Most rows between two saves, and those of a block.
        every_seconds: Longest time between two saves, but for the block that is under way.
        skip_bad: Whether bad rows are noted and left out, rather than end the run.

    Returns:
        Rows per second of this run.

    Raises:
        DataError: A row is bad, or all of a block are; there are none; or the model gives no finite
            numbers.
        SystemExit: A signal asked to stop; what was done is saved.
    """
    call = predict_call(net, rows_per_call)
    began = saved = time.monotonic()
    before, read = parts.done, 0 if form.compressed else parts.mark.get("byte", 0)
    try:
        with (
            STOP,
            progress("predict", file.size, "bytes", done=read) as advance,
            # closed before the file: no thread may read one that is closed
            contextlib.closing(_blocks(file, form, parts, skip_bad)) as blocks,
        ):
            for rows in blocks:
                if len(rows.values):
                    parts.add(_table(rows, call((rows.values,)), columns), rows.mark)
                advance(rows.read - read)
                read = rows.read
                if parts.done - parts.saved >= part_rows or time.monotonic() - saved >= every_seconds:
                    parts.save()
                    saved = time.monotonic()
                if STOP.pending:
                    break
    finally:
        parts.save()  # a bad row or Ctrl-C costs nothing of what was done before it
    if STOP.pending:
        raise SystemExit(STOP.exit_status)
    if not parts.done:
        raise DataError(f"{file.path}, row 1: expected rows to predict, found none. Put data there.")
    return (parts.done - before) / max(time.monotonic() - began, 1e-9)


def _blocks(file: RowFile, form: RowFormat, parts: TableParts, skip_bad: bool) -> Generator[StreamedRows, None, None]:
    try:
        yield from ahead(stream_rows(file, form, parts.mark, skip_bad))
    except DataError as error:
        if skip_bad:
            raise
        raise DataError(f"{error} Or set predict.bad_samples=skip; the run goes on from here.") from error


def _table(rows: StreamedRows, outputs: object, columns: Columns) -> pa.Table:
    numbers = np.arange(rows.first, rows.first + len(rows.values))
    check_finite(outputs, numbers, "row")
    problem = pa.nulls(len(numbers), pa.string())
    if rows.problems:
        problem = pa.array([rows.problems.get(place) for place in range(len(numbers))], pa.string())
    return pa.table({"row": numbers, **columns(outputs), PROBLEM: problem})
