"""Checks of sample IDs, labels and weights, over whole columns at once."""

import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from outofcore.errors import DataError

UNSAFE_ID = r"(^/)|(^|/)\.\.(/|$)|[\x00-\x1f\x7f]|^$"
"""IDs that lead out of the folder, hold control characters, or are empty."""


def check_ids(path: Path, ids: "pa.ChunkedArray[Any]", labels: "pa.ChunkedArray[Any]") -> None:
    """Refuse IDs that are unsafe, that stand twice, or that some file systems cannot tell apart.

    Raises:
        DataError: Such an ID was found; the message names it and its row.
    """
    unsafe = pc.match_substring_regex(ids, UNSAFE_ID)
    if pc.any(unsafe).as_py():
        row = _first(unsafe)
        raise DataError(
            f"{path}, row {row + 2}: expected the name of a file below the image folder as sample ID, "
            f"found {ids[row].as_py()!r}. Correct the row."
        )
    _refuse_double(path, ids, labels)
    folded = pa.array([unicodedata.normalize("NFC", text.as_py()) for text in ids]) if _has_wide(ids) else ids
    folded = pc.utf8_lower(folded)
    row = _first_repeated(folded)
    if row is not None:
        same = pc.index(folded, folded[row]).as_py()
        raise DataError(
            f"{path}, row {row + 2}: expected IDs that differ in more than case or Unicode form, found "
            f"{ids[row].as_py()!r} beside {ids[same].as_py()!r} of row {same + 2}. Rename one of the files."
        )


def _refuse_double(path: Path, ids: "pa.ChunkedArray[Any]", labels: "pa.ChunkedArray[Any]") -> None:
    row = _first_repeated(ids)
    if row is None:
        return
    same = pc.index(ids, ids[row]).as_py()
    both = f"label {labels[same].as_py()!r} in row {same + 2} and {labels[row].as_py()!r} in row {row + 2}"
    raise DataError(
        f"{path}, row {row + 2}: expected every sample ID once, found {ids[row].as_py()!r} again ({both}). "
        "Take one of the rows out."
    )


def check_labels(path: Path, ids: "pa.ChunkedArray[Any]", labels: "pa.ChunkedArray[Any]") -> None:
    """Refuse samples without a label.

    Raises:
        DataError: A label is empty or `nan`; the message names the sample and its row.
    """
    missing = pc.match_substring_regex(labels, r"^\s*$|^(?i:nan)$")
    if pc.any(missing).as_py():
        row = _first(missing)
        raise DataError(
            f"{path}, row {row + 2}: expected a label for sample {ids[row].as_py()!r}, found "
            f"{labels[row].as_py()!r} ({pc.sum(missing).as_py()} rows have none). Label them or take them out."
        )


def numeric_weights(
    path: Path, ids: "pa.ChunkedArray[Any]", weights: "pa.ChunkedArray[Any] | None"
) -> NDArray[np.float32]:
    """Turn a column of weights into numbers; without a column, every weight is 1.

    Returns:
        Weights, float32, shape `(samples,)`.

    Raises:
        DataError: A weight is not a finite number of at least 0.
    """
    if weights is None:
        return np.ones(len(ids), np.float32)
    texts = weights.to_pylist()
    numbers = np.array([_number(text) for text in texts])
    bad = ~(np.isfinite(numbers) & (numbers >= 0))
    if bad.any():
        row = int(bad.argmax())
        raise DataError(
            f"{path}, row {row + 2}: expected a weight of at least 0 for sample {ids[row].as_py()!r}, "
            f"found {texts[row]!r}. Correct the row."
        )
    return numbers.astype(np.float32)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _first(mask: "pa.ChunkedArray[Any]") -> int:
    return int(pc.index(mask, pa.scalar(True)).as_py())


def _has_wide(ids: "pa.ChunkedArray[Any]") -> bool:
    return not pc.all(pc.string_is_ascii(ids)).as_py()


def _first_repeated(texts: Any) -> int | None:
    """Row of the first text that stands before it already, or `None`."""
    encoded = pc.dictionary_encode(texts)
    codes = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    if isinstance(codes, pa.ChunkedArray):
        return None
    indices = codes.indices.to_numpy()
    if len(codes.dictionary) == len(indices):
        return None
    _, first_rows = np.unique(indices, return_index=True)
    repeated = np.ones(len(indices), bool)
    repeated[first_rows] = False
    return int(repeated.argmax())
