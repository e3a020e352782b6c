"""Take splits that somebody has fixed already, as they are."""

import logging
from pathlib import Path
from typing import Any

import numpy as np

from outofcore.errors import DataError
from outofcore.nodes.partition import SPLITS, partition, tabulate
from outofcore.parameters.volumes import GivenPartitionParameters
from outofcore.types import File, Table

log = logging.getLogger(__name__)

COLUMNS = ["sample_id", "split"]
"""Columns of a given partition that is a table."""


def partition_as_given(
    index: Table,
    label_map: dict[str, int],
    parameters: GivenPartitionParameters,
    seed: int,
    given: File,
    report: Table,
) -> tuple[Table, dict[str, Any]]:
    """Assign samples to the splits that were given, or make splits where none were.

    Args:
        index: The index of valid samples.
        label_map: Code of each label.
        parameters: Whether splits are given, and else the shares of those that are made.
        seed: Root of the draw.
        given: The given partition: JSON `{"train": [ids], "validation": [ids], "test": [ids]}`, where
            `test` may be missing, or a CSV or Parquet table with the columns `sample_id` and `split`.
        report: Samples that were found bad, which a given partition may name.

    Returns:
        The partition and a summary, as of `outofcore.nodes.partition.partition`. Samples that stand in
        no given split are left out.

    Raises:
        DataError: An ID stands in two splits, has no file or no label, or a split is empty.
    """
    if not parameters.given:
        return partition(index, label_map, parameters, seed)
    splits = read_partition(given.path)
    _check_known(given.path, splits, index, report)
    code = index["sample_id"].map(splits)
    chosen = code.notna()
    if not chosen.all():
        log.info("%d samples stand in no split of %s and are left out", int((~chosen).sum()), given.path)
    kept = index[chosen].reset_index(drop=True)
    return tabulate(kept, code[chosen].to_numpy(np.int8), label_map, parameters.leakage, given.path)


def read_partition(path: Path) -> dict[str, int]:
    """Read a given partition.

    Returns:
        The number of each ID's split, in the order of `SPLITS`.

    Raises:
        DataError: The file is missing or is no partition, names another split, or an ID twice.
    """
    pairs = _json_pairs(path) if path.suffix == ".json" else _table_pairs(path)
    splits: dict[str, int] = {}
    for sample, split in pairs:
        if split not in SPLITS:
            raise DataError(
                f"{path}: expected the splits {', '.join(SPLITS)}, found {split!r}. Rename it or take it out."
            )
        number = SPLITS.index(split)
        if sample in splits:
            both = split if splits[sample] == number else f"{SPLITS[splits[sample]]} and {split}"
            raise DataError(
                f"{path}, sample {sample!r}: expected every ID once, in one split, found it twice, in {both}. "
                "Take one of the two out."
            )
        splits[sample] = number
    return splits


def _json_pairs(path: Path) -> list[tuple[str, str]]:
    from outofcore.sources.json_objects import read_object

    pairs = []
    for split, ids in read_object(path, "a partition").items():
        if not isinstance(ids, list) or not all(isinstance(sample, str) for sample in ids):
            raise DataError(
                f"{path}: expected a list of IDs as texts for split {split!r}, found something else. "
                'Write it as {"train": ["id-1", "id-2"], "validation": ["id-3"]}.'
            )
        pairs += [(sample, split) for sample in ids]
    return pairs


def _table_pairs(path: Path) -> list[tuple[str, str]]:
    from outofcore.sources.label_table import read_label_table

    table = read_label_table(path, COLUMNS, "a partition")
    return list(zip(*(table[name].to_pylist() for name in COLUMNS), strict=True))


def _check_known(path: Path, splits: dict[str, int], index: Table, report: Table) -> None:
    """Refuse IDs that are no sample; one that validation found bad is known, and left out already."""
    known = set(index["sample_id"]) | set(report["sample_id"])
    unknown = [sample for sample in splits if sample not in known]
    if unknown:
        raise DataError(
            f"{path}, sample {unknown[0]!r}: expected a sample with a file and a label, found neither label nor sample "
            f"of that ID ({len(unknown)} IDs are like it). Label it, or take it out of the partition."
        )
