"""Turn a folder of files and its labels into an index of samples."""

import logging
from typing import Any

from outofcore.errors import ConfigurationError, DataError
from outofcore.parameters import ScanParameters
from outofcore.types import File, Folder, Table

log = logging.getLogger(__name__)


def scan(acquired: dict[str, Any], images: Folder, labels: File, parameters: ScanParameters) -> Table:
    """List the samples with their labels and check that both fit together.

    Args:
        acquired: What the data is; the scan waits for it.
        images: Folder of the samples' files.
        labels: Label table; not read when labels come from folders.
        parameters: Where labels, weights and groups stand.

    Returns:
        The index, a row per sample, sorted as the label table or by name: `sample_id` (text),
        `label` (text), `weight` (float32), `group` (text), `size` in bytes, `mtime_ns`.

    Raises:
        DataError: A file or a label is missing, or IDs are not fit for use.
        ConfigurationError: `file_pattern` does not say where the ID goes.
    """
    del acquired
    if parameters.file_pattern.count("{id}") != 1:
        raise ConfigurationError(
            f"scan.file_pattern: expected {{id}} once, as in '{{id}}.jpg', found {parameters.file_pattern!r}. "
            "Correct it in the parameters."
        )
    index = _from_folders(images, parameters) if parameters.labels_from == "folders" else None
    if index is None:
        index = _from_table(images, labels, parameters)
    if not len(index):
        raise DataError(
            f"{images.path}: expected files ending in {', '.join(parameters.extensions)}, found none. "
            "Correct the filepath in the catalog or scan.extensions."
        )
    log.info("%d samples of %d labels in %s", len(index), index["label"].nunique(), images.path)
    return index


def _from_folders(images: Folder, parameters: ScanParameters) -> Table:
    """Take each file's folder as its class."""
    import numpy as np
    import pandas as pd
    import pyarrow.compute as pc

    from outofcore.sources.listing import list_files

    if parameters.file_pattern != "{id}":
        raise ConfigurationError(
            f"scan.file_pattern: expected '{{id}}' with labels from folders, found {parameters.file_pattern!r}. "
            "Correct it in the parameters."
        )
    files = list_files(images.path, parameters.extensions)
    label = pc.replace_substring_regex(files["name"], pattern="/?[^/]*$", replacement="")
    index = pd.DataFrame({"sample_id": files["name"].to_pandas(), "label": label.to_pandas()})
    stray = index["sample_id"][index["label"] == ""]
    if len(stray):
        raise DataError(
            f"{images.path / stray.iloc[0]}: expected every file in a folder of its class, found {len(stray)} "
            "outside of one. Move them, or set scan.labels_from=table."
        )
    return index.assign(
        weight=np.float32(1.0), group="", size=files["size"].to_numpy(), mtime_ns=files["mtime_ns"].to_numpy()
    )


def _from_table(images: Folder, labels: File, parameters: ScanParameters) -> Table:
    """Join the rows of the label table to the files that they name."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    from outofcore.nodes.index_checks import check_ids, check_labels, numeric_weights
    from outofcore.sources.label_table import read_label_table
    from outofcore.sources.listing import list_files

    optional = (parameters.weight_column, parameters.group_column)
    columns = [parameters.id_column, parameters.label_column, *(name for name in optional if name is not None)]
    table = read_label_table(labels.path, list(dict.fromkeys(columns)))
    ids, label = table[parameters.id_column], table[parameters.label_column]
    check_ids(labels.path, ids, label)
    check_labels(labels.path, ids, label)
    files = list_files(images.path, parameters.extensions)
    before, after = (pa.scalar(part, pa.large_string()) for part in parameters.file_pattern.split("{id}"))
    names = pc.binary_join_element_wise(before, ids, after, pa.scalar("", pa.large_string()))
    rows = pc.index_in(names, value_set=files["name"])
    if rows.null_count:
        missing = names.filter(pc.is_null(rows))
        raise DataError(
            f"{images.path / missing[0].as_py()}: expected the file of sample {ids.filter(pc.is_null(rows))[0]}, "
            f"found none ({len(missing)} of {len(names)} samples have no file). "
            "Restore the files, take the rows out of the label table, or correct scan.file_pattern."
        )
    if len(files) > len(names):
        log.info("%d files in %s have no row in %s and are left out", len(files) - len(names), images.path, labels.path)
    found = files.take(rows)
    weight, group = parameters.weight_column, parameters.group_column
    return pd.DataFrame(
        {
            "sample_id": ids.to_pandas(),
            "label": label.to_pandas(),
            "weight": numeric_weights(labels.path, ids, table[weight] if weight else None),
            "group": table[group].to_pandas() if group else "",
            "size": found["size"].to_numpy(),
            "mtime_ns": found["mtime_ns"].to_numpy(),
        }
    )
