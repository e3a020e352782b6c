"""Read a CSV from its first row to its last, block by block, without a scan before."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import DataError
from outofcore.sources import row_file
from outofcore.sources.row_file import RawBlock, RowFile
from outofcore.sources.row_format import RowFormat
from outofcore.sources.row_lines import parse_each_line
from outofcore.sources.row_parsing import Place, as_rows, parse_block


@dataclass(frozen=True)
class StreamedRows:
    """Rows that follow one another in a file.

    Attributes:
        first: Number of the first one, from 1.
        values: Their numbers, float32, shape `(rows, columns)`; those of a bad row are 0.
        problems: What is wrong with bad rows, by their place here.
        read: Bytes of the file on disk that have been read.
        mark: Where the next rows begin, for `stream_rows`; JSON values.
    """

    first: int
    values: NDArray[np.float32]
    problems: dict[int, str]
    read: int
    mark: dict[str, Any]


def stream_rows(file: RowFile, form: RowFormat, mark: Mapping[str, Any], skip_bad: bool) -> Iterator[StreamedRows]:
    """Read the rows of a file.

    Args:
        file: The file.
        form: The form of its rows, which leaves out none.
        mark: Where to begin, from `StreamedRows.mark`; empty for the first row.
        skip_bad: Whether bad rows are given with what is wrong with them, rather than end the reading.

    Raises:
        DataError: A row is not what the form says, or all of a block are not; or the file changes.
            The message names the row.
    """
    start, line, row = mark.get("byte", form.start), mark.get("line", 1 + form.header), mark.get("row", 0)
    form = replace(form, integers=tuple(mark.get("integers", form.integers)))
    file.row = row + 1
    for raw in file.blocks(start, row_file.BLOCK_BYTES):
        file.check_unchanged()
        values, problems, integers = _values(raw, form, Place(file.path, line, row, raw.last), skip_bad)
        first = row + 1
        line += int(np.count_nonzero(np.frombuffer(raw.data, np.uint8) == ord("\n")))
        row += len(values)
        form = replace(form, integers=integers)
        file.row = row + 1
        after = {"byte": raw.start + len(raw.data), "line": line, "row": row, "integers": list(integers)}
        yield StreamedRows(first, values, problems, raw.read, after)
    file.check_unchanged()


def _values(
    raw: RawBlock, form: RowFormat, place: Place, skip_bad: bool
) -> tuple[NDArray[np.float32], dict[int, str], tuple[str, ...]]:
    """Parse a block; give its numbers, its problems, and the columns of integers from here on."""
    try:
        parsed = parse_block(raw.data, form, place, rows=None)
    except DataError:
        if not skip_bad:
            raise
    else:
        return as_rows(parsed), {}, tuple(name for name in form.integers if name in parsed.integers)
    rows, problems = parse_each_line(raw.data, form, place.path, place.line, place.row, place.last)
    if len(problems) == len(rows):
        raise DataError(
            f"{problems[0]} So are all {len(rows):,} rows from there on that were read. "
            "Look whether scan.features, scan.delimiter and scan.header are those of this file."
        )
    values = np.zeros((len(rows), len(form.numbers)), np.float32)
    good = [number for number in range(len(rows)) if number not in problems]
    values[good] = [rows[number] for number in good]
    return values, problems, form.integers
