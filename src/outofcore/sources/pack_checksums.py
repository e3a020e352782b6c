"""Checksums of a pack's files."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK = 1 << 20
"""Bytes that a checksum covers."""


class Checksums:
    """CRC-32 of every MiB of a stream of bytes.

    Attributes:
        done: Checksums of whole blocks.
        open_crc: Checksum so far of the block that is not full yet.
        open_bytes: Its length in bytes.
    """

    def __init__(self, done: list[int] | None = None, open_crc: int = 0, open_bytes: int = 0) -> None:
        """Begin, or go on from a state that was kept."""
        self.done, self.open_crc, self.open_bytes = done or [], open_crc, open_bytes

    def update(self, data: bytes | memoryview) -> None:
        """Take further bytes."""
        start = 0
        while start < len(data):
            part = data[start : start + BLOCK - self.open_bytes]
            self.open_crc = zlib.crc32(part, self.open_crc)
            self.open_bytes += len(part)
            start += len(part)
            if self.open_bytes == BLOCK:
                self.done.append(self.open_crc)
                self.open_crc, self.open_bytes = 0, 0

    def state(self) -> list[Any]:
        """Give what the constructor takes."""
        return [self.done, self.open_crc, self.open_bytes]

    def all(self) -> list[int]:
        """All checksums, the last block's included."""
        return [*self.done, self.open_crc] if self.open_bytes else list(self.done)


def checksums_of(path: Path) -> Iterator[int]:
    """Give the CRC-32 of every MiB of a file, one after the other."""
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield zlib.crc32(block)
