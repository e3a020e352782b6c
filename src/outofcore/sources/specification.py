"""Open a source from its specification: plain JSON values that name files, never their content."""

from collections.abc import Callable, Mapping
from typing import Any

from outofcore.sources.base import Source
from outofcore.sources.columns import Columns
from outofcore.sources.names import Names
from outofcore.sources.patches import Patches


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
            return _labelled(specification, _image_files)
        case "npy_files":
            return _labelled(specification, _npy_files)
        case "packed":
            return _packed(specification)
        case "features":
            return _features(specification)
        case "csv_rows" | "packed_rows":
            return _rows(specification)
        case kind:
            raise ValueError(f"Expected a kind of source such as 'image_files', received {kind!r}.")


def _image_files(specification: Mapping[str, Any], names: Names) -> Source:
    from outofcore.sources.image_decoding import ImageForm
    from outofcore.sources.image_files import ImageFiles

    form = ImageForm(**specification["form"])
    return ImageFiles(specification["root"], names, specification["file_pattern"], form)


def _npy_files(specification: Mapping[str, Any], names: Names) -> Source:
    from outofcore.sources.npy_files import NpyFiles
    from outofcore.sources.npy_layout import VolumeForm

    form = {**specification["form"], "shape": tuple(specification["form"]["shape"])}
    files = NpyFiles(specification["root"], names, specification["file_pattern"], VolumeForm(**form))
    patch = specification["patch"]
    return files if patch is None else Patches(files, patch["shape"], patch["seed"])


def _labelled(specification: Mapping[str, Any], files: Callable[[Mapping[str, Any], Names], Source]) -> Source:
    """Files of one split of a partition table, with labels and weights from the same table."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from outofcore.errors import DataError

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
    label = table["label"].to_numpy().astype(np.int32)
    columns = {"label": label}
    if specification["weighted"]:
        weight = table["weight"].to_numpy().astype(np.float32)
        class_weights = specification["class_weights"]
        if class_weights is not None:
            weight = weight * np.asarray(class_weights, np.float32)[label]
        columns["weight"] = weight
    return Columns(files(specification, Names.from_arrow(table["sample_id"])), columns)


def _packed(specification: Mapping[str, Any]) -> Source:
    """A pack in the place of the files that it was made from; labels and weights stay in memory."""
    from outofcore.sources.packed_columns import PackedColumns

    def pack(files: Source) -> Source:
        return PackedColumns(specification["folder"], files, specification["fingerprint"])

    source: Source = _with_files(open_source(specification["of"]), pack)
    return source


def _features(specification: Mapping[str, Any]) -> Source:
    """A pack with a row per sample and pass, one pass after the other; labels and weights are repeated alike."""
    import numpy as np

    from outofcore.sources.packed_columns import PackedColumns
    from outofcore.sources.repeated import Repeated

    of, passes = open_source(specification["of"]), specification["passes"]
    pack = PackedColumns(specification["folder"], Repeated(files_of(of), passes), specification["fingerprint"])
    columns = of.columns if isinstance(of, Columns) else {}
    return Columns(pack, {name: np.concatenate([column] * passes) for name, column in columns.items()})


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


def decoder_of(specification: Mapping[str, Any]) -> str | None:
    """Name the library, with its version, that makes samples of a source's files; `None` where numpy copies them."""
    if specification["kind"] != "image_files":
        return None
    from outofcore.sources.image_decoding import DECODER

    return DECODER


def files_of(source: Source) -> Source:
    """Give what lies on disk whole, without the columns and the patches that stand over it."""
    return files_of(source.source) if isinstance(source, (Columns, Patches)) else source


def _with_files(source: Any, change: Callable[[Source], Source]) -> Any:
    """Put another source in the place of the files, under the same columns and patches."""
    if isinstance(source, (Columns, Patches)):
        return source.over(_with_files(source.source, change))
    return change(source)
