"""Turn a folder of files and its labels into an index of samples."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from outofcore.errors import ConfigurationError, DataError
from outofcore.parameters.data import ScanParameters
from outofcore.types import File, Folder, Table

log = logging.getLogger(__name__)

SPLIT_FOLDERS = {
    "train": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "test": "test",
}
"""Names of folders that hold a split, as they are in use."""


def scan(acquired: dict[str, Any], images: Folder, labels: File, parameters: ScanParameters) -> Table:
    """List the samples with their labels and check that both fit together.

    Args:
        acquired: What the data is; the scan waits for it.
        images: Folder of the samples' files.
        labels: Label table; not read when labels come from folders.
        parameters: Where labels, weights and groups stand.

    Returns:
        The index, a row per sample, sorted as the label table or by name: `sample_id` (text),
        `label` (text), `weight` (float32), `group` (text), `size` in bytes, `mtime_ns`, `problem`
        (text; a missing file or a second row of the same sample, or empty), and `split` (text; the one
        that the sample's folder names, or empty).

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
    if parameters.labels_from == "folders":
        index = _from_folders(images, parameters)
    else:
        index = _from_table(images, labels, parameters)
    index = index.assign(split=_given_splits(images, index) if parameters.splits_from == "folders" else "")
    log.info("%d samples of %d labels in %s", len(index), index["label"].nunique(), images.path)
    return index


def _from_folders(images: Folder, parameters: ScanParameters) -> Table:
    """Take the folder in each sample's ID as its class."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    from outofcore.nodes.index_checks import check_ids
    from outofcore.sources.listing import ids_of

    files, problems = _class_files(images.path, parameters.extensions)
    fits, ids = ids_of(files["name"], parameters.file_pattern)
    if not pc.all(fits).as_py():
        name = files["name"][pc.index(fits, pa.scalar(False)).as_py()].as_py()
        raise DataError(
            f"{images.path / name}: expected a file named as scan.file_pattern says, {parameters.file_pattern!r}, "
            "found another name. Correct scan.file_pattern, for example to '{id}', or rename the file."
        )
    label = pc.replace_substring_regex(ids, pattern="/?[^/]*$", replacement="")
    if parameters.splits_from == "folders":
        label = pc.replace_substring_regex(label, pattern="^[^/]*/?", replacement="")
    check_ids(images.path, ids, label)
    index = pd.DataFrame({"sample_id": ids.to_pandas(), "label": label.to_pandas()})
    names = files["name"].to_pandas()
    stray = names[index["label"] == ""]
    levels = "the folder of its split" if parameters.splits_from == "folders" else str(images.path)
    if len(stray):
        raise DataError(
            f"{images.path / stray.iloc[0]}: expected every file in a folder of its class, found {len(stray)} "
            "outside of one. Move them, or set scan.labels_from=table."
        )
    nested = names[index["label"].str.contains("/", regex=False)]
    if len(nested):
        raise DataError(
            f"{images.path / nested.iloc[0]}: expected the folders of the classes directly in {levels}, found "
            "folders in them. Point the catalog at the folder that holds the class folders, or set "
            "scan.splits_from=folders where it holds the trees of the splits."
        )
    return index.assign(
        weight=np.float32(1.0),
        group="",
        size=files["size"].to_numpy(),
        mtime_ns=files["mtime_ns"].to_numpy(),
        problem=[problems.get(name, "") for name in names] if problems else "",
    )


def _class_files(root: Path, extensions: tuple[str, ...]) -> tuple[Any, dict[str, str]]:
    """List the files in class folders, with folders that are named as files, and what is wrong with those.

    Raises:
        DataError: There are no files, or a folder is empty: its class would be forgotten.
    """
    import pyarrow as pa

    from outofcore.sources.listing import list_files

    files = list_files(root, extensions)
    if not len(files):
        raise DataError(
            f"{root}: expected files ending in {', '.join(extensions)}, found none. "
            "Correct the filepath in the catalog or scan.extensions."
        )
    problems = {}
    for name in _empty_folders(root, {name.rpartition("/")[0] for name in files["name"].to_pylist()}):
        if not name.lower().endswith(extensions):
            raise DataError(
                f"{root / name}: expected a folder of a class with files ending in {', '.join(extensions)}, "
                "found none. Add samples of the class, or take the folder away."
            )
        problems[name] = (
            f"{root / name}: expected the file of sample {name!r}, found a folder. "
            "Put the file in its place, or take the folder away."
        )
    none = [0] * len(problems)
    folders = pa.table({"name": list(problems), "size": none, "mtime_ns": none}, files.schema)
    return pa.concat_tables([files, folders]).sort_by("name"), problems


def _empty_folders(root: Path, holding: set[str]) -> Iterator[str]:
    """Name the folders below the root that hold neither samples nor other folders."""
    from outofcore.sources.listing import IGNORED_FOLDERS

    for folder, below, _ in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith(".") and name not in IGNORED_FOLDERS)
        name = Path(folder).relative_to(root).as_posix()
        if not below and name not in holding and folder != str(root):
            yield name


def _given_splits(images: Folder, index: Table) -> Table:
    """The split that the first folder in each sample's ID names."""
    folder = index["sample_id"].str.extract(r"^([^/]*)/", expand=False).fillna("")
    split = folder.map(SPLIT_FOLDERS)
    unknown = index["sample_id"][split.isna()]
    if len(unknown):
        raise DataError(
            f"{images.path / unknown.iloc[0]}: expected every sample in a folder of its split "
            f"({', '.join(SPLIT_FOLDERS)}), found {len(unknown)} outside of one. "
            "Move them, or set scan.splits_from=hash."
        )
    return split


def _from_table(images: Folder, labels: File, parameters: ScanParameters) -> Table:
    """Join the rows of the label table to the files that they name."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    from outofcore.nodes.index_checks import check_ids, check_labels, number_classes, numeric_weights
    from outofcore.sources.label_table import read_label_table
    from outofcore.sources.listing import list_files

    optional = (parameters.weight_column, parameters.group_column)
    columns = [parameters.id_column, parameters.label_column, *(name for name in optional if name is not None)]
    table = read_label_table(labels.path, list(dict.fromkeys(columns)))
    if not len(table):
        raise DataError(
            f"{labels.path}: expected a row for every sample, found none. Add rows, or set scan.labels_from=folders "
            "where each class has a folder."
        )
    ids, label = table[parameters.id_column], table[parameters.label_column]
    doubles = check_ids(labels.path, ids, label)
    check_labels(labels.path, ids, label)
    label = number_classes(labels.path, ids, label)
    files = list_files(images.path, parameters.extensions)
    before, after = (pa.scalar(part, pa.large_string()) for part in parameters.file_pattern.split("{id}"))
    names = pc.binary_join_element_wise(before, ids, after, pa.scalar("", pa.large_string()))
    rows = pc.index_in(names, value_set=files["name"])
    missing = pc.is_null(rows)
    if rows.null_count == len(names):
        raise DataError(
            f"{images.path / names[0].as_py()}: expected the file of sample {ids[0].as_py()}, found none, "
            f"nor any of the other {len(names) - 1} samples' files. "
            "Correct the folder of the samples in the catalog, scan.file_pattern or scan.extensions."
        )
    if len(files) > len(names):
        log.info("%d files in %s have no row in %s and are left out", len(files) - len(names), images.path, labels.path)
    found = files.take(pc.fill_null(rows, 0))
    absent = missing.to_numpy()
    weight, group = parameters.weight_column, parameters.group_column
    return pd.DataFrame(
        {
            "sample_id": ids.to_pandas(),
            "label": label.to_pandas(),
            "weight": numeric_weights(labels.path, ids, table[weight] if weight else None),
            "group": table[group].to_pandas() if group else "",
            "size": np.where(absent, 0, found["size"].to_numpy()),
            "mtime_ns": np.where(absent, 0, found["mtime_ns"].to_numpy()),
            "problem": _problems(images.path, labels.path, ids, names, absent, doubles),
        }
    )


def _problems(root: Path, table: Path, ids: Any, names: Any, absent: Any, doubles: Any) -> list[str] | str:
    """Say of each sample what is wrong with its row, or give an empty text for all."""
    if not absent.any() and not doubles.any():
        return ""
    from outofcore.nodes.index_checks import place

    problems = [""] * len(names)
    for row in doubles.nonzero()[0]:
        problems[row] = (
            f"{place(table, row)}: expected every sample ID once, found {ids[row].as_py()!r} again. "
            "Take one of the rows out."
        )
    for row in absent.nonzero()[0]:
        path = root / names[row].as_py()
        found = "a folder" if path.is_dir() else "none"
        problems[row] = (
            f"{path}: expected the file of sample {ids[row].as_py()!r}, found {found}. "
            "Restore it, take its row out of the label table, or correct scan.file_pattern or scan.extensions."
        )
    return problems
