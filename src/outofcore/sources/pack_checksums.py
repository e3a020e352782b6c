"""Checksums of a pack's files, and small records that vouch for themselves."""

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from outofcore.files import write_json

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


def write_record(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON object atomically, with a checksum of itself."""
    write_json(path, {**content, "crc": _crc(content)})


def read_record(path: Path) -> dict[str, Any] | None:
    """Read what `write_record` wrote, or `None` where there is nothing that it wrote."""
    try:
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(content, dict):
        return None
    crc = content.pop("crc", None)
    return content if crc == _crc(content) else None


def _crc(content: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())
