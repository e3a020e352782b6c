"""Read a label table: CSV, Parquet or JSON, every value as the text that stands in the file."""

import json
from pathlib import Path
from types import NoneType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from outofcore.errors import DataError
from outofcore.sources.json_objects import read_object

WIDE_TEXT = (b"\xff\xfe", b"\xfe\xff")
"""How UTF-16 begins."""


def read_label_table(path: Path, columns: list[str], what: str = "a label table") -> pa.Table:
    """Read columns of a label table as text, so that `007`, `NA` and `1.0` stay what they are.

    Args:
        path: A CSV in UTF-8 with a header (`.csv`), Parquet (`.parquet`), or JSON (`.json`): one object
            whose keys are the first column and whose values, texts or whole numbers, the second.
        columns: Names of the columns to read.
        what: What the table is, for the error message.

    Returns:
        A table of these columns, all strings; a missing value is an empty text.

    Raises:
        DataError: The file is missing, is not such a table, lacks a column, or a value of a CSV spans
            lines, as after a quote that is not closed.
    """
    try:
        table = READERS.get(path.suffix, _read_csv)(path, columns)
        return pa.table({name: pc.fill_null(table[name].cast(pa.large_string()), "") for name in columns})
    except FileNotFoundError as error:
        raise DataError(
            f"{path}: expected {what}, found no such file. Correct its filepath in the catalog, "
            "or set scan.labels_from=folders where each class has a folder."
        ) from error
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}: expected a table with the columns {', '.join(columns)}, found: {str(error).splitlines()[0]}. "
            "Correct the file."
        ) from error


def _read_parquet(path: Path, columns: list[str]) -> pa.Table:
    with pq.ParquetFile(path) as file:
        _check_columns(path, file.schema_arrow.names, columns)
        return file.read(columns=columns)


def _read_csv(path: Path, columns: list[str]) -> pa.Table:
    _refuse_wide_text(path)
    table = pa_csv.read_csv(
        path,
        read_options=pa_csv.ReadOptions(use_threads=False),  # several do not know the row of an error
        convert_options=pa_csv.ConvertOptions(default_column_type=pa.large_string(), strings_can_be_null=False),
    )
    _check_columns(path, table.column_names, columns)
    for column in table.columns:  # of all, for an open quote in any of them swallows rows
        _refuse_lines(path, column)
    return table.select(columns)


def _read_json(path: Path, columns: list[str]) -> pa.Table:
    values = read_object(path, "a label for each ID")
    if len(columns) != 2:
        raise DataError(
            f"{path}: expected a table with the columns {', '.join(columns)}, found JSON, which has an ID and a label "
            "alone. Give a CSV or Parquet, or set scan.weight_column and scan.group_column to null."
        )
    for sample, label in values.items():
        if isinstance(label, bool) or not isinstance(label, (str, int, float, NoneType)):
            raise DataError(
                f"{path}, sample {sample!r}: expected a text or a number as label, found {json.dumps(label)[:40]}. "
                "Correct the entry."
            )
    labels = [None if label is None else str(label) for label in values.values()]
    texts = (pa.array(list(values), pa.large_string()), pa.array(labels, pa.large_string()))
    return pa.table(dict(zip(columns, texts, strict=True)))


READERS = {".parquet": _read_parquet, ".json": _read_json}
"""How a table is read, by the ending of its name; any other is a CSV."""


def _refuse_lines(path: Path, column: "pa.ChunkedArray[Any]") -> None:
    broken = pc.match_substring_regex(column, r"[\r\n]")
    row = pc.index(broken, pa.scalar(True)).as_py()
    if row >= 0:
        raise DataError(
            f"{path}, row {row + 2}: expected every value on one line, found {column[row].as_py()[:40]!r}. "
            "Close the quote in this row."
        )


def _refuse_wide_text(path: Path) -> None:
    with pa.input_stream(path) as file:
        head = file.read(4096)
    if head.startswith(WIDE_TEXT) or b"\x00" in head:
        raise DataError(
            f"{path}: expected text in UTF-8, found UTF-16 or bytes that are no text. Save it again as CSV in UTF-8."
        )


def _check_columns(path: Path, found: list[str], columns: list[str]) -> None:
    for name in columns:
        if found.count(name) != 1:
            times = f", {name!r} {found.count(name)} times" if name in found else ""
            raise DataError(
                f"{path}: expected one column {name!r}, found {', '.join(found)}{times}. "
                "Correct scan.id_column, scan.label_column, scan.weight_column or scan.group_column "
                "(the last two may be null), or the file."
            )
