"""A CSV `x,y` with y = x, as large as wanted: rows 0, 1, 2, ... of the published recipe."""

import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import DataError
from outofcore.files import read_record, replacing, sync_folder, write_record
from outofcore.progress_bar import progress

HEADER = b"x,y\n"
DIGITS = 6
BLOCK = 10**DIGITS
"""Rows that are made at once: all their numbers have the same leading digits."""

CHECKPOINT_BYTES = 1 << 30
"""Bytes after which writing can go on from there."""


def write_rows(path: Path, rows: int) -> None:
    """Write rows 0 to `rows - 1`, or go on where an earlier run was stopped.

    Args:
        path: The CSV to write; it is there only when it is whole.
        rows: How many rows.

    Raises:
        DataError: The disk has no room for it.
        OSError: The folder cannot be written to.
    """
    part, record = path.with_name(f".{path.name}.part"), path.with_name(f".{path.name}.part.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    before = read_record(record) or {}
    done = before["done"] if before.get("rows") == rows and _size(part) >= bytes_of(before["done"]) else 0
    _check_room(path, bytes_of(rows) - _size(part))
    with part.open("r+b" if done else "w+b", buffering=0) as file, progress("write", rows, "rows", done) as advance:
        file.truncate(bytes_of(done) if done else 0)
        file.seek(0, os.SEEK_END)
        saved = bytes_of(done)
        if not done:
            file.write(HEADER)
        for first, block in blocks(done, rows):
            _write(file, block)
            done = min(first + BLOCK, rows)
            advance(done - first)
            if bytes_of(done) - saved >= CHECKPOINT_BYTES or done == rows:
                os.fsync(file.fileno())
                saved = bytes_of(done)
                write_record(record, {"rows": rows, "done": done})
    part.replace(path)
    sync_folder(path.parent)
    record.unlink()


def write_spread_rows(path: Path, rows: int, among: int) -> None:
    """Write rows whose values are spread evenly over 0 to `among - 1`: a second file for validation.

    Args:
        path: The CSV to write.
        rows: How many rows.
        among: Number of values to choose from.
    """
    import polars as pl

    values = (np.arange(rows, dtype=np.int64) * among) // rows
    with replacing(path) as temporary:
        pl.DataFrame({"x": values, "y": values}).write_csv(temporary)


def bytes_of(rows: int) -> int:
    """Bytes of a file with rows 0 to `rows - 1`, its header included."""
    total, low, digits = len(HEADER), 0, 1
    while low < rows:
        high = min(10**digits, rows)
        total += (high - low) * 2 * (digits + 1)
        low, digits = high, digits + 1
    return total


def blocks(first: int, stop: int) -> Iterator[tuple[int, Any]]:
    """Give the text of rows `first` to `stop - 1` in blocks, each with the number of its first row.

    Args:
        first: A multiple of `BLOCK`.
        stop: Row after the last.
    """
    template: NDArray[np.uint8] | None = None
    for low in range(first, stop, BLOCK):
        high = min(low + BLOCK, stop)
        if low == 0:
            yield low, _first_block(high)
            continue
        leading = str(low // BLOCK).encode()
        if template is None or template.shape[1] != 2 * (len(leading) + DIGITS + 1):
            template = _template(len(leading))
        width = template.shape[1] // 2
        for begin in (0, width):
            template[:, begin : begin + len(leading)] = np.frombuffer(leading, np.uint8)
        yield low, template[: high - low].reshape(-1).data


def _first_block(stop: int) -> bytes:
    """Give rows 0 to `stop - 1`, whose numbers have few digits or more."""
    import polars as pl

    text = io.BytesIO()
    values = np.arange(stop)
    pl.DataFrame({"x": values, "y": values}).write_csv(text, include_header=False)
    return text.getvalue()


def _template(leading: int) -> NDArray[np.uint8]:
    """Make the text of a block whose leading digits are still to be filled in."""
    width = leading + DIGITS + 1
    text = np.empty((BLOCK, 2 * width), np.uint8)
    numbers = np.arange(BLOCK)
    for place in range(DIGITS):
        digit = numbers // 10 ** (DIGITS - 1 - place) % 10 + ord("0")
        for begin in (leading, width + leading):
            text[:, begin + place] = digit
    text[:, width - 1], text[:, 2 * width - 1] = ord(","), ord("\n")
    return text


def _write(file: io.FileIO, data: Any) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _check_room(path: Path, needed: int) -> None:
    free = shutil.disk_usage(path.parent).free
    if needed > free:
        raise DataError(
            f"{path}: expected {needed / 2**20:,.0f} MiB of room for the sample, found {free / 2**20:,.0f}. "
            "Make room, move the file in the catalog, or lower data.rows."
        )
