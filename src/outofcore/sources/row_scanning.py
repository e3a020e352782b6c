"""Scan one CSV: every row is parsed and judged, nothing is kept but a line of numbers for each block."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import DataError
from outofcore.identity import digest
from outofcore.progress_bar import progress
from outofcore.sources import row_file, row_splits
from outofcore.sources.ahead import ahead
from outofcore.sources.row_blocks import NUMBERS
from outofcore.sources.row_file import RawBlock, RowFile, opened
from outofcore.sources.row_format import RowFormat
from outofcore.sources.row_lines import problems_at
from outofcore.sources.row_moments import Moments, join, moments_of, no_moments
from outofcore.sources.row_parsing import ParsedBlock, Place, parse_block
from outofcore.sources.row_splits import SPLITS, RowSplit

FILES = ("table", "validation_table")
"""Names of the files, by their number."""

NAMED = 3
"""Bad rows of a file that are told one by one."""

EXACT = float(1 << 24)
"""Up to here float32 holds every integer."""


@dataclass(frozen=True)
class FileFindings:
    """What a scan finds out about a file.

    Attributes:
        path: The file.
        size: Its bytes on disk.
        mtime_ns: The time of its last change, in ns.
        form: The form of its rows.
        blocks: The columns of `outofcore.sources.row_blocks.NUMBERS` for each block.
        skipped: Places of rows that are left out, of each block.
        moments: Moments of the training rows.
        rounding: Largest difference between a value and what float32 makes of it.
        problems: What is wrong with the first rows that are left out, if any are, at most `NAMED` of them.
    """

    path: Path
    size: int
    mtime_ns: int
    form: RowFormat
    blocks: list[tuple[int, ...]]
    skipped: list[list[int]]
    moments: Moments
    rounding: float
    problems: list[str]


def scan_file(
    path: Path, number: int, form: RowFormat, split: RowSplit, may_round: bool, max_bad_rows: int
) -> FileFindings:
    """Scan a file from its first row to its last.

    Args:
        path: The file.
        number: Its number among the files.
        form: The form of its rows.
        split: How they are split.
        may_round: Whether float32 may round integers.
        max_bad_rows: Bad rows that may be left out, where the form says that they are.

    Raises:
        DataError: A row is not what the form says, or the file changes; the message names the row.
    """
    blocks: list[tuple[int, ...]] = []
    skipped: list[list[int]] = []
    moments, rounding, row, bad, read = no_moments(len(form.numbers)), 0.0, 0, 0, 0
    problems: list[str] = []
    with opened(path, form.compressed) as file, progress("scan", file.size, "bytes") as advance:
        for raw, place, parsed in ahead(_parsed(file, form)):
            bad += len(parsed.skipped)
            if named := parsed.skipped[: NAMED - len(problems)].tolist():
                problems += problems_at(raw.data, form, path, place.line, place.row, place.last, named)
            if bad > max_bad_rows:
                raise DataError(
                    f"{problems[0]} It is the first of {bad:,} bad rows up to here{_others(problems, path)}, and "
                    f"scan.max_bad_rows={max_bad_rows} leaves out no more."
                )
            columns = [column.to_numpy() for column in parsed.columns]
            rounding = max(rounding, _rounding(path, form, row, parsed, columns, may_round))
            codes = codes_of(split, row, parsed)
            counts = np.bincount(codes, minlength=len(SPLITS)).tolist()
            moments = join(moments, moments_of([np.compress(codes == 0, column) for column in columns]))
            stop = raw.start + len(raw.data)
            blocks.append((number, raw.start, stop, row, parsed.rows, *counts, zlib.crc32(raw.data)))
            skipped.append(parsed.skipped.tolist())
            row += parsed.rows
            form = replace(form, integers=tuple(name for name in form.integers if name in parsed.integers))
            advance(raw.read - read)
            read = raw.read
    return FileFindings(path, file.size, file.mtime_ns, form, blocks, skipped, moments, rounding, problems)


def _parsed(file: RowFile, form: RowFormat) -> Iterator[tuple[RawBlock, Place, ParsedBlock]]:
    """Read and parse the blocks of a file, one after the other."""
    line, row = 1 + form.header, 0
    for raw in file.blocks(form.start, row_file.BLOCK_BYTES):
        file.check_unchanged()
        place = Place(file.path, line, row, raw.last)
        try:
            parsed = parse_block(raw.data, form, place, rows=None)
        except DataError as error:
            if _others_are_good(raw, form, place):
                raise DataError(f"{error} Or set scan.max_bad_rows to leave such rows out.") from error
            raise
        form = replace(form, integers=tuple(name for name in form.integers if name in parsed.integers))
        yield raw, place, parsed
        line += int(np.count_nonzero(np.frombuffer(raw.data, np.uint8) == ord("\n")))
        row += parsed.rows
        file.row = row + 1
    file.check_unchanged()


def _others_are_good(raw: RawBlock, form: RowFormat, place: Place) -> bool:
    """Whether a block in which a row was refused has good ones too, and does not end in the middle of a line."""
    try:
        parsed = parse_block(raw.data, replace(form, skip_bad=True), place, rows=None)
    except DataError:
        return False
    return len(parsed.skipped) < parsed.rows


def _others(problems: list[str], path: Path) -> str:
    """Name the bad rows after the first one, and what was expected of each."""
    short = [problem.removeprefix(f"{path}, ").partition(", found ")[0] for problem in problems[1:]]
    return f" (then {'; '.join(short)})" if short else ""


def codes_of(split: RowSplit, row: int, parsed: ParsedBlock) -> NDArray[np.uint8]:
    """Give the place in `SPLITS` of each row of a block that is kept.

    Args:
        split: How the rows are split.
        row: Number of the block's first row, from 0.
        parsed: The block.
    """
    if split.by_group:
        return split.codes(row, len(parsed.groups), parsed.groups)
    codes = split.codes(row, parsed.rows)
    return np.delete(codes, parsed.skipped) if len(parsed.skipped) else codes


def row_numbers(row: int, rows: int, skipped: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers, from 0, of the rows of a block that are kept."""
    numbers = np.arange(row, row + rows)
    return np.delete(numbers, skipped) if len(skipped) else numbers


def _rounding(
    path: Path, form: RowFormat, row: int, parsed: ParsedBlock, columns: list[NDArray[Any]], may_round: bool
) -> float:
    """Find by how much float32 changes the integers of a block.

    Raises:
        DataError: It does, and may not.
    """
    most = 0.0
    for name, column in zip(form.numbers, columns, strict=True):
        if not len(column) or max(abs(float(column.min())), abs(float(column.max()))) <= EXACT:
            continue
        error = np.abs(column.astype(np.float32).astype(np.float64) - column)
        if column.dtype.kind == "f":
            error[column != np.rint(column)] = 0.0
        if error.any() and not may_round:
            place = int(np.flatnonzero(error)[0])
            where = row_numbers(row, parsed.rows, parsed.skipped)[place]
            raise DataError(
                f"{path}, row {where + 1:,}: expected integers in column {name!r} that float32 can hold (all up to "
                f"2**24 = 16,777,216), found {column[place]:,.0f}, which becomes {np.float32(column[place]):,.0f}. "
                "Set scan.float32_rounding=accept if that is close enough, or scale the column."
            )
        most = max(most, float(error.max()))
    return most


def _reading(form: RowFormat) -> list[Any]:
    """All that decides which numbers the same bytes are."""
    return [form.numbers, form.group, form.columns, form.delimiter, form.decimal_comma]


def join_findings(
    findings: list[FileFindings], splits: list[RowSplit]
) -> tuple[Any, dict[str, Any], dict[str, dict[str, float]]]:
    """Put what was found in all files together.

    Returns:
        The table of blocks, a summary and the statistics; see `outofcore.nodes.scan_rows.scan_rows`.
    """
    import pandas as pd

    rows = [line for found in findings for line in found.blocks]
    blocks = pd.DataFrame(np.array(rows, np.int64).reshape(-1, len(NUMBERS)), columns=list(NUMBERS))
    blocks["skipped"] = [places for found in findings for places in found.skipped]
    integers = [name for name in findings[0].form.numbers if all(name in found.form.integers for found in findings)]
    forms = [replace(found.form, integers=tuple(integers)) for found in findings]
    moments = findings[0].moments
    for found in findings[1:]:
        moments = join(moments, found.moments)
    skipped = sum(len(places) for places in blocks["skipped"])
    counts = {name: int(blocks[name].sum()) for name in SPLITS}
    content = [[_reading(found.form), [line[-1] for line in found.blocks]] for found in findings]
    drawn = [row_splits.VERSION, [split.to_json() for split in splits], counts, forms[0].skip_bad]
    summary = {
        "digest": digest(content),
        "partition_digest": digest(drawn),
        "samples": sum(counts.values()),
        "bytes": sum(found.size for found in findings),
        "skipped": skipped,
        "float32_rounding_error": max(found.rounding for found in findings),
        "splits": counts,
        "files": {
            name: {
                "path": str(found.path),
                "size": found.size,
                "mtime_ns": found.mtime_ns,
                "form": form.to_json(),
                "split": split.to_json(),
            }
            for name, found, form, split in zip(FILES, findings, forms, splits, strict=False)
        },
    }
    return blocks, summary, moments.to_json(forms[0].numbers)
