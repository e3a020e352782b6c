"""The files of a pack: one `.npy` per field, with a manifest that vouches for every MiB.

A pack holds decoded samples side by side, so that reading one is a copy of memory. It is written
field by field in step, in order, and can be continued after a kill; the manifest comes last.
"""

import fcntl
import json
import os
import shutil
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from outofcore.errors import DataError
from outofcore.files import write_json
from outofcore.sources.base import Field

VERSION = 1
"""Raised when packs are written in another form than before; older ones are rebuilt."""

BLOCK = 1 << 20
"""Bytes that a checksum covers."""

MANIFEST, PARTIAL, LOCK = "manifest.json", "partial.json", "lock"


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

    def update(self, data: memoryview) -> None:
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


class PackWriter:
    """Writes a pack from its first sample to its last.

    Attributes:
        done: Samples that are on disk.
    """

    def __init__(self, folder: Path, fields: Mapping[str, Field], count: int, fingerprint: str) -> None:
        """Begin a pack, or go on with one that has the same fingerprint.

        Raises:
            DataError: The disk has no room for it.
        """
        self._folder, self._fields, self._count, self._fingerprint = folder, fields, count, fingerprint
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = _lock_alone(folder)
        (folder / MANIFEST).unlink(missing_ok=True)  # whatever stood there is not vouched for from now on
        partial = _read(folder / PARTIAL)
        going_on = partial is not None and partial["fingerprint"] == fingerprint and partial["version"] == VERSION
        self.done = int(partial["done"]) if going_on and partial else 0
        states = partial["checksums"] if going_on and partial else {}
        self._checksums = {name: Checksums(*states.get(name, ())) for name in fields}
        self._check_room()
        self._files = {name: self._open(name, field) for name, field in fields.items()}

    def _check_room(self) -> None:
        needed = sum(field.nbytes for field in self._fields.values()) * (self._count - self.done)
        reusable = sum(path.stat().st_size for path in self._folder.glob("*.npy")) if not self.done else 0
        free = shutil.disk_usage(self._folder).free + reusable
        if needed > free:
            raise DataError(
                f"{self._folder}: expected {needed / 2**20:,.0f} MiB of room for a pack, found {free / 2**20:,.0f}. "
                "Make room, move the folder in the catalog, or set loader.packed=false."
            )

    def _open(self, name: str, field: Field) -> Any:
        path = self._folder / f"{name}.npy"
        header = {"descr": npy.dtype_to_descr(np.dtype(field.dtype)), "fortran_order": False}
        file = path.open("r+b" if self.done else "w+b")
        npy.write_array_header_1_0(file, {**header, "shape": (self._count, *field.shape)})
        file.truncate(file.tell() + self.done * field.nbytes)
        file.seek(0, 2)
        return file

    def write(self, samples: Mapping[str, NDArray[Any]]) -> None:
        """Append samples, every field in its own file.

        Raises:
            DataError: The disk is full; what was written so far can be gone on from.
        """
        try:
            for name, file in self._files.items():
                data = memoryview(np.ascontiguousarray(samples[name]).reshape(-1).view(np.uint8).data)
                file.write(data)
                self._checksums[name].update(data)
                file.flush()
        except OSError as error:
            raise DataError(
                f"{self._folder}: expected to write a pack, found: {error.strerror}, after {self.done:,} of "
                f"{self._count:,} samples. Make room and run again; it goes on from there."
            ) from error
        self.done += len(next(iter(samples.values())))

    def checkpoint(self) -> None:
        """Bring what was written to the disk, so that a later run can go on from it."""
        for file in self._files.values():
            _sync(file)
        states = {name: checksums.state() for name, checksums in self._checksums.items()}
        content = {"version": VERSION, "fingerprint": self._fingerprint, "done": self.done, "checksums": states}
        write_json(self._folder / PARTIAL, content)

    def finish(self) -> None:
        """Write the manifest, which makes the pack one."""
        for file in self._files.values():
            _sync(file)
            file.close()
        fields = {
            name: {"shape": list(field.shape), "dtype": field.dtype, "checksums": self._checksums[name].all()}
            for name, field in self._fields.items()
        }
        content = {"version": VERSION, "fingerprint": self._fingerprint, "count": self._count, "fields": fields}
        write_json(self._folder / MANIFEST, content)
        (self._folder / PARTIAL).unlink(missing_ok=True)
        self._lock.close()

    def close(self) -> None:
        """Let go of the files; without `finish` there is no pack."""
        for file in self._files.values():
            file.close()
        self._lock.close()


def _lock_alone(folder: Path) -> Any:
    lock = (folder / LOCK).open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise DataError(
            f"{folder}: expected nobody to read this pack while it is rebuilt, found another run at it. "
            "Wait for it, or give this one a folder of its own in the catalog."
        ) from None
    return lock


def is_current(folder: Path, fingerprint: str) -> bool:
    """Whether a whole pack with this fingerprint lies in a folder."""
    manifest = _read(folder / MANIFEST)
    return manifest is not None and manifest["version"] == VERSION and manifest["fingerprint"] == fingerprint


def verify(folder: Path) -> None:
    """Compare every MiB of a pack with its checksum.

    Raises:
        DataError: A block differs; the message names file and place and says how to rebuild.
    """
    manifest = _read(folder / MANIFEST) or {"fields": {}}
    for name, field in manifest["fields"].items():
        path = folder / f"{name}.npy"
        for number, (expected, found) in enumerate(zip(field["checksums"], _checksums_of(path), strict=False)):
            if expected != found:
                raise DataError(
                    f"{path}: expected MiB {number} as it was written (CRC-32 {expected:08x}), found {found:08x}: "
                    f"the disk has changed it. Delete {folder} and run again; the pack is rebuilt."
                )


def _checksums_of(path: Path) -> Iterator[int]:
    with path.open("rb") as file:
        npy.read_magic(file)
        npy.read_array_header_1_0(file)
        while block := file.read(BLOCK):
            yield zlib.crc32(block)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return content


def _sync(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())
