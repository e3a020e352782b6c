"""Read a CSV in blocks of whole lines, and notice when it changes meanwhile."""

import contextlib
import gzip
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outofcore.errors import DataError

BLOCK_BYTES = 4 << 20
"""Bytes of a block: polars reads much smaller ones more slowly, and a window of larger ones fills the memory."""


@dataclass(frozen=True)
class RawBlock:
    """Whole lines of a file.

    Attributes:
        start: Byte at which they begin.
        data: The lines.
        last: Whether the file ends with them.
        read: Bytes of the file on disk that have been read so far.
    """

    start: int
    data: bytes
    last: bool
    read: int


class RowFile:
    """A CSV, plain or gzip, that must not change while it is read.

    Attributes:
        path: The file.
        size: Its bytes on disk when it was opened.
        mtime_ns: The time of its last change then, in ns.
        row: The row that is read next, from 1; whoever reads keeps it up for messages.
    """

    def __init__(self, path: Path, compressed: bool) -> None:
        """Open a file.

        Raises:
            DataError: It cannot be opened.
        """
        self.path, self.row = path, 1
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise DataError(f"{path}: expected a CSV, found: {error.strerror}. Restore it and run again.") from error
        self._compressed = compressed
        status = os.fstat(self._file.fileno())
        self.size, self.mtime_ns = status.st_size, status.st_mtime_ns

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read(self, start: int, stop: int) -> bytes:
        """Read bytes of a plain file.

        Raises:
            DataError: The file has changed, or the disk does not give them.
        """
        try:
            data = os.pread(self._file.fileno(), stop - start, start)
            while len(data) < stop - start:
                part = os.pread(self._file.fileno(), stop - start - len(data), start + len(data))
                if not part:
                    break
                data += part
        except OSError as error:
            raise DataError(
                f"{self.path}, row {self.row:,} or after it: expected to read on, found: {error.strerror}. "
                "Look at the disk."
            ) from error
        return data

    def blocks(self, start: int, block_bytes: int) -> Iterator[RawBlock]:
        """Read from a byte on, in blocks that end where lines end.

        Args:
            start: First byte.
            block_bytes: Most bytes of a block.

        Raises:
            DataError: A line is longer than a block, the file is damaged, or it has changed.
        """
        return self._compressed_blocks(start, block_bytes) if self._compressed else self._blocks(start, block_bytes)

    def _blocks(self, start: int, block_bytes: int) -> Iterator[RawBlock]:
        while start < self.size:
            data = self.read(start, min(start + block_bytes, self.size))
            last = start + len(data) >= self.size
            if not last:
                data = data[: self._whole_lines(data, start, block_bytes)]
            yield RawBlock(start, data, last, start + len(data))
            start += len(data)

    def _compressed_blocks(self, start: int, block_bytes: int) -> Iterator[RawBlock]:
        self._file.seek(0)
        with gzip.GzipFile(fileobj=self._file) as file:
            self._skip(file, start)
            rest, last = b"", False
            while not last:
                data = rest + self._decompress(file, block_bytes - len(rest))
                last = len(data) < block_bytes
                cut = len(data) if last else self._whole_lines(data, start, block_bytes)
                rest = data[cut:]
                if cut:
                    yield RawBlock(start, data[:cut], last, self._file.tell())
                start += cut

    def read_ranges(self, ranges: Iterable[tuple[int, int]]) -> Iterator[bytes]:
        """Read ranges of bytes, each after the one before.

        Args:
            ranges: First byte of each, and the byte after its last.
        """
        if not self._compressed:
            for start, stop in ranges:
                yield self.read(start, stop)
            return
        self._file.seek(0)
        with gzip.GzipFile(fileobj=self._file) as file:
            for start, stop in ranges:
                self._skip(file, start - file.tell())
                yield self._decompress(file, stop - start)

    def _skip(self, file: gzip.GzipFile, count: int) -> None:
        while count:
            count -= len(self._decompress(file, min(count, BLOCK_BYTES))) or count

    def _decompress(self, file: gzip.GzipFile, count: int) -> bytes:
        try:
            return file.read(count)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(
                f"{self.path}, row {self.row:,} or after it: expected gzip up to its end, found that it breaks off at "
                f"byte {self._file.tell():,} of {self.size:,} ({str(error).rstrip('.')}). Fetch or compress it again."
            ) from error

    def _whole_lines(self, data: bytes, start: int, block_bytes: int) -> int:
        """Give the length of the whole lines that data begins with."""
        length = data.rfind(b"\n") + 1
        if not length:
            raise DataError(
                f"{self.path}, row {self.row:,} or after it: expected lines of at most {block_bytes:,} bytes, found "
                "a longer one. Look whether it is a CSV with one row to a line."
            )
        return length

    def check_unchanged(self) -> None:
        """Look whether the file is still the one that was opened.

        Raises:
            DataError: It has grown, shrunk, or was written to.
        """
        try:
            status = self.path.stat()
        except OSError:
            found = "it gone"
        else:
            if (status.st_size, status.st_mtime_ns) == (self.size, self.mtime_ns):
                return
            grown = status.st_size - self.size
            found = f"{grown:,} bytes appended" if grown > 0 else "it changed"
        raise DataError(
            f"{self.path}, row {self.row:,} or after it: expected the file to stay as it was while it is read, "
            f"found {found}. Wait until it is written, and run again."
        )


@contextlib.contextmanager
def opened(path: Path, compressed: bool) -> Iterator[RowFile]:
    """Open a file and close it again; see `RowFile`."""
    file: Any = RowFile(path, compressed)
    try:
        yield file
    finally:
        file.close()
