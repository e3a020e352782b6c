"""Rows of a block that hold nothing but plain numbers, parsed by a compiled loop."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from outofcore.sources.row_blocks import is_whole
from outofcore.sources.row_splits import SPLITS
from outofcore.sources.scanned_rows import Rows, ScannedFile

WORTH_BYTES = 64 << 20
"""Size of a file from which on compiled loops pay for the second that they take to be ready."""


def worth_loops(file: ScannedFile) -> bool:
    """Whether a file is so large that compiled loops are worth it."""
    return file.size >= WORTH_BYTES


def plain_rows(
    data: bytes, scanned: ScannedFile, about: Mapping[str, int], splits: Sequence[str]
) -> dict[str, Rows] | None:
    """Parse a block of a file that was scanned, and part its rows by split.

    Args:
        data: The block.
        scanned: The file.
        about: The block's line of `outofcore.sources.row_blocks.NUMBERS`.
        splits: The splits that are wanted.

    Returns:
        Rows of each split in the order of the file, or `None` where anything is not plain: a quoted
        value, a group that decides on the split, a row that was left out; or where the file is too
        small to be worth it, or not what was scanned. Then `parse_block` has to do it.
    """
    form = scanned.form
    if not worth_loops(scanned) or form.group is not None or not is_whole(about):
        return None
    from outofcore.sources.row_loops import part_plain_rows

    counts = np.array([about[split] if split in splits else 0 for split in SPLITS])
    ends = np.cumsum(counts)
    starts = ends - counts
    wanted = np.array([split in splits for split in SPLITS])
    at = np.where(wanted, starts, -1)
    rows = np.empty((int(ends[-1]), len(form.numbers)), np.float32)
    places = np.array([form.numbers.index(name) if name in form.numbers else -1 for name in form.columns])
    found = part_plain_rows(
        np.frombuffer(data, np.uint8),
        _words(data),
        ord(form.delimiter),
        ord("," if form.decimal_comma else "."),
        places,
        np.isin(form.numbers, form.integers),
        scanned.split.codes(about["row"], about["rows"], loops=True),
        at,
        ends,  # above -1 for those that are not wanted too
        rows,
    )
    if found != about["rows"] or (at[wanted] != ends[wanted]).any():
        return None
    return {split: rows[start:end] for split, start, end in zip(SPLITS, starts, ends, strict=True) if split in splits}


def _words(data: bytes) -> NDArray[np.uint64]:
    """View the eight bytes that begin at each byte as a number, its first byte the lowest."""
    return np.ndarray(max(0, len(data) - 7), "<u8", data, strides=(1,))
