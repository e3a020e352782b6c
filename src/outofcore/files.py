"""Write files so that a crash leaves the old one or the new one, never half of one."""

import contextlib
import json
import os
import secrets
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from outofcore.errors import DataError


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, and move it into place when the block ends well.

    The temporary file keeps the suffix of `path`, for writers that go by it. It is synced before
    it is moved, and the folder after.

    Raises:
        DataError: The folder cannot be written to, or the disk is full; the old file is intact.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unique = path.with_name(f".{path.stem}-{secrets.token_hex(4)}.tmp{path.suffix}")
        unique.touch(exist_ok=False)
        temporary = unique
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise DataError(
            f"{path}: expected to write it, found: {error.strerror or error}. "
            "Make room or give the folder write permission; what stood there before is intact."
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Write bytes; see `replacing`."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON value that a person can read; see `replacing`."""
    write_atomically(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> dict[str, Any] | None:
    """Read a JSON object, or give `None` where there is no such file."""
    try:
        value: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return value


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


def sync_folder(folder: Path) -> None:
    """Make renames in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _crc(content: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())
