"""Parse a block of whole lines of a CSV into columns of numbers.

Polars does it, at its own speed. Whatever it stumbles over, or what its answer leaves in doubt (a
missing value, another number of values than lines and columns make), goes line by line through
`row_lines`, which knows exactly what is allowed and names the line that is not.
"""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.sources.row_format import RowFormat
from outofcore.sources.row_lines import parse_lines

CORES = min(3, os.cpu_count() or 1)
PARSERS = CORES + 1
"""Blocks that are worth parsing at the same time, by compiled loops while rows are taken, and else: polars keeps
all cores busy for a part of the time only. Every further block takes memory."""

BLANK = re.compile(rb"(?m)^ *\r?\n|^ +\Z")


@dataclass(frozen=True)
class Place:
    """Where a block stands in its file.

    Attributes:
        path: The file.
        line: Number of its first line, from 1.
        row: Number of its first row, from 0.
        last: Whether the file ends with it.
    """

    path: Path
    line: int
    row: int
    last: bool


@dataclass(frozen=True)
class ParsedBlock:
    """The rows of a block.

    Attributes:
        columns: A polars series of each column of numbers (features, then targets), Int64 or
            Float64, without the rows that are left out.
        groups: A polars series of texts, or `None` where no column of groups is read.
        rows: Rows in the block, with those that are left out.
        skipped: Places in the block of rows that are left out, int64.
        integers: Columns that hold nothing but integers, of those that were expected to.
    """

    columns: tuple[Any, ...]
    groups: Any
    rows: int
    skipped: NDArray[np.int64]
    integers: tuple[str, ...]


def parse_block(data: bytes, form: RowFormat, place: Place, rows: int | None) -> ParsedBlock:
    """Parse whole lines.

    Args:
        data: The lines.
        form: The form of the rows.
        place: Where they stand, for messages.
        rows: How many rows there are, where every line was found good before; `None` has all values counted.

    Returns:
        The rows.

    Raises:
        DataError: A row is not what the form says; the message names file, line and row.
    """
    parsed = _parse_fast(data, form, rows)
    if parsed is None and (tidy := BLANK.sub(b"", data)) != data:
        parsed = _parse_fast(tidy, form, rows)
    if parsed is None:
        parsed = _columns_of(parse_lines(data, form, place.path, place.line, place.row, place.last), form)
    return parsed


def _columns_of(lines: Any, form: RowFormat) -> ParsedBlock:
    import polars as pl

    numbers, groups, rows, skipped = lines
    columns = tuple(pl.Series(name, column, pl.Float64) for name, column in zip(form.numbers, numbers, strict=True))
    series = pl.Series("group", groups, pl.String) if form.group is not None else None
    return ParsedBlock(columns, series, rows, np.array(skipped, np.int64), ())


def _parse_fast(data: bytes, form: RowFormat, rows: int | None) -> ParsedBlock | None:
    """Parse with polars, or give `None` where that leaves any doubt."""
    # a quote within a text would make polars take several lines for one, where it reads some columns alone
    checked = rows is not None and b'"' not in data
    frame = _read(data, form, form.integers, checked)
    integers = form.integers
    if frame is None and integers:
        integers = _integer_columns(data, form)
        frame = _read(data, form, integers, checked)
    if frame is None or not (frame.height == rows if checked else _is_complete(data, form, frame.height)):
        return None
    if form.decimal_comma and _has_points(data, form):
        return None
    return _without_missing(data, form, frame, integers)


def _read(data: bytes, form: RowFormat, integers: tuple[str, ...], checked: bool) -> Any:
    """Read the columns that are used; a frame with columns named by their place in the file.

    Polars counts the values of a row only where it reads all columns: so it does the first time.
    """
    import polars as pl
    from polars.exceptions import PolarsError

    kinds = {name: pl.Int64 if name in integers else pl.Float64 for name in form.numbers}
    schema = {str(place): kinds.get(name, pl.String) for place, name in enumerate(form.columns)}
    used = [place for place, name in enumerate(form.columns) if name in kinds or name == form.group]
    try:
        projected = used if checked and len(used) < len(schema) else None
        return pl.read_csv(
            data,
            has_header=False,
            schema=schema,
            separator=form.delimiter,
            columns=projected,
            decimal_comma=form.decimal_comma,
        )
    except PolarsError:
        return None


def _has_points(data: bytes, form: RowFormat) -> bool:
    """Whether a number has a point, or may have, where commas are decimal: polars would take it for one of them."""
    import polars as pl
    from polars.exceptions import PolarsError

    if b"." not in data:
        return False
    used = [form.columns.index(name) for name in form.numbers]
    schema = {str(place): pl.String for place in range(len(form.columns))}
    try:
        texts = pl.read_csv(data, has_header=False, schema=schema, separator=form.delimiter, columns=used)
    except PolarsError:  # as a text it would be quoted otherwise
        return True
    return any(text.str.contains(".", literal=True).any() for text in texts)


def _integer_columns(data: bytes, form: RowFormat) -> tuple[str, ...]:
    """Find the columns that still hold nothing but integers."""

    def holds_integers(name: str) -> bool:
        alone = replace(form, features=(name,), targets=(), group=None)
        return _read(data, alone, (name,), checked=True) is not None

    return tuple(name for name in form.integers if holds_integers(name))


def _is_complete(data: bytes, form: RowFormat, rows: int) -> bool:
    """Whether there are as many lines and delimiters as the rows need."""
    characters = np.frombuffer(data, np.uint8)
    ends, delimiters = characters == ord("\n"), characters == ord(form.delimiter)
    if b'"' in data:
        delimiters &= ~np.logical_xor.accumulate(characters == ord('"'))
    lines = np.count_nonzero(ends) + (not data.endswith(b"\n") and data != b"")
    return bool(lines == rows and np.count_nonzero(delimiters) == rows * (len(form.columns) - 1))


def _without_missing(data: bytes, form: RowFormat, frame: Any, integers: tuple[str, ...]) -> ParsedBlock | None:
    """Leave out rows with a missing value, where that is allowed."""
    import polars as pl

    skipped = np.empty(0, np.int64)
    rows = frame.height
    used = [
        str(form.columns.index(name)) for name in (*form.numbers, *([form.group] if form.group is not None else []))
    ]
    if any(frame[name].null_count() for name in used):
        # a line that is blank or too short gives missing values too
        if not form.skip_bad or not data.endswith(b"\n") or not _is_complete(data, form, rows):
            return None
        missing = frame.select(pl.any_horizontal(pl.col(used).is_null())).to_series()
        skipped = missing.arg_true().to_numpy().astype(np.int64)
        frame = frame.filter(~missing)
    columns = tuple(frame[name] for name in used[: len(form.numbers)])
    floats = [column for column in columns if column.dtype == pl.Float64]
    if not all(_is_finite(column) for column in floats):
        return None
    groups = frame[used[-1]] if form.group is not None else None
    return ParsedBlock(columns, groups, rows, skipped, integers)


def _is_finite(column: Any) -> bool:
    """Whether float32 can hold all values."""
    largest = float(np.finfo(np.float32).max)
    return bool(column.is_between(-largest, largest).all())


def as_rows(parsed: ParsedBlock) -> NDArray[np.float32]:
    """Lay the columns of a block side by side.

    Returns:
        Rows, float32, shape `(rows, columns)`.
    """
    rows = np.empty((len(parsed.columns[0]), len(parsed.columns)), np.float32)
    for place, column in enumerate(parsed.columns):
        begin = 0
        for part in column.get_chunks():
            rows[begin : begin + len(part), place] = part.to_numpy()
            begin += len(part)
    return rows


def chosen_rows(rows: NDArray[np.float32], chosen: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Take the rows that a mask chooses; see `outofcore.sources.scanned_rows.take_rows` for why as whole items."""
    if rows.shape[1] == 2:
        return np.compress(chosen, rows.view(np.uint64).reshape(-1)).view(np.float32).reshape(-1, 2)
    return np.compress(chosen, rows, axis=0)
