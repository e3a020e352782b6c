"""Read JSON in which no key may stand twice; plain `json.load` would keep the last one silently."""

import json
from pathlib import Path
from typing import Any

from outofcore.errors import DataError


def read_object(path: Path, what: str) -> dict[str, Any]:
    """Read a JSON file that holds one object.

    Args:
        path: The file.
        what: What it should hold, for the error message.

    Raises:
        DataError: The file is missing, is no such JSON, or a key stands in it twice.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, value in pairs:
            if key in values:
                raise DataError(
                    f"{path}: expected every key once, found {key!r} again. Take one of the two entries out."
                )
            values[key] = value
        return values

    try:
        values = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=unique)
    except FileNotFoundError as error:
        raise DataError(f"{path}: expected {what}, found no such file. Correct its filepath in the catalog.") from error
    except (OSError, ValueError) as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        found = f"text that is none ({' '.join(str(error).split()).removesuffix('.')})"
        raise DataError(f"{path}: expected {what} as JSON, found {found}. Correct the file.") from error
    if not isinstance(values, dict):
        raise DataError(f"{path}: expected {what} as a JSON object, found {type(values).__name__}. Correct the file.")
    return values
