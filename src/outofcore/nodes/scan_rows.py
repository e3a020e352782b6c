"""Look at every row of a CSV once: is it good, to which split does it belong, what are the statistics."""

import logging
from pathlib import Path
from typing import Any

import numpy as np

from outofcore.errors import DataError
from outofcore.files import read_record, replacing, write_record
from outofcore.identity import digest
from outofcore.parameters.rows import RowDataParameters, RowPartitionParameters, RowScanParameters
from outofcore.types import File, Folder, Table

log = logging.getLogger(__name__)

VERSION = 2
"""Raised when a scan finds other things than before; files are scanned again then."""

RECORD, BLOCKS = "record.json", "blocks.parquet"


def scan_rows(
    acquired: dict[str, Any],
    table: File,
    validation_table: File,
    record: Folder,
    data: RowDataParameters,
    scan: RowScanParameters,
    partition: RowPartitionParameters,
    seed: int,
) -> tuple[Table, dict[str, Any], dict[str, Any]]:
    """Read each file once, from its first row to its last.

    What was found is remembered, and found again when neither file nor parameters have changed.

    Args:
        acquired: What the data is; content that was recorded of other data is forgotten.
        table: The CSV.
        validation_table: The CSV of validation rows, where they have a file of their own.
        record: Folder in which findings are remembered.
        data: Whether there is such a file.
        scan: What the columns are.
        partition: Shares of the splits.
        seed: Root of the draw.

    Returns:
        The table of blocks (see `outofcore.sources.row_blocks`); the statistics of every feature and
        target over the training split: `count`, `mean`, `std`, `min`, `max` in float64; and a summary
        with the digests of content and partition, the form of the files and how they are split.

    Raises:
        DataError: A file cannot be read, a row is not what was declared, a split is empty, or the
            content is not what was recorded.
    """
    from outofcore.sources.row_scanning import join_findings, scan_file

    paths = [table.path, *([validation_table.path] if data.validation == "file" else [])]
    splits = _splits(partition, scan, data, seed)
    about = digest([acquired, [str(path) for path in paths]])
    rules = [scan.model_dump(exclude={"changed"}), [split.to_json() for split in splits]]
    fingerprint = digest([VERSION, about, rules, [_status(path) for path in paths]])
    known = _recorded(record.path, about)
    if known is not None and known["fingerprint"] == fingerprint:
        log.info("the rows are as they were when they were last scanned")
        return _blocks(record.path), known["statistics"], known["summary"]
    forms = [_format(path, scan, split.by_group) for path, split in zip(paths, splits, strict=True)]
    findings = []
    for number, (path, form, split) in enumerate(zip(paths, forms, splits, strict=True)):
        found = scan_file(path, number, form, split, scan.float32_rounding == "accept", scan.max_bad_rows)
        findings.append(found)
        if found.problems:
            bad = sum(map(len, found.skipped))
            log.warning(
                "%s bad rows are left out (scan.max_bad_rows), the first of them: %s", f"{bad:,}", found.problems[0]
            )
    blocks, summary, statistics = join_findings(findings, splits)
    if known is not None and scan.changed == "refuse":
        _check_content(_blocks(record.path), blocks, paths)
    _check_splits(paths, blocks, summary)
    _remember(record.path, blocks, {
        "about": about, "fingerprint": fingerprint, "statistics": statistics, "summary": summary,
    })  # fmt: skip
    return blocks, statistics, summary


def _splits(
    partition: RowPartitionParameters, scan: RowScanParameters, data: RowDataParameters, seed: int
) -> list[Any]:
    from outofcore.sources.row_splits import all_validation, split_by_shares

    by_group = scan.group_column is not None
    if data.validation == "split":
        return [split_by_shares(seed, partition.train, partition.validation, partition.test, by_group)]
    return [split_by_shares(seed, partition.train, 0.0, partition.test, by_group), all_validation()]


def _format(path: Path, scan: RowScanParameters, grouped: bool) -> Any:
    from outofcore.sources.row_format import read_format

    return read_format(
        path, scan.features, scan.targets, delimiter=scan.delimiter, decimal_comma=scan.decimal_comma,
        header=scan.header, columns=scan.columns, group=scan.group_column if grouped else None,
        skip_bad=scan.max_bad_rows > 0,
    )  # fmt: skip


def _status(path: Path) -> list[Any]:
    try:
        status = path.stat()
    except OSError as error:
        raise DataError(f"{path}: expected a CSV, found: {error.strerror}. Correct the path in the catalog.") from error
    return [str(path), status.st_size, status.st_mtime_ns]


def _recorded(folder: Path, about: str) -> dict[str, Any] | None:
    """Read what is remembered of this data, if it is whole."""
    known = read_record(folder / RECORD)
    if known is None or known["about"] != about or not (folder / BLOCKS).exists():
        return None
    return known if _table_digest(_blocks(folder)) == known["blocks"] else None


def _blocks(folder: Path) -> Table:
    import pandas as pd

    return pd.read_parquet(folder / BLOCKS)


def _remember(folder: Path, blocks: Table, content: dict[str, Any]) -> None:
    with replacing(folder / BLOCKS) as temporary:
        blocks.to_parquet(temporary, index=False)
    write_record(folder / RECORD, {**content, "blocks": _table_digest(blocks)})


def _table_digest(blocks: Table) -> str:
    columns = [blocks[name].tolist() for name in blocks.columns if name != "skipped"]
    return digest([columns, [list(map(int, places)) for places in blocks["skipped"]]])


def _check_content(before: Table, after: Table, paths: list[Path]) -> None:
    """Refuse a file whose content is not what was recorded of it."""
    for number, path in enumerate(paths):
        old, new = (table[table["file"] == number] for table in (before, after))
        both = min(len(old), len(new))
        one, other = (table[["stop", "crc"]].to_numpy()[:both] for table in (old, new))
        same = int(np.append((one != other).any(axis=1), True).argmax())
        if same == len(old) == len(new):
            continue
        row = int(new["row"].iloc[same]) if same < len(new) else int(old["row"].iloc[same])
        sizes = [int(table["stop"].iloc[-1]) for table in (old, new)]
        raise DataError(
            f"{path}, row {row + 1:,} or after it: expected the content that was recorded ({sizes[0]:,} bytes, "
            f"{int(old['rows'].sum()):,} rows), found another ({sizes[1]:,} bytes, {int(new['rows'].sum()):,} rows). "
            "Restore the file, or set scan.changed=accept."
        )


def _check_splits(paths: list[Path], blocks: Table, summary: dict[str, Any]) -> None:
    for name, rows in summary["splits"].items():
        if rows == 0:
            kept = int(blocks["rows"].sum()) - summary["skipped"]
            expected = "a row" if kept == 0 else f"rows for the split {name}"
            path = paths[-1] if name == "validation" else paths[0]
            found = "none" if kept == 0 else f"none among {kept:,} rows"
            raise DataError(
                f"{path}, row 1 to {int(blocks['rows'].sum()):,}: expected {expected} that is good, found {found}. "
                "Add rows, or change the shares in partition."
            )
