"""What both ways of reading rows share: the file as it was scanned, fields, and the numbers of rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import DataError
from outofcore.sources.base import Buffers, Field, Positions
from outofcore.sources.locating import Ranges
from outofcore.sources.row_blocks import SplitBlocks
from outofcore.sources.row_file import RowFile
from outofcore.sources.row_format import RowFormat
from outofcore.sources.row_splits import SPLITS, RowSplit

Rows = NDArray[np.float32]
"""Rows of numbers, features before targets; shape `(rows, columns)`."""


@dataclass(frozen=True)
class ScannedFile:
    """A file as a scan found it.

    Attributes:
        path: The file.
        size: Its bytes.
        mtime_ns: The time of its last change, in ns.
        form: The form of its rows.
        split: How they are split.
    """

    path: Path
    size: int
    mtime_ns: int
    form: RowFormat
    split: RowSplit

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> "ScannedFile":
        """Take what stands in a scan's summary."""
        form, split = RowFormat.from_json(values["form"]), RowSplit.from_json(values["split"])
        return ScannedFile(Path(values["path"]), values["size"], values["mtime_ns"], form, split)

    def open(self) -> RowFile:
        """Open the file.

        Raises:
            DataError: It is not there, or not as it was scanned.
        """
        file = RowFile(self.path, self.form.compressed)
        if (file.size, file.mtime_ns) != (self.size, self.mtime_ns):
            file.close()
            raise DataError(
                f"{self.path}, row 1 or after it: expected the file as it was scanned ({self.size:,} bytes), found it "
                f"changed ({file.size:,} bytes). Run again from the scan_rows node."
            )
        return file


def row_fields(form: RowFormat) -> dict[str, Field]:
    """Fields of a row: all features together, and each target by its name."""
    features = {"features": Field((len(form.features),), "float32")}
    return features | {name: Field((1,), "float32") for name in form.targets}


def hand_out(rows: Rows, form: RowFormat, out: Buffers) -> None:
    """Copy rows into the buffers of their fields."""
    width = len(form.features)
    out["features"][...] = rows[:, :width]
    for place, name in enumerate(form.targets, width):
        out[name][...] = rows[:, place : place + 1]


def take_rows(rows: Rows, places: Positions) -> Rows:
    """Gather rows; two numbers to a row are taken as one item of 8 bytes, which is twice as fast."""
    taken = np.empty((len(places), rows.shape[1]), np.float32)
    if rows.shape[1] == 2:
        np.take(rows.view(np.uint64).reshape(-1), places, out=taken.view(np.uint64).reshape(-1), mode="clip")
    else:
        np.take(rows, places, axis=0, out=taken, mode="clip")
    return taken


def numbers_of_block(blocks: SplitBlocks, block: int, split: RowSplit, name: str) -> NDArray[np.int64]:
    """Numbers, from 0, of the rows of a split in a block, where the hash of a row's number decides."""
    row, rows = int(blocks.numbers["row"][block]), int(blocks.numbers["rows"][block])
    codes = split.codes(row, rows)
    codes[blocks.skipped[block]] = len(SPLITS)
    return np.flatnonzero(codes == SPLITS.index(name)) + row


def split_ids(blocks: SplitBlocks, ranges: Ranges, positions: Positions, numbers: Any) -> list[str]:
    """Give the IDs of rows of a split: their numbers in the file, from 1.

    Args:
        blocks: The blocks of the split.
        ranges: Their ranges of positions.
        positions: Positions in the split.
        numbers: Gives the numbers, from 0, of all rows of the split in a block.
    """
    positions = np.asarray(positions, np.int64)
    found = np.empty(len(positions), np.int64)
    of = ranges.of(positions)
    for block in np.unique(of).tolist():
        here = of == block
        found[here] = numbers(block)[positions[here] - blocks.starts[block]]
    return [str(number) for number in (found + 1).tolist()]
