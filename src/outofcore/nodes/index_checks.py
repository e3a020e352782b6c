"""Checks of sample IDs, labels and weights, over whole columns at once."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from outofcore.errors import DataError

UNSAFE_ID = r"(^/)|(^|/)\.\.(/|$)|[\x00-\x1f\x7f]|^$"
"""IDs that lead out of the folder, hold control characters, or are empty."""

NO_LABEL = r"^\s*$|^(?i:nan)$|^\s|\s$"
"""Labels that are missing, or that blanks around them would make a class of their own."""

NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
WHOLE_NUMBER = r"^\d+(\.0*)?$"


def check_ids(path: Path, ids: "pa.ChunkedArray[Any]", labels: "pa.ChunkedArray[Any]") -> NDArray[np.bool_]:
    """Refuse IDs that are unsafe, ambiguous, or that some file systems cannot tell apart.

    Args:
        path: The label table, or the folder whose files are the samples.
        ids: Sample IDs, texts.
        labels: Label of each sample, texts.

    Returns:
        Which rows repeat a sample that stands before them with the same label, shape `(rows,)`.

    Raises:
        DataError: Such an ID was found; the message names it and its row.
    """
    unsafe = pc.match_substring_regex(ids, UNSAFE_ID)
    if pc.any(unsafe).as_py():
        row = _first(unsafe)
        raise DataError(
            f"{place(path, row)}: expected the name of a file below the folder of the samples as sample ID, "
            f"found {ids[row].as_py()!r}. Correct the row or rename the file."
        )
    folded = pc.utf8_lower(pc.utf8_normalize(ids, form="NFC"))
    repeated = _repeated(folded)
    doubles = _repeated(ids) if repeated.any() else repeated  # IDs that are the same are alike too
    _refuse_conflicts(path, ids, labels, doubles)
    alike = next(iter(np.flatnonzero(repeated & ~doubles).tolist()), None)
    if alike is not None:
        same = pc.index(folded, folded[alike]).as_py()
        raise DataError(
            f"{place(path, alike)}: expected IDs that differ in more than case or Unicode form, found "
            f"{ids[alike].as_py()!r} beside {ids[same].as_py()!r}. Rename one of the files."
        )
    return doubles


def _refuse_conflicts(
    path: Path, ids: "pa.ChunkedArray[Any]", labels: "pa.ChunkedArray[Any]", doubles: NDArray[np.bool_]
) -> None:
    """Refuse rows of the same sample with different labels."""
    for row in np.flatnonzero(doubles).tolist():
        same = pc.index(ids, ids[row]).as_py()
        if labels[same].as_py() != labels[row].as_py():
            both = f"{labels[same].as_py()!r} in {_row(path, same)} and {labels[row].as_py()!r} in {_row(path, row)}"
            raise DataError(
                f"{place(path, row)}: expected one label for sample {ids[row].as_py()!r}, found {both}. "
                "Take one of the rows out."
            )


def check_labels(path: Path, ids: "pa.ChunkedArray[Any]", labels: "pa.ChunkedArray[Any]") -> None:
    """Refuse samples without a label, and labels with blanks around them.

    Raises:
        DataError: A label is empty or `nan`; the message names the sample and its row.
    """
    missing = pc.match_substring_regex(labels, NO_LABEL)
    if pc.any(missing).as_py():
        row = _first(missing)
        raise DataError(
            f"{place(path, row)}: expected a label without blanks around it for sample {ids[row].as_py()!r}, found "
            f"{labels[row].as_py()!r} ({pc.sum(missing).as_py()} rows are like it). Label them or take them out."
        )


def number_classes(path: Path, ids: "pa.ChunkedArray[Any]", labels: "pa.ChunkedArray[Any]") -> "pa.ChunkedArray[Any]":
    """Write labels that are all numbers as whole numbers: `1.0`, as a column of floats has it, is `1`.

    Where a single label is not a number, all are names and stay as they are.

    Returns:
        The labels, texts.

    Raises:
        DataError: All labels are numbers and one is negative or has a fraction.
    """
    distinct = pc.unique(labels)
    if not pc.all(pc.match_substring_regex(distinct, NUMBER)).as_py():
        return labels
    wrong = distinct.filter(pc.invert(pc.match_substring_regex(distinct, WHOLE_NUMBER)))
    if len(wrong):
        row = pc.index(labels, wrong[0]).as_py()
        raise DataError(
            f"{place(path, row)}: expected a name or a whole number of at least 0 as label of sample "
            f"{ids[row].as_py()!r}, found {wrong[0].as_py()!r}. Number the classes from 0, or give them names."
        )
    return pc.replace_substring_regex(labels, pattern=r"\.0*$", replacement="")


def numeric_weights(
    path: Path, ids: "pa.ChunkedArray[Any]", weights: "pa.ChunkedArray[Any] | None"
) -> NDArray[np.float32]:
    """Turn a column of weights into numbers; without a column, every weight is 1.

    Returns:
        Weights, float32, shape `(samples,)`.

    Raises:
        DataError: A weight is not a finite float32 number of at least 0.
    """
    if weights is None:
        return np.ones(len(ids), np.float32)
    texts = pc.if_else(pc.match_substring_regex(weights, NUMBER), weights, "nan")
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused
        numbers: NDArray[np.float32] = texts.cast(pa.float64()).to_numpy().astype(np.float32)
    bad = ~(np.isfinite(numbers) & (numbers >= 0))
    if bad.any():
        row = int(bad.argmax())
        raise DataError(
            f"{place(path, row)}: expected a weight of at least 0 for sample {ids[row].as_py()!r}, "
            f"found {weights[row].as_py()!r}. Correct the row."
        )
    return numbers


def place(path: Path, row: int) -> str:
    """Name a row of a label table; of a folder there is none to name."""
    return f"{path}" if path.is_dir() else f"{path}, {_row(path, row)}"


def _row(path: Path, row: int) -> str:
    """Name a row from 1 on, as a person counts; a CSV's first is its header."""
    if path.suffix == ".json":
        return f"entry {row + 1}"
    return f"row {row + (1 if path.suffix == '.parquet' else 2)}"


def _first(mask: "pa.ChunkedArray[Any]") -> int:
    return int(pc.index(mask, pa.scalar(True)).as_py())


def _repeated(texts: "pa.ChunkedArray[Any]") -> NDArray[np.bool_]:
    """Which texts stand before themselves already."""
    codes = pc.dictionary_encode(texts).combine_chunks()
    if len(codes.dictionary) == len(codes):
        return np.zeros(len(codes), bool)
    _, first_rows = np.unique(codes.indices.to_numpy(), return_index=True)
    repeated = np.ones(len(codes), bool)
    repeated[first_rows] = False
    return repeated


def places_in(values: Any, texts: Any) -> NDArray[np.int32]:
    """Find texts in a column of texts.

    Args:
        values: The column that they may stand in; of equal ones, the first counts.
        texts: The texts, a column.

    Returns:
        The row of each in `values`, or -1, int32, shape `(texts,)`.
    """
    wanted, among = (pa.array(column).cast(pa.large_string()) for column in (texts, values))
    places: NDArray[np.int32] = pc.index_in(wanted, value_set=among).fill_null(-1).to_numpy()
    return places
