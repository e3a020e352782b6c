"""Write the rows of a CSV as float32, once, so that they can be read in any order."""

import contextlib
import functools
import logging
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from outofcore.errors import ConfigurationError, DataError
from outofcore.identity import digest
from outofcore.parameters.rows import RowLoaderParameters
from outofcore.progress_bar import progress
from outofcore.sources.base import Field
from outofcore.sources.pack_files import PackWriter, is_current, verify
from outofcore.sources.row_splits import SPLITS
from outofcore.types import File, Folder

log = logging.getLogger(__name__)

VERSION = 1
"""Raised when the same rows are packed in another form than before."""

CHECKPOINT_BYTES = 256 << 20
"""Bytes after which packs can be gone on from."""

MARGIN_BYTES = 1 << 30
"""Room that `auto` leaves on the disk."""


def pack_rows(scan_summary: dict[str, Any], blocks: File, packs: Folder, loader: RowLoaderParameters) -> dict[str, Any]:
    """Write a pack for each split, where packs are asked for or, with `auto`, the disk has room.

    Packs that are whole and hold the same rows are verified and kept.

    Args:
        scan_summary: What the scan found.
        blocks: The table of blocks.
        packs: Folder of the packs.
        loader: Whether to pack.

    Returns:
        `mode` (`packed` or `stream`), and of each pack its `folder`, `fingerprint` and `bytes`.

    Raises:
        ConfigurationError: A compressed file would be streamed.
        DataError: The disk has no room, the file has changed, or a pack is damaged.
    """
    files = list(scan_summary["files"].values())
    form = files[0]["form"]
    by_group = files[0]["split"]["by_group"]
    row_bytes = 4 * (len(form["features"]) + len(form["targets"]))
    described = {}
    for split in SPLITS:
        numbered = by_group and not (split == "validation" and len(files) > 1)
        made_of = [VERSION, scan_summary["digest"], scan_summary["partition_digest"], split]
        described[split] = {
            "folder": str(packs.path / split),
            "fingerprint": digest([*made_of, form["features"], form["targets"], numbered]),
            "bytes": scan_summary["splits"][split] * (row_bytes + 8 * numbered),
            "numbered": numbered,
        }
    stale = [split for split in SPLITS if not _current(described[split])]
    needed = sum(described[split]["bytes"] for split in stale)
    if not _packs(loader, files, packs.path, needed):
        return {"mode": "stream", "packs": {}}
    if stale:
        _write(files, blocks.path, {split: described[split] for split in stale}, row_bytes // 4)
    for pack in described.values():
        verify(Path(pack["folder"]))  # also what was just written: a part of it may be as old as a kill
    return {"mode": "packed", "packs": described}


def _current(pack: dict[str, Any]) -> bool:
    return is_current(Path(pack["folder"]), pack["fingerprint"])


def _packs(loader: RowLoaderParameters, files: list[dict[str, Any]], folder: Path, needed: int) -> bool:
    """Decide whether to pack."""
    compressed = next((file["path"] for file in files if file["form"]["compressed"]), None)
    if loader.mode == "stream":
        if compressed is not None:
            raise ConfigurationError(
                f"{compressed}, row 1: expected a plain CSV with loader.mode=stream, found gzip, which cannot be read "
                "from its middle. Set loader.mode=packed, or decompress the file."
            )
        return False
    folder.mkdir(parents=True, exist_ok=True)
    there = sum(path.stat().st_size for path in folder.glob("*/*.npy")) if needed else 0
    free = shutil.disk_usage(folder).free + there
    sizes = f"{needed / 2**20:,.0f} MiB of room for packs"
    if loader.mode == "auto":
        if needed + MARGIN_BYTES * (needed > 0) <= free or compressed is not None:
            log.info("loader.mode=auto: packed (%s wanted, %s MiB free)", sizes, f"{free / 2**20:,.0f}")
            return True
        log.warning("loader.mode=auto: stream, for %s are wanted and %.0f MiB are free", sizes, free / 2**20)
        return False
    if needed > free:
        raise DataError(
            f"{folder}: expected {sizes}, found {free / 2**20:,.0f}. Make room, move the folder in the catalog, or set "
            "loader.mode=stream."
        )
    return True


def _write(files: list[dict[str, Any]], blocks: Path, packs: dict[str, Any], columns: int) -> None:
    """Write several packs in one pass over the files."""
    from outofcore.sources.packed_rows import NUMBER, ROW
    from outofcore.sources.row_blocks import all_blocks
    from outofcore.sources.scanned_rows import ScannedFile

    numbers, _ = all_blocks(blocks)
    ends = {split: np.cumsum(numbers[split]) for split in packs}
    with contextlib.ExitStack() as stack:
        writers = {}
        for split, pack in packs.items():
            fields = {ROW: Field((columns,), "float32")} | ({NUMBER: Field((), "int64")} if pack["numbered"] else {})
            writer = PackWriter(Path(pack["folder"]), fields, int(ends[split][-1]), pack["fingerprint"])
            writers[split] = stack.enter_context(contextlib.closing(writer))
        whole = [ends[split] <= writer.done for split, writer in writers.items()]
        first = int(np.argmin(np.logical_and.reduce(whole))) if not np.all(whole) else len(numbers["row"])
        done = sum(writer.done for writer in writers.values())
        advance = stack.enter_context(progress("pack", sum(int(end[-1]) for end in ends.values()), "rows", done))
        scanned = [ScannedFile.from_json(file) for file in files]
        for block, parts in _rows(scanned, numbers, first):
            for split, writer in writers.items():
                count = int(numbers[split][block])
                if count and writer.done < ends[split][block]:
                    writer.write(parts[split])
                    advance(count)
            if sum(writer.done - writer.saved for writer in writers.values()) * columns * 4 >= CHECKPOINT_BYTES:
                for writer in writers.values():
                    writer.checkpoint()
        for writer in writers.values():
            writer.finish()


def _rows(files: list[Any], numbers: Any, first: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Parse the blocks from `first` on; give the rows of each split and their numbers."""
    from outofcore.memory import keep_freed_memory
    from outofcore.sources.ahead import map_ahead
    from outofcore.sources.row_parsing import PARSERS

    keep_freed_memory()

    for number, scanned in enumerate(files):
        chosen = [block for block in range(first, len(numbers["row"])) if numbers["file"][block] == number]
        if not chosen:
            continue
        with contextlib.closing(scanned.open()) as file:
            yield from map_ahead(functools.partial(_split, scanned, numbers), _read(file, numbers, chosen), PARSERS)


def _read(file: Any, numbers: Any, chosen: list[int]) -> Iterator[tuple[int, bytes]]:
    """Read blocks as they were scanned."""
    ranges = [(int(numbers["start"][block]), int(numbers["stop"][block])) for block in chosen]
    for block, data in zip(chosen, file.read_ranges(ranges), strict=True):
        file.row = int(numbers["row"][block]) + 1
        file.check_unchanged()
        yield block, data


def _split(scanned: Any, numbers: Any, read: tuple[int, bytes]) -> tuple[int, dict[str, Any]]:
    """Parse a block, and part its rows and their numbers by split."""
    from outofcore.sources.packed_rows import NUMBER, ROW
    from outofcore.sources.plain_rows import plain_rows
    from outofcore.sources.row_blocks import line_of
    from outofcore.sources.row_parsing import as_rows, chosen_rows
    from outofcore.sources.row_scanning import row_numbers
    from outofcore.sources.scanned_blocks import parse_scanned

    block, data = read
    line = line_of(numbers, block)
    row = line["row"]
    if zlib.crc32(data) != line["crc"]:
        raise DataError(
            f"{scanned.path}, row {row + 1:,} or after it: expected the content that was scanned, found another. "
            "Run again from the scan_rows node."
        )
    wanted = [split for split in SPLITS if line[split]]
    if (plain := plain_rows(data, scanned, line, wanted)) is not None:
        return block, {split: {ROW: rows} for split, rows in plain.items()}
    parsed, codes = parse_scanned(data, scanned, line)
    rows = as_rows(parsed)
    of = row_numbers(row, parsed.rows, parsed.skipped) if scanned.split.by_group else None
    parts = {
        split: {ROW: chosen_rows(rows, codes == code)} | ({NUMBER: of[codes == code]} if of is not None else {})
        for code, split in enumerate(SPLITS)
        if split in wanted
    }
    return block, parts
