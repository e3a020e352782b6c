"""Rows of one split from a pack: float32, side by side, memory-mapped."""

import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import DataError
from outofcore.sources.base import Buffers, Field, Positions
from outofcore.sources.locating import Ranges
from outofcore.sources.pack_files import lock, map_field, read_manifest
from outofcore.sources.row_blocks import SplitBlocks
from outofcore.sources.scanned_rows import ScannedFile, hand_out, numbers_of_block, row_fields, split_ids, take_rows

ROW, NUMBER = "row", "number"
"""Fields of the pack: the numbers of a row, float32, features before targets; and, where groups
decide on the split, its number in the file from 0, int64."""


class PackedRows:
    """A source over one memory-mapped array of rows.

    Attributes:
        folder: Folder of the pack.
        fingerprint: What the pack was made from.
        files: The files that it was made from.
        blocks: Their blocks.
        split: Name of the split.
    """

    def __init__(
        self, folder: str, fingerprint: str, files: list[ScannedFile], blocks: SplitBlocks, split: str
    ) -> None:
        """Describe a pack.

        Raises:
            DataError: There is no whole pack with this fingerprint in the folder.
        """
        self.folder, self.fingerprint, self.files, self.blocks, self.split = folder, fingerprint, files, blocks, split
        self._check()
        self._form = files[0].form
        self._ranges = Ranges(blocks.starts)
        self._rows: NDArray[np.float32] | None = None
        self._numbers: NDArray[np.int64] | None = None
        self._lock: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave maps and locks behind: a reader process opens its own."""
        return {**self.__dict__, "_rows": None, "_numbers": None, "_lock": None}

    @property
    def fields(self) -> Mapping[str, Field]:
        """The features together, and each target."""
        return row_fields(self._form)

    @property
    def block_sizes(self) -> NDArray[np.int64]:
        """Rows that lie together in the CSV, block by block, int64: packed and streamed rows shuffle alike."""
        return self.blocks.counts

    def __len__(self) -> int:
        """Rows of the split."""
        return len(self.blocks)

    def read(self, positions: Positions, out: Buffers) -> None:
        """Gather rows out of the map; see `Source.read`."""
        hand_out(take_rows(self._opened(), positions), self._form, out)

    def ids(self, positions: Positions) -> list[str]:
        """Give the numbers of rows in their file, from 1, as text."""
        if self.files[0].split.by_group:
            self._opened()
            if self._numbers is not None:
                return [str(number) for number in (self._numbers[positions] + 1).tolist()]

        def numbers(block: int) -> NDArray[np.int64]:
            file = self.files[int(self.blocks.numbers["file"][block])]
            return numbers_of_block(self.blocks, block, file.split, self.split)

        return split_ids(self.blocks, self._ranges, positions, numbers)

    def _check(self) -> dict[str, Any]:
        manifest = read_manifest(Path(self.folder), self.fingerprint)
        if manifest is None or manifest["count"] != len(self.blocks):
            raise DataError(
                f"{self.folder}: expected the pack of these rows, found none that is whole. "
                "Run again from the pack_rows node, or set loader.mode=stream."
            )
        return manifest

    def _opened(self) -> NDArray[np.float32]:
        if self._rows is None:
            folder = Path(self.folder)
            self._lock = lock(folder, exclusive=False)
            weakref.finalize(self, self._lock.close)
            manifest = self._check()  # until the lock was held, another run could rebuild the pack
            if NUMBER in manifest["fields"]:
                self._numbers = map_field(folder, NUMBER, Field((), "int64"), len(self))
            self._rows = map_field(folder, ROW, Field((len(self._form.numbers),), "float32"), len(self))
        return self._rows
