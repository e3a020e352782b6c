"""Make the CSV be there: written on this machine, or the user's own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from outofcore.errors import ConfigurationError, DataError
from outofcore.files import read_record, write_record
from outofcore.parameters.rows import RowDataParameters
from outofcore.types import File

VERSION = 1
"""Raised when the same parameters give another sample than before."""


def acquire_rows(table: File, validation_table: File, data: RowDataParameters) -> dict[str, Any]:
    """Make the CSV be there, and find the work done when it is.

    Args:
        table: The CSV.
        validation_table: The CSV of validation rows, where they have a file of their own.
        data: Where the rows come from.

    Returns:
        What the data is and where it lies.

    Raises:
        ConfigurationError: A sample would be written over somebody's own data.
        DataError: The disk is full or the folder cannot be written to.
    """
    from outofcore.samples.rows import write_rows, write_spread_rows

    def write_validation(path: Path) -> None:
        write_spread_rows(path, data.validation_rows, data.rows)

    own_file = data.validation == "file"
    recipe: dict[str, Any] = {"version": VERSION, "sample": "rows", "rows": data.rows}
    _acquire(table.path, data, recipe, lambda path: write_rows(path, data.rows))
    if own_file:
        _acquire(validation_table.path, data, {**recipe, "validation_rows": data.validation_rows}, write_validation)
    return {
        "source": data.source,
        "table": str(table.path),
        "validation_table": str(validation_table.path) if own_file else None,
        "recipe": None if data.source == "path" else recipe,
    }


def _acquire(path: Path, data: RowDataParameters, recipe: dict[str, Any], write: Callable[[Path], None]) -> None:
    manifest = path.with_name(f".{path.name}.outofcore-sample.json")
    known = read_record(manifest)
    if data.source == "path":
        if known is not None:
            raise ConfigurationError(
                f"{path}: expected data of your own (data.source=path), found a sample that was made here. "
                "Point the catalog at your file, or set data.source=sample."
            )
        return
    size = path.stat().st_size if path.exists() else None
    if known is not None and known["recipe"] == recipe and known["size"] == size is not None:
        return
    if size is not None and (known is None or (known["size"] not in {size, None})):
        raise ConfigurationError(
            f"{path}: expected an empty place for a sample, or a sample as it was made, found other data. "
            "Set data.source=path to train on it, take it away, or point the catalog elsewhere."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        write_record(manifest, {"recipe": recipe, "size": None})  # whatever comes to lie here is ours
        write(path)
        write_record(manifest, {"recipe": recipe, "size": path.stat().st_size})
    except OSError as error:
        raise DataError(
            f"{error.filename or path}: expected a place for a sample, found: {error.strerror}. "
            "Make room, or point the catalog at a folder that can be written to."
        ) from error
