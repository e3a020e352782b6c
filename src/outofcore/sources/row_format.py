"""What a CSV of numbers looks like: its columns, and where its rows begin."""

import csv
import gzip
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from outofcore.errors import ConfigurationError, DataError

HEAD = 1 << 20
"""Bytes in which the first two lines must end."""

BOM = b"\xef\xbb\xbf"
GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class RowFormat:
    """The form of a file's rows.

    Attributes:
        delimiter: What stands between two values.
        decimal_comma: Whether numbers have a comma where others have a point.
        columns: Names of all columns of the file, in its order.
        features: Columns of the model's input.
        targets: Columns that it predicts.
        group: Column of groups, or `None`.
        skip_bad: Whether bad rows are left out, rather than refused.
        integers: Columns among features and targets that hold nothing but integers.
        start: Byte at which the first row begins.
        header: Whether a line of names stands before it.
        compressed: Whether the file is gzip; bytes then count after decompression.
    """

    delimiter: str
    decimal_comma: bool
    columns: tuple[str, ...]
    features: tuple[str, ...]
    targets: tuple[str, ...]
    group: str | None
    skip_bad: bool
    integers: tuple[str, ...]
    start: int
    header: bool
    compressed: bool

    @property
    def numbers(self) -> tuple[str, ...]:
        """The columns that are read as numbers: features, then targets."""
        return self.features + self.targets

    def to_json(self) -> dict[str, Any]:
        """Give the values as a JSON object."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @staticmethod
    def from_json(values: dict[str, Any]) -> "RowFormat":
        """Take what `to_json` gave."""
        plain: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        return RowFormat(**plain)


def is_compressed(path: Path) -> bool:
    """Whether a file is gzip, by its first bytes."""
    with path.open("rb") as file:
        return file.read(2) == GZIP


def read_format(
    path: Path,
    features: Sequence[str],
    targets: Sequence[str],
    *,
    delimiter: str,
    decimal_comma: bool,
    header: bool,
    columns: Sequence[str] | None,
    group: str | None,
    skip_bad: bool,
) -> RowFormat:
    """Look at the first lines of a file.

    Args:
        path: The file.
        features: Columns of the model's input.
        targets: Columns that it predicts.
        delimiter: What stands between two values.
        decimal_comma: Whether numbers have a comma where others have a point.
        header: Whether the first line names the columns.
        columns: Their names where it does not, or `None` to number them from 0.
        group: Column of groups, or `None`.
        skip_bad: Whether bad rows are left out.

    Returns:
        The form, with all columns of numbers taken for integers.

    Raises:
        DataError: The file is missing, empty, of another encoding, or has other columns.
    """
    head, compressed = _head(path)
    begin = len(BOM) if head.startswith(BOM) else 0
    lines = _first_lines(head, begin)
    if not lines:
        raise DataError(f"{path}, line 1: expected rows of numbers, found an empty file. Put the data there.")
    first, after = _fields(path, 1, lines[0][0], delimiter), lines[0][1]
    if header:
        names, start = tuple(name.strip() for name in first), after
        data = _fields(path, 2, lines[1][0], delimiter) if len(lines) > 1 else None
    else:
        names, start, data = tuple(columns or map(str, range(len(first)))), begin, first
    wanted = [*features, *targets, *([group] if group is not None else [])]
    _check_columns(path, names, wanted, header, delimiter, bool(targets))
    if data is not None and len(data) > len(names):
        raise DataError(
            f"{path}, line {2 if header else 1} (row 1): expected {len(names)} values as there are columns "
            f"({_listed(names)}), found {len(data)}. Name every column, or correct the rows."
        )
    return RowFormat(
        delimiter=delimiter, decimal_comma=decimal_comma, columns=names, features=tuple(features),
        targets=tuple(targets), group=group, skip_bad=skip_bad, integers=(*features, *targets), start=start,
        header=header, compressed=compressed,
    )  # fmt: skip


def _head(path: Path) -> tuple[bytes, bool]:
    try:
        compressed = is_compressed(path)
        with gzip.open(path) if compressed else path.open("rb") as file:
            head = file.read(HEAD)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        head = _what_there_is(path)
    except OSError as error:
        raise DataError(
            f"{path}: expected a CSV, found: {error.strerror or error}. Correct the path in the catalog."
        ) from error
    if head[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\x00" in head[:1024]:
        raise DataError(
            f"{path}, line 1: expected text in UTF-8, found UTF-16 or binary data. "
            "Save it as UTF-8, for instance with: iconv -f UTF-16 -t UTF-8."
        )
    return head, compressed


def _what_there_is(path: Path) -> bytes:
    """Decompress as much of a damaged file as can be had; reading its rows will say where it ends."""
    try:
        return zlib.decompressobj(31).decompress(path.read_bytes()[:HEAD], HEAD)
    except zlib.error as error:
        raise DataError(f"{path}, line 1: expected gzip, found: {error}. Restore the file.") from error


def _first_lines(head: bytes, begin: int) -> list[tuple[bytes, int]]:
    """Give the first two lines that are not blank, each with the byte after it."""
    found: list[tuple[bytes, int]] = []
    while begin < len(head) and len(found) < 2:
        end = head.find(b"\n", begin) + 1 or len(head)
        if head[begin:end].strip():
            found.append((head[begin:end].rstrip(b"\r\n"), end))
        begin = end
    return found


def _fields(path: Path, number: int, line: bytes, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line.decode()], delimiter=delimiter, strict=True))
    except UnicodeDecodeError as error:
        raise DataError(f"{path}, line {number}: expected text in UTF-8, found: {error.reason}. Convert it.") from error
    except csv.Error as error:
        raise DataError(f"{path}, line {number}: expected a row, found: {error}. Close the quote.") from error


def _check_columns(
    path: Path, names: tuple[str, ...], wanted: list[str], header: bool, delimiter: str, learns: bool
) -> None:
    doubled = [name for name in wanted if names.count(name) > 1]
    missing = [name for name in wanted if name not in names]
    if not doubled and not missing:
        return
    expected = f"expected the column {missing[0]!r}" if missing else f"expected the column {doubled[0]!r} once"
    if not header:
        raise ConfigurationError(
            f"{path}, line 1 (row 1): {expected}, found the columns {_listed(names)}. Correct scan.columns, or "
            f"scan.features{' and scan.targets' * learns}; without scan.columns the columns are '0', '1', ..."
        )
    hint = "Correct scan.features, scan.targets or the header"
    if not learns:
        hint = "Correct the header, or take a table with the columns of the model (scan.features)"
    if len(names) == 1:
        hint = f"Set scan.delimiter (now {delimiter!r}) to what stands between the columns"
    elif any(_is_number(name) for name in names):
        hint = "Set scan.header=false where the first line is data, or add a header"
    raise DataError(f"{path}, line 1: {expected} in the header, found {_listed(names)}. {hint}.")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _listed(names: Sequence[str], most: int = 8) -> str:
    shown = ", ".join(repr(name[:40]) for name in names[:most])
    return f"{shown}, ... ({len(names)} in all)" if len(names) > most else shown
