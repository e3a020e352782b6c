"""Open a source from its specification: plain JSON values that name files, never their content."""

from collections.abc import Mapping
from typing import Any

from outofcore.sources.base import Source


def open_source(specification: Mapping[str, Any]) -> Source:
    """Open the source that a specification describes.

    Args:
        specification: `kind` chooses the source; the other keys are that kind's.

    Returns:
        The source; nothing but names and columns has been read.

    Raises:
        ValueError: The kind is not known.
        DataError: The table of samples is missing or cannot be read.
    """
    match specification["kind"]:
        case "image_files":
            return _image_files(specification)
        case "packed":
            return _packed(specification)
        case "csv_rows" | "packed_rows":
            return _rows(specification)
        case kind:
            raise ValueError(f"Expected a kind of source such as 'image_files', received {kind!r}.")


def _image_files(specification: Mapping[str, Any]) -> Source:
    """Images of one split of a partition table, with labels and weights from the same table."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from outofcore.errors import DataError
    from outofcore.sources.columns import Columns
    from outofcore.sources.image_decoding import ImageForm
    from outofcore.sources.image_files import ImageFiles
    from outofcore.sources.names import Names

    try:
        table = pq.read_table(
            specification["table"],
            columns=["sample_id", "label", "weight"],
            filters=[("split", "=", specification["split"])],
        )
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            f"{specification['table']}: expected the partition of the samples, found: {str(error).splitlines()[0]}. "
            "Run the pipeline again from its start."
        ) from error
    images = ImageFiles(
        root=specification["root"],
        names=Names.from_arrow(table["sample_id"]),
        file_pattern=specification["file_pattern"],
        form=ImageForm(**specification["form"]),
    )
    label = table["label"].to_numpy().astype(np.int32)
    columns = {"label": label}
    if specification["weighted"]:
        weight = table["weight"].to_numpy().astype(np.float32)
        class_weights = specification["class_weights"]
        if class_weights is not None:
            weight = weight * np.asarray(class_weights, np.float32)[label]
        columns["weight"] = weight
    return Columns(images, columns)


def _packed(specification: Mapping[str, Any]) -> Source:
    """A pack in the place of the files that it was made from; labels and weights stay in memory."""
    from outofcore.sources.columns import Columns
    from outofcore.sources.packed_columns import PackedColumns

    of = open_source(specification["of"])
    inner = of.source if isinstance(of, Columns) else of
    pack = PackedColumns(specification["folder"], inner, specification["fingerprint"])
    return Columns(pack, of.columns) if isinstance(of, Columns) else pack


def _rows(specification: Mapping[str, Any]) -> Source:
    """Rows of one split of a CSV: parsed when they are asked for, or from a pack."""
    from pathlib import Path

    from outofcore.sources.csv_rows import CsvRows
    from outofcore.sources.packed_rows import PackedRows
    from outofcore.sources.row_blocks import read_blocks
    from outofcore.sources.scanned_rows import ScannedFile

    files = [ScannedFile.from_json(values) for values in specification["files"].values()]
    split = specification["split"]
    blocks = read_blocks(Path(specification["blocks"]), split)
    if specification["kind"] == "csv_rows":
        return CsvRows(files, blocks, split, specification["kept_blocks"])
    return PackedRows(specification["folder"], specification["fingerprint"], files, blocks, split)
