"""Split samples into training, validation and test."""

import hashlib
import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import DataError
from outofcore.identity import digest
from outofcore.parameters.data import PartitionParameters
from outofcore.types import Table

log = logging.getLogger(__name__)

VERSION = 1
"""Raised when the same index and parameters give another partition than before."""

SPLITS = ("train", "validation", "test")

CHUNK = 65_536
"""Texts that are Python objects at once."""


def partition(
    index: Table, label_map: dict[str, int], parameters: PartitionParameters, seed: int
) -> tuple[Table, dict[str, Any]]:
    """Assign every sample to one split.

    Within each class (or over all, without `stratify`) the samples are put in the order of a hash
    of seed and ID and cut at the shares. Where there are groups, whole groups are put in order and
    cut, each in the class of its lowest code. The order of the index plays no part. Splits that the
    index gives stay as they are; those of which it gives none are drawn from the training samples.

    Args:
        index: The index of valid samples.
        label_map: Code of each label.
        parameters: Shares of the splits.
        seed: Root of the draw.

    Returns:
        The partition, sorted by split, and a summary of the data. The partition's columns are
        `sample_id`, `split`, `label` (code, int32) and `weight` (float32). The summary counts samples and
        has digests: `digest` of the whole index, `partition_digest` of the partition, and `files_digest` of
        the files of each split.

    Raises:
        DataError: A label is not in the label map, a split holds fewer than two classes, or training lacks one.
    """
    label = _codes(index, label_map) if parameters.stratify else None
    shares = np.array([parameters.train, parameters.validation, parameters.test])
    split = _splits(index, label, shares, seed)
    return tabulate(index, split, label_map, parameters.leakage)


def tabulate(
    index: Table, split: NDArray[np.int8], label_map: dict[str, int], leakage: str, given: Path | None = None
) -> tuple[Table, dict[str, Any]]:
    """Check a division of samples and write it as a table.

    Args:
        index: The index of valid samples.
        split: Number of each sample's split, int8, shape `(samples,)`.
        label_map: Code of each label.
        leakage: `refuse` or `warn` of the same content in two splits.
        given: The file that gives the splits, where they were not made here; its test split may be missing.

    Returns:
        The partition and a summary of the data, as of `partition`.

    Raises:
        DataError: A label is not in the label map, the same content stands in two splits, a split holds
            fewer than two classes, or training lacks one.
    """
    import pandas as pd

    label = _codes(index, label_map)
    _check_leakage(index, split, leakage)
    table = pd.DataFrame(
        {
            "sample_id": index["sample_id"],
            "split": pd.Categorical.from_codes(split, pd.Index(SPLITS)),
            "label": label,
            "weight": index["weight"].to_numpy(np.float32),
        }
    ).iloc[np.argsort(split, kind="stable")]
    _check(table, given)
    _check_learned(table, label_map, given)
    return table.reset_index(drop=True), _summary(index, table, label_map)


def tested_split(split: Any) -> str:
    """Name the split that is evaluated in the end: the test split, or validation where a partition has none."""
    return "test" if bool((split == "test").any()) else "validation"


def _codes(index: Table, label_map: dict[str, int]) -> NDArray[np.int32]:
    from outofcore.nodes.index_checks import places_in

    place = places_in(list(label_map), index["label"])
    unknown = index[place < 0]
    if len(unknown):
        raise DataError(
            f"sample {unknown['sample_id'].iloc[0]!r}: expected one of the labels {', '.join(label_map)}, found "
            f"{unknown['label'].iloc[0]!r} ({len(unknown)} samples have a label that is not in the label map). "
            "Correct the label, or run the pipeline from its scan."
        )
    codes = np.array(list(label_map.values()), np.int32)
    return codes[place]


def _splits(index: Table, strata: NDArray[np.int32] | None, shares: NDArray[Any], seed: int) -> NDArray[np.int8]:
    """Take the splits that the index gives, and draw those that it does not."""
    ids, groups = index["sample_id"], index["group"]
    if "split" not in index:
        return assign_splits(ids, groups, strata, shares, seed)
    from outofcore.nodes.index_checks import places_in

    split = np.maximum(places_in(SPLITS, index["split"]), 0).astype(np.int8)  # an empty text is to be drawn
    drawn, train = np.flatnonzero(split == 0), SPLITS.index("train")
    left = np.where([number == train or number not in split for number in range(len(SPLITS))], shares, 0.0)
    stratum = None if strata is None else strata[drawn]
    split[drawn] = assign_splits(ids.iloc[drawn], groups.iloc[drawn], stratum, left / left.sum(), seed)
    return split


def assign_splits(
    ids: Any, groups: Any, strata: NDArray[np.int32] | None, shares: NDArray[Any], seed: int
) -> NDArray[np.int8]:
    """Give each sample the number of its split.

    Args:
        ids: Sample IDs, texts, all different.
        groups: Group of each sample, texts; an empty text is a group of one.
        strata: Class of each sample, int32, or `None`.
        shares: Share of each split; they sum to 1.
        seed: Root of the draw.

    Returns:
        Numbers of splits, int8, shape `(samples,)`.
    """
    import pandas as pd

    codes, unique = np.arange(len(ids)), ids
    if (groups != "").any():
        codes, unique = pd.factorize(ids.where(groups == "", "\x00" + groups))  # no ID holds a NUL: the two cannot meet
    stratum = np.zeros(len(unique), np.int32)
    if strata is not None:
        stratum[:] = np.iinfo(np.int32).max
        np.minimum.at(stratum, codes, strata)
    sizes = np.bincount(codes, minlength=len(unique))
    order = np.lexsort((_hashes(unique, seed), stratum))
    ordered, ordered_stratum = sizes[order], stratum[order]
    through = np.cumsum(ordered)
    starts = np.flatnonzero(np.diff(ordered_stratum, prepend=-1))
    before = np.repeat(through[starts] - ordered[starts], np.diff(starts, append=len(order)))
    total = np.repeat(np.add.reduceat(ordered, starts), np.diff(starts, append=len(order)))
    middle = (through - before - ordered / 2) / total
    split = np.empty(len(unique), np.int8)
    split[order] = np.searchsorted(np.cumsum(shares)[:-1], middle, side="right")
    return split[codes]


def _hashes(texts: Any, seed: int) -> NDArray[np.uint64]:
    """Hash texts with the seed as key: 64 bits each."""
    import pyarrow as pa

    empty = hashlib.blake2b(digest_size=8, key=seed.to_bytes(16, "little"))
    encoded, hashes = pa.array(texts).cast(pa.large_binary()), bytearray()
    for start in range(0, len(encoded), CHUNK):
        for text in encoded.slice(start, CHUNK).to_pylist():
            hashed = empty.copy()  # quicker than to begin with the key
            hashed.update(text)
            hashes += hashed.digest()
    return np.frombuffer(hashes, "<u8")


def _check_leakage(index: Table, split: NDArray[np.int8], leakage: str) -> None:
    """Look for the same content in two splits, which would make a test of memory."""
    order = np.lexsort((split, index["content"].to_numpy()))
    content, ordered = index["content"].to_numpy()[order], split[order]
    pairs = np.flatnonzero((content[1:] == content[:-1]) & (ordered[1:] != ordered[:-1]))
    if not len(pairs):
        return
    one, other = (index["sample_id"].iloc[order[pairs[0] + step]] for step in (0, 1))
    text = (
        f"sample {one!r}: expected its content in one split, found it in {SPLITS[ordered[pairs[0]]]} and as "
        f"{other!r} in {SPLITS[ordered[pairs[0] + 1]]} ({len(pairs)} such pairs). Take one of each out, give both "
        "the same group (scan.group_column), or set partition.leakage=warn."
    )
    if leakage == "refuse":
        raise DataError(text)
    log.warning("%s", text)


def _check(table: Table, given: Path | None) -> None:
    for name in SPLITS:
        rows = table["label"][table["split"] == name]
        if given is not None and name == "test" and rows.empty:
            log.warning(
                "%s names no test split: the validation split is evaluated in the end. It chose the best epoch, so "
                "its metrics are better than those of samples never seen.",
                given,
            )
        elif rows.nunique() < 2:
            found = "no samples" if rows.empty else f"{len(rows)} samples of one class alone"
            remedy = "Add samples, raise its share in partition, or set partition.stratify=true."
            raise DataError(
                f"split {name}: expected samples of at least two classes, found {found}. "
                + (remedy if given is None else f"Add samples to it in {given}.")
            )


def _check_learned(table: Table, label_map: dict[str, int], given: Path | None) -> None:
    """Refuse a class of which no sample is trained on: its output would mean nothing."""
    learned = set(table["label"][table["split"] == "train"])
    unknown = [label for label, code in label_map.items() if code not in learned]
    if unknown:
        count = int((table["label"] == label_map[unknown[0]]).sum())
        raise DataError(
            f"split train: expected samples of every class, found none of {unknown[0]!r}, of which there are {count}. "
            + ("Add some, or take the class away." if given is None else f"Name some of them for training in {given}.")
        )


def _summary(index: Table, table: Table, label_map: dict[str, int]) -> dict[str, Any]:
    names = {code: label for label, code in label_map.items()}
    counts = table.groupby(["split", "label"], observed=True).size()
    classes = {split: {names[code]: int(counts.get((split, code), 0)) for code in names} for split in SPLITS}
    return {
        "digest": _table_digest(index, ["sample_id", "label", "weight", "group", "content"]),
        "partition_digest": digest([VERSION, _table_digest(table, list(table.columns))]),
        "files_digest": {split: _files_digest(index, table.index[table["split"] == split]) for split in SPLITS},
        "samples": len(index),
        "bytes": int(index["size"].sum()),
        "classes": classes,
        "tested_split": tested_split(table["split"]),
    }


def _files_digest(index: Table, rows: Any) -> str:
    """Hash names and contents of a split's files, in its order; labels and weights play no part."""
    return _table_digest(index.loc[rows], ["sample_id", "content"])


def _table_digest(table: Table, columns: list[str]) -> str:
    """Hash columns of a table: the bytes of numbers, and of texts with their lengths."""
    import pyarrow as pa

    from outofcore.sources.names import Names

    hashed = hashlib.blake2b(digest_size=16)
    for name in columns:
        column = table[name]
        if column.dtype.kind in "iuf":
            hashed.update(np.ascontiguousarray(column.to_numpy()).data)
        else:
            texts = Names.from_arrow(pa.array(column))
            hashed.update(np.ascontiguousarray(texts.offsets).data)
            hashed.update(np.ascontiguousarray(texts.blob).data)
    return hashed.hexdigest()
