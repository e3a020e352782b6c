"""Read a label table: CSV or Parquet, every value as the text that stands in the file."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from outofcore.errors import DataError


def read_label_table(path: Path, columns: list[str]) -> pa.Table:
    """Read columns of a label table as text, so that `007`, `NA` and `1.0` stay what they are.

    Args:
        path: A CSV with a header (`.csv`), or Parquet (`.parquet`).
        columns: Names of the columns to read.

    Returns:
        A table of these columns, all strings; a missing value is an empty text.

    Raises:
        DataError: The file is missing, is not such a table, or lacks a column.
    """
    try:
        table = pq.read_table(path) if path.suffix == ".parquet" else _read_csv(path)
    except FileNotFoundError as error:
        raise DataError(
            f"{path}: expected a label table, found no such file. Correct its filepath in the catalog, "
            "or set scan.labels_from=folders where each class has a folder."
        ) from error
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(
            f"{path}: expected a table with the columns {', '.join(columns)}, found: {str(error).splitlines()[0]}. "
            "Correct the file."
        ) from error
    for name in columns:
        if name not in table.column_names:
            raise DataError(
                f"{path}: expected a column {name!r}, found {', '.join(table.column_names)}. "
                "Correct the column's name in the scan parameters."
            )
    return pa.table({name: pc.fill_null(table[name].cast(pa.large_string()), "") for name in columns})


def _read_csv(path: Path) -> pa.Table:
    header = pa_csv.open_csv(path, convert_options=pa_csv.ConvertOptions(strings_can_be_null=False)).schema
    text = pa_csv.ConvertOptions(
        column_types={name: pa.large_string() for name in header.names}, strings_can_be_null=False
    )
    return pa_csv.read_csv(path, convert_options=text)
