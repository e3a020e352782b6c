"""The files of a pack: one `.npy` per field, with a manifest that vouches for every MiB.

A pack holds decoded samples side by side, so that reading one is a copy of memory. It is written
field by field in step, in order, and can be continued after a kill; the manifest comes last.
"""

import contextlib
import fcntl
import io
import itertools
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from outofcore.errors import DataError
from outofcore.files import read_record, sync_folder, write_record
from outofcore.sources.base import Field
from outofcore.sources.pack_checksums import Checksums, checksums_of

VERSION = 1
"""Raised when packs are written in another form than before; older ones are rebuilt."""

MANIFEST, PARTIAL, LOCK = "manifest.json", "partial.json", "lock"


class PackWriter:
    """Writes a pack from its first sample to its last.

    Attributes:
        done: Samples that are written.
        saved: Samples from which a later run can go on.
    """

    def __init__(self, folder: Path, fields: Mapping[str, Field], count: int, fingerprint: str) -> None:
        """Begin a pack, or go on with one that has the same fingerprint.

        Raises:
            DataError: The disk has no room for it, the folder cannot be written to, or the pack is
                in use; a pack that stood there is intact.
        """
        self._folder, self._fields, self._count, self._fingerprint = folder, fields, count, fingerprint
        self._headers = {name: _header(field, count) for name, field in fields.items()}
        self._checksums = {name: Checksums() for name in fields}
        self._files: dict[str, io.FileIO] = {}
        self.done = self.saved = 0
        with self._explained():
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = lock(folder, exclusive=True)
            try:
                self._begin()
            except BaseException:
                self.close()
                raise

    def _begin(self) -> None:
        partial = read_record(self._folder / PARTIAL)
        if partial is not None and self._goes_on(partial):
            self.done = self.saved = partial["done"]
            self._checksums = {name: Checksums(*partial["checksums"][name]) for name in self._fields}
        self._check_room()
        (self._folder / MANIFEST).unlink(missing_ok=True)  # whatever stood there is not vouched for from now on
        if not self.done:
            (self._folder / PARTIAL).unlink(missing_ok=True)  # nor is what another pack could go on from
        sync_folder(self._folder)
        for name in self._fields:
            self._open(name)

    def _goes_on(self, partial: dict[str, Any]) -> bool:
        done = partial["done"]
        same = (partial["version"], partial["fingerprint"]) == (VERSION, self._fingerprint)
        return done > 0 and same and all(self._holds(name, done) for name in self._fields)

    def _holds(self, name: str, count: int) -> bool:
        path = self._path(name)
        return path.exists() and path.stat().st_size >= self._size(name, count)

    def _check_room(self) -> None:
        there = sum(path.stat().st_size for path in self._folder.glob("*.npy"))
        needed = sum(self._size(name, self._count) for name in self._fields) - there
        free = shutil.disk_usage(self._folder).free
        if needed > free:
            raise DataError(
                f"{self._folder}: expected {needed / 2**20:,.0f} MiB of room for a pack, found {free / 2**20:,.0f}. "
                "Make room, move the folder in the catalog, or set loader.packed=false."
            )

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.npy"

    def _size(self, name: str, count: int) -> int:
        return len(self._headers[name]) + count * self._fields[name].nbytes

    def _open(self, name: str) -> None:
        # unbuffered: a buffer that a full disk does not take would be tried again when it is closed
        self._files[name] = self._path(name).open("r+b" if self.done else "w+b", buffering=0)
        if self.done:
            self._files[name].truncate(self._size(name, self.done))
            self._files[name].seek(0, os.SEEK_END)
        else:
            self._append(name, memoryview(self._headers[name]))

    def _append(self, name: str, data: memoryview) -> None:
        self._checksums[name].update(data)
        while data:
            data = data[self._files[name].write(data) :]

    def write(self, samples: Mapping[str, NDArray[Any]]) -> None:
        """Append samples, every field in its own file.

        Raises:
            DataError: The disk is full; what was saved before can be gone on from.
        """
        with self._explained():
            for name in self._files:
                self._append(name, memoryview(np.ascontiguousarray(samples[name]).reshape(-1).view(np.uint8).data))
        self.done += len(next(iter(samples.values())))

    def checkpoint(self) -> None:
        """Bring what was written to the disk, so that a later run can go on from it.

        Raises:
            DataError: The disk is full.
        """
        with self._explained():
            self._sync()
            states = {name: checksums.state() for name, checksums in self._checksums.items()}
            content = {"version": VERSION, "fingerprint": self._fingerprint, "done": self.done, "checksums": states}
            write_record(self._folder / PARTIAL, content)
        self.saved = self.done

    def finish(self) -> None:
        """Write the manifest, which makes the pack one.

        Raises:
            DataError: The disk is full.
        """
        fields = {
            name: {"shape": list(field.shape), "dtype": field.dtype, "checksums": self._checksums[name].all()}
            for name, field in self._fields.items()
        }
        content = {"version": VERSION, "fingerprint": self._fingerprint, "count": self._count, "fields": fields}
        with self._explained():
            self._sync()
            write_record(self._folder / MANIFEST, content)
            (self._folder / PARTIAL).unlink(missing_ok=True)
        self.close()

    def _sync(self) -> None:
        for file in self._files.values():
            os.fsync(file.fileno())

    def close(self) -> None:
        """Let go of the files; without `finish` there is no pack."""
        for file in self._files.values():
            file.close()
        self._lock.close()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DataError(
                f"{self._folder}: expected to write a pack, found: {error.strerror or error}; {self.saved:,} of "
                f"{self._count:,} samples are kept. Make room or give the folder write permission, and run again; "
                "it goes on from there."
            ) from error


def _header(field: Field, count: int) -> bytes:
    header = io.BytesIO()
    descr = npy.dtype_to_descr(np.dtype(field.dtype))
    npy.write_array_header_1_0(header, {"descr": descr, "fortran_order": False, "shape": (count, *field.shape)})
    return header.getvalue()


def lock(folder: Path, exclusive: bool) -> IO[bytes]:
    """Lock a pack: alone to write it, shared to read it. The lock ends with the file that is returned.

    Raises:
        DataError: Another run holds it, or the file system has no locks.
    """
    path = folder / LOCK
    if not path.exists():
        path.touch()
    file = path.open("ab" if exclusive else "rb")
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        found = "another run at it" if isinstance(error, BlockingIOError) else error.strerror
        wanted = "nobody to use this pack while it is written" if exclusive else "nobody to write this pack"
        raise DataError(
            f"{folder}: expected {wanted}, found {found}. "
            "Wait for it, or give this run a folder of its own in the catalog."
        ) from None
    return file


def read_manifest(folder: Path, fingerprint: str | None = None) -> dict[str, Any] | None:
    """Read the manifest of a whole pack, with this fingerprint or any, or `None` where there is none."""
    manifest = read_record(folder / MANIFEST)
    if manifest is None or manifest["version"] != VERSION:
        return None
    return manifest if fingerprint in (None, manifest["fingerprint"]) else None


def is_current(folder: Path, fingerprint: str) -> bool:
    """Whether a whole pack with this fingerprint lies in a folder."""
    return read_manifest(folder, fingerprint) is not None


def map_field(folder: Path, name: str, field: Field, count: int) -> NDArray[Any]:
    """Map a field of a pack, for reading.

    Args:
        folder: Folder of the pack.
        name: Name of the field.
        field: Form of a sample's part.
        count: Samples in the pack.

    Returns:
        A plain array over the map, shape `(count, *field.shape)`.

    Raises:
        DataError: The file is missing, or is not such an array.
    """
    path = folder / f"{name}.npy"
    wanted = f"{field.dtype} of shape {(count, *field.shape)}"
    try:
        mapped = np.load(path, mmap_mode="r")
        found = f"{mapped.dtype} of shape {mapped.shape}"
    except (OSError, ValueError, EOFError) as error:
        found = str(error)
    if found != wanted:
        raise DataError(
            f"{path}: expected {wanted}, found {found}. Delete {folder} and run again; the pack is rebuilt."
        )
    return np.asarray(mapped)  # indexing a np.memmap is slow: each result is one again


def size_in_blocks(folder: Path) -> int:
    """Count the MiB that `verify` will look at; 0 where there is no whole pack."""
    manifest = read_manifest(folder) or {"fields": {}}
    return sum(len(field["checksums"]) for field in manifest["fields"].values())


def verify(folder: Path, advance: Callable[[int], None] = lambda _: None) -> None:
    """Compare every MiB of a pack with its checksum, headers included.

    Args:
        folder: Folder of the pack.
        advance: Called with 1 after each MiB.

    Raises:
        DataError: A block differs; the message names file and place and says how to rebuild. Or
            there is no whole pack, or another run writes it.
    """
    rebuild = f"Delete {folder} and run again; the pack is rebuilt."
    with contextlib.closing(lock(folder, exclusive=False)):
        manifest = read_manifest(folder)
        if manifest is None:
            raise DataError(f"{folder}: expected a pack, found none that is whole. {rebuild}")
        for name, field in manifest["fields"].items():
            path = folder / f"{name}.npy"
            if not path.exists():
                raise DataError(f"{path}: expected a file of the pack, found none. {rebuild}")
            pairs = itertools.zip_longest(field["checksums"], checksums_of(path))
            for number, (expected, found) in enumerate(pairs):
                if expected != found:
                    raise DataError(
                        f"{path}: expected MiB {number} as it was written ({_text(expected)}), found {_text(found)}: "
                        f"the disk has changed it. {rebuild}"
                    )
                advance(1)


def _text(crc: int | None) -> str:
    return "nothing" if crc is None else f"CRC-32 {crc:08x}"
