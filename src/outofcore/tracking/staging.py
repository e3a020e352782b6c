"""Copies of what a run has saved, kept until MLflow holds them: later runs write to the same places."""

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from kedro.io.core import get_filepath_str

from outofcore.files import replacing
from outofcore.tracking.result_records import FileRecord

_CHUNK_BYTES = 1 << 20
_DATED = "metadata.json"
"""In a `.keras` file, the member that says when it was saved."""


def saved_path(dataset: Any) -> str:
    """Say where a dataset has put what was saved last, without its protocol.

    Args:
        dataset: A file-based dataset of kedro-datasets or of this project.
    """
    if hasattr(dataset, "_get_load_path"):
        return get_filepath_str(dataset._get_load_path(), getattr(dataset, "_protocol", "file"))
    return str(dataset._filepath)


def stage_dataset(dataset: Any, folder: Path) -> dict[str, FileRecord]:
    """Copy the file, or all files of the folder, that a dataset has saved.

    Args:
        dataset: The dataset, local or remote.
        folder: Receives the copies.

    Returns:
        A record for each file, by its path below `folder`.
    """
    place = saved_path(dataset)
    target = folder / Path(place).name
    filesystem = getattr(dataset, "_fs", None)
    if filesystem is not None and not Path(place).exists():
        folder.mkdir(parents=True, exist_ok=True)
        filesystem.get(place, str(target), recursive=True)
    elif Path(place).is_dir():
        shutil.copytree(place, target, dirs_exist_ok=True)
    else:
        with replacing(target) as temporary:
            shutil.copyfile(place, temporary)
    files = [target] if target.is_file() else sorted(path for path in target.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): FileRecord(source=path, digest=file_digest(path)) for path in files}


def stage_table(table: Any, name: str, folder: Path) -> dict[str, FileRecord]:
    """Write a table as CSV.

    Args:
        table: A pandas or Polars table.
        name: Name of the file, without its ending.
        folder: Receives the file.
    """
    target = folder / f"{name}.csv"
    with replacing(target) as temporary:
        if hasattr(table, "write_csv"):
            table.write_csv(temporary)
        else:
            table.to_csv(temporary, index=False)
    return {target.name: FileRecord(source=target, digest=file_digest(target))}


def link_or_copy(source: Path, target: Path) -> None:
    """Keep a file that is only ever replaced whole: a second name for it costs no room."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def file_digest(path: Path) -> str:
    """Hash a file."""
    with path.open("rb") as file:
        return _digest(file)


def model_digest(path: Path) -> str:
    """Hash a `.keras` file but for the time at which it was saved: the same model gives the same hash."""
    with zipfile.ZipFile(path) as archive:
        members = sorted(name for name in archive.namelist() if name != _DATED)
        parts = {}
        for name in members:
            with archive.open(name) as file:
                parts[name] = _digest(file)
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


def _digest(file: IO[bytes]) -> str:
    hashed = hashlib.blake2b(digest_size=16)
    for chunk in _chunks(file):
        hashed.update(chunk)
    return hashed.hexdigest()


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk
