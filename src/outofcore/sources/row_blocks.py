"""The table of a CSV's blocks: where each begins, and how many rows of which split it holds.

Some hundred bytes for each 4 MiB of the file; all that is ever held of 500 million rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import DataError
from outofcore.sources.row_splits import SPLITS

NUMBERS = ("file", "start", "stop", "row", "rows", *SPLITS, "crc")
"""Columns of the table, int64: number of the file, its bytes, number of the first row and of rows
(also those that are left out), rows of each split, CRC-32 of the bytes. One more column, `skipped`,
lists the places of rows that are left out."""


@dataclass(frozen=True)
class SplitBlocks:
    """The blocks that hold rows of one split.

    Attributes:
        numbers: The columns of the table, by name.
        counts: Rows of the split in each block, int64.
        starts: Position in the split of the first of them; one more at the end.
        skipped: Places of rows that are left out, of each block.
    """

    numbers: Mapping[str, NDArray[np.int64]]
    counts: NDArray[np.int64]
    starts: NDArray[np.int64]
    skipped: tuple[NDArray[np.int64], ...]

    def __len__(self) -> int:
        """Number of rows of the split."""
        return int(self.starts[-1])


def all_blocks(path: Path) -> tuple[dict[str, NDArray[np.int64]], list[Any]]:
    """Read the table.

    Args:
        path: The table, as the scan wrote it.

    Returns:
        The columns `NUMBERS` by name, and `skipped`.

    Raises:
        DataError: The table is not there or cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            f"{path}: expected the table of blocks, found: {str(error).splitlines()[0]}. "
            "Run the pipeline again from its start."
        ) from error
    return {name: table[name].to_numpy() for name in NUMBERS}, table["skipped"].to_pylist()


def line_of(numbers: Mapping[str, NDArray[Any]], block: int) -> dict[str, int]:
    """Give the line of a block, by the names of the columns."""
    return {name: int(column[block]) for name, column in numbers.items()}


def is_whole(line: Mapping[str, int]) -> bool:
    """Whether no row of a block is left out; one that is not whole must be parsed with all checks again."""
    return line["rows"] == sum(line[split] for split in SPLITS)


def read_blocks(path: Path, split: str) -> SplitBlocks:
    """Read the blocks of one split; see `all_blocks`."""
    return split_blocks(*all_blocks(path), split)


def split_blocks(numbers: Mapping[str, NDArray[Any]], skipped: list[Any], split: str) -> SplitBlocks:
    """Choose the blocks of one split out of all; see `SplitBlocks`."""
    chosen = np.flatnonzero(numbers[split])
    counts = numbers[split][chosen]
    return SplitBlocks(
        numbers={name: column[chosen] for name, column in numbers.items()},
        counts=counts,
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        skipped=tuple(np.asarray(skipped[block], np.int64) for block in chosen.tolist()),
    )
