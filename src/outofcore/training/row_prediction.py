"""Stream the rows of a CSV through a model into a table, block by block in the order of the file."""

import contextlib
from collections.abc import Generator, Iterable, Iterator

import numpy as np

from outofcore.backend import keras
from outofcore.errors import DataError
from outofcore.progress_bar import progress
from outofcore.sources.ahead import ahead
from outofcore.sources.row_file import RowFile
from outofcore.sources.row_format import RowFormat
from outofcore.sources.row_stream import StreamedRows, stream_rows
from outofcore.table_parts import TableParts
from outofcore.training.table_prediction import Columns, Piece, predict_pieces


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
    read = 0 if form.compressed else int(parts.mark.get("byte", 0))
    with (
        progress("predict", file.size, "bytes", done=read) as advance,
        # closed before the file: no thread may read one that is closed
        contextlib.closing(_blocks(file, form, parts, skip_bad)) as blocks,
    ):
        rate = predict_pieces(
            parts,
            _pieces(blocks, read),
            net,
            columns,
            key="row",
            kind="row",
            batch_size=rows_per_call,
            part_samples=part_rows,
            every_seconds=every_seconds,
            advance=advance,
        )
    if not parts.done:
        raise DataError(f"{file.path}, row 1: expected rows to predict, found none. Put data there.")
    return rate


def _pieces(blocks: Iterable[StreamedRows], read: int) -> Iterator[Piece]:
    for rows in blocks:
        numbers = np.arange(rows.first, rows.first + len(rows.values))
        yield Piece(numbers, rows.values, rows.problems, rows.read - read, rows.mark)
        read = rows.read


def _blocks(file: RowFile, form: RowFormat, parts: TableParts, skip_bad: bool) -> Generator[StreamedRows, None, None]:
    try:
        yield from ahead(stream_rows(file, form, parts.mark, skip_bad))
    except DataError as error:
        if skip_bad:
            raise
        raise DataError(f"{error} Or set predict.bad_samples=skip; the run goes on from here.") from error
