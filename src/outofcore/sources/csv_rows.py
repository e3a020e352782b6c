"""Rows of one split, parsed from the CSV whenever they are asked for."""

import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.memory import keep_freed_memory
from outofcore.sources.base import Buffers, Field, Positions
from outofcore.sources.locating import Ranges
from outofcore.sources.plain_rows import plain_rows, worth_loops
from outofcore.sources.row_blocks import SplitBlocks, line_of
from outofcore.sources.row_file import RowFile
from outofcore.sources.row_parsing import CORES, PARSERS, ParsedBlock, as_rows, chosen_rows
from outofcore.sources.row_scanning import row_numbers
from outofcore.sources.row_splits import SPLITS
from outofcore.sources.scanned_blocks import parse_scanned
from outofcore.sources.scanned_rows import (
    Rows,
    ScannedFile,
    hand_out,
    numbers_of_block,
    row_fields,
    split_ids,
    take_rows,
)


class CsvRows:
    """A source over blocks of a CSV, each parsed when one of its rows is needed.

    A few parsed blocks are kept, so whoever asks block by block, or within a window of blocks, has
    each parsed once. Asking for rows all over the file parses a block for nearly every row. Blocks
    that are expected are parsed in threads meanwhile.

    Attributes:
        files: The files, by their number.
        split: Name of the split.
        blocks: The blocks that hold rows of it.
    """

    def __init__(self, files: Sequence[ScannedFile], blocks: SplitBlocks, split: str, kept: int) -> None:
        """Describe the rows.

        Args:
            files: The files, by their number.
            blocks: The blocks that hold rows of the split.
            split: Name of the split.
            kept: Parsed blocks that are kept.
        """
        self.files, self.blocks, self.split = tuple(files), blocks, split
        self._form = files[0].form
        self._ranges = Ranges(blocks.starts, loops=any(map(worth_loops, files)))
        self._most, self._slots = int(blocks.counts.max()), min(kept, len(blocks.counts))
        self._forget()

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[int, RowFile] = {}
        self._threads: ThreadPoolExecutor | None = None
        self._coming: dict[int, Future[Rows]] = {}
        self._rows: Rows | None = None
        self._slot_of: OrderedDict[int, int] = OrderedDict()
        self._shift = np.zeros(len(self.blocks.counts), np.int64)

    def __getstate__(self) -> dict[str, Any]:
        """Leave files and rows behind: a reader process opens its own."""
        own = ("_lock", "_files", "_threads", "_coming", "_rows", "_slot_of", "_shift")
        return {name: value for name, value in self.__dict__.items() if name not in own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a description."""
        self.__dict__.update(state)
        self._forget()

    @property
    def fields(self) -> Mapping[str, Field]:
        """The features together, and each target."""
        return row_fields(self._form)

    @property
    def block_sizes(self) -> NDArray[np.int64]:
        """Rows that lie together in the file, block by block, int64."""
        return self.blocks.counts

    def __len__(self) -> int:
        """Rows of the split."""
        return len(self.blocks)

    def read(self, positions: Positions, out: Buffers) -> None:
        """Gather rows out of parsed blocks; see `Source.read`.

        Raises:
            DataError: The file has changed since it was scanned.
        """
        with self._lock:
            needed = self._ranges.holding(positions)
            if len(needed) <= self._slots:
                self._gather(needed, positions, out)
                if _in_order(positions):
                    self._expect([int(needed[-1]) + 1])
                return
            blocks = self._ranges.of(positions)
            for start in range(0, len(needed), self._slots):
                part = needed[start : start + self._slots]
                chosen = np.flatnonzero((blocks >= part[0]) & (blocks <= part[-1]))
                buffers = {name: field.empty(len(chosen)) for name, field in self.fields.items()}
                self._gather(part, positions[chosen], buffers)
                for name, buffer in buffers.items():
                    out[name][chosen] = buffer

    def _gather(self, needed: NDArray[np.int64], positions: Positions, out: Buffers) -> None:
        rows = self._with_blocks(needed.tolist())
        hand_out(take_rows(rows, self._ranges.moved(positions, self._shift)), self._form, out)

    def _with_blocks(self, needed: list[int]) -> Rows:
        """Parse blocks that are not there yet, in the place of those that were not asked for longest."""
        if self._rows is None:
            self._rows = np.empty((self._slots * self._most, len(self._form.numbers)), np.float32)
        for block in needed:
            if block in self._slot_of:
                self._slot_of.move_to_end(block)
        for block in needed:
            if block not in self._slot_of:
                rows = self._parsed_rows(block)
                # whatever interrupts this leaves no block with the rows of another
                if len(self._slot_of) == self._slots:
                    self._slot_of.popitem(last=False)
                slot = min(set(range(self._slots)).difference(self._slot_of.values()))
                begin = slot * self._most
                self._rows[begin : begin + len(rows)] = rows
                self._shift[block] = begin - self.blocks.starts[block]
                self._slot_of[block] = slot
        return self._rows

    def _parsed_rows(self, block: int) -> Rows:
        coming = self._coming.pop(block, None)
        if coming is not None and coming.exception() is None:
            return coming.result()
        return self._parse(block, self._file_of(block))  # what went wrong before may have been mended

    def expect(self, blocks: Iterable[int]) -> None:
        """Parse blocks in threads, for they will be asked for soon; others that were expected are forgotten."""
        with self._lock:
            self._expect(blocks)

    def _expect(self, blocks: Iterable[int]) -> None:
        missing = [block for block in blocks if block < len(self._shift) and block not in self._slot_of]
        for block in self._coming.keys() - set(missing):
            self._coming.pop(block).cancel()
        for block in missing:
            if block not in self._coming:
                if self._threads is None:
                    keep_freed_memory()
                    self._threads = ThreadPoolExecutor(CORES if self._ranges.loops else PARSERS, "outofcore-rows")
                    weakref.finalize(self, self._threads.shutdown, wait=False, cancel_futures=True)
                self._coming[block] = self._threads.submit(self._parse, block, self._file_of(block))

    def _file_of(self, block: int) -> RowFile:
        number = int(self.blocks.numbers["file"][block])
        if number not in self._files:
            self._files[number] = self.files[number].open()
            weakref.finalize(self, self._files[number].close)
        return self._files[number]

    def _parse(self, block: int, file: RowFile) -> Rows:
        """Parse the rows of the split in a block."""
        data, about = self._data(block, file)
        plain = plain_rows(data, self.files[about["file"]], about, [self.split])
        if plain is not None:
            return plain[self.split]
        parsed, chosen = self._parsed(data, about)
        return chosen_rows(as_rows(parsed), chosen)

    def _data(self, block: int, file: RowFile) -> tuple[bytes, dict[str, int]]:
        """Read a block, and what is known about it."""
        about = line_of(self.blocks.numbers, block)
        file.row = about["row"] + 1
        file.check_unchanged()
        return file.read(about["start"], about["stop"]), about

    def _parsed(self, data: bytes, about: dict[str, int]) -> tuple[ParsedBlock, NDArray[np.bool_]]:
        """Parse a block, and say which of its rows are of the split."""
        parsed, codes = parse_scanned(data, self.files[about["file"]], about)
        return parsed, codes == SPLITS.index(self.split)

    def ids(self, positions: Positions) -> list[str]:
        """Give the numbers of rows in their file, from 1, as text."""
        return split_ids(self.blocks, self._ranges, positions, self._numbers)

    def _numbers(self, block: int) -> NDArray[np.int64]:
        about = line_of(self.blocks.numbers, block)
        split = self.files[about["file"]].split
        if split.by_group:
            with self._lock:
                parsed, chosen = self._parsed(*self._data(block, self._file_of(block)))
            return row_numbers(about["row"], parsed.rows, parsed.skipped)[chosen]
        return numbers_of_block(self.blocks, block, split, self.split)


def _in_order(positions: Positions) -> bool:
    steps = len(positions) - 1
    return steps > 0 and positions[-1] - positions[0] == steps and bool((np.diff(positions) == 1).all())
