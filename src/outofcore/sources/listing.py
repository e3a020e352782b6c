"""List the files of a folder, a million in a few seconds and in little memory."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from outofcore.errors import DataError

log = logging.getLogger(__name__)

IGNORED_FOLDERS = frozenset({"__MACOSX", "__pycache__"})
OWN_PREFIX = ".outofcore"
"""How files begin that this project puts beside samples."""

CHUNK = 65_536
"""Files after which Python objects are packed into arrays."""

SOME = 10
"""Ignored files that the log names."""

SCHEMA = pa.schema([("name", pa.large_string()), ("size", pa.int64()), ("mtime_ns", pa.int64())])


def list_files(root: Path, extensions: tuple[str, ...]) -> pa.Table:
    """List files below a folder.

    Hidden files and folders (`.ipynb_checkpoints`, `.DS_Store`) and files with other endings are
    left out, and the first of them named in the log. Links are followed, but not back into a folder
    that they lie in; a link to nothing is listed, for it was meant to be a file.

    Args:
        root: The folder.
        extensions: Endings of the files to list, in lower case, with the dot.

    Returns:
        A table sorted by name: `name` (path below the root, with `/`), `size` in bytes, `mtime_ns`.

    Raises:
        DataError: The folder is missing, cannot be read, a link in it leads out of it, or a name is
            not UTF-8.
    """
    try:
        ignored: list[str] = []
        batches = list(_batches(root, extensions, ignored))
    except OSError as error:
        raise DataError(
            f"{error.filename}: expected a folder that can be read, found: {error.strerror}. "
            "Correct the filepath in the catalog, or the folder's permissions."
        ) from error
    except UnicodeEncodeError as error:
        raise DataError(f"{root}: expected file names in UTF-8, found {error.object!a}. Rename the file.") from error
    if ignored:
        some = ", ".join(sorted(ignored)[:SOME]) + (", ..." if len(ignored) > SOME else "")
        log.info("%d other files and hidden folders in %s are ignored: %s", len(ignored), root, some)
    return pa.Table.from_batches(batches, SCHEMA).sort_by("name")


def ids_of(names: "pa.ChunkedArray[Any]", pattern: str) -> tuple["pa.ChunkedArray[Any]", "pa.ChunkedArray[Any]"]:
    """Take the sample IDs out of file names.

    Args:
        names: File names.
        pattern: How an ID becomes a file name, such as `{id}.jpg`.

    Returns:
        Which names are made by the pattern, and what stands in the place of the ID; the latter means
        nothing for other names.
    """
    before, after = pattern.split("{id}")
    around = len(before.encode()) + len(after.encode())
    fits = pc.and_(pc.starts_with(names, before), pc.ends_with(names, after))
    fits = pc.and_(fits, pc.greater(pc.binary_length(names), around))
    return fits, pc.utf8_slice_codeunits(names, len(before), -len(after) or None) if around else names


def _batches(root: Path, extensions: tuple[str, ...], ignored: list[str]) -> Iterator[pa.RecordBatch]:
    rows: list[tuple[str, int, int]] = []
    for entry, name in _entries(root, ignored):
        if not name.lower().endswith(extensions):
            ignored.append(name)
        else:
            status = entry.stat(follow_symlinks=entry.is_file())
            rows.append((name, status.st_size, status.st_mtime_ns))
            if len(rows) == CHUNK:
                yield _batch(rows)
                rows = []
    yield _batch(rows)


def _batch(rows: list[tuple[str, int, int]]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True) if rows else ([], [], [])
    return pa.record_batch(
        [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)], SCHEMA
    )


def _entries(root: Path, ignored: list[str]) -> Iterator[tuple["os.DirEntry[str]", str]]:
    """Walk all files below a folder that are not hidden."""
    real_root = Path(root).resolve()
    pending: list[tuple[str, str, frozenset[tuple[int, int]]]] = [("", os.fspath(root), frozenset())]
    while pending:
        prefix, folder, above = pending.pop()
        status = Path(folder).stat()
        here = (status.st_dev, status.st_ino)
        if here in above:  # a link led back
            continue
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name in IGNORED_FOLDERS:
                    if not entry.name.startswith(OWN_PREFIX):
                        ignored.append(f"{prefix}{entry.name}")
                    continue
                if entry.is_symlink():
                    _refuse_way_out(real_root, entry)
                name = f"{prefix}{entry.name}"
                if entry.is_dir():
                    pending.append((f"{name}/", entry.path, above | {here}))
                elif entry.is_file() or (entry.is_symlink() and not Path(entry.path).exists()):
                    yield entry, name


def _refuse_way_out(root: Path, entry: "os.DirEntry[str]") -> None:
    target = Path(os.path.realpath(entry.path))
    if not target.is_relative_to(root):
        raise DataError(
            f"{entry.path}: expected a link that stays below {root}, found one to {target}. "
            "Copy the file into the folder, or point the catalog at the folder that it lies in."
        )
