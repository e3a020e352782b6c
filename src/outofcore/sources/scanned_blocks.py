"""Parse a block of a file that was scanned, and hold it to what the scan found."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import DataError
from outofcore.sources.row_blocks import is_whole
from outofcore.sources.row_parsing import ParsedBlock, Place, parse_block
from outofcore.sources.row_scanning import codes_of
from outofcore.sources.row_splits import SPLITS
from outofcore.sources.scanned_rows import ScannedFile


def parse_scanned(data: bytes, scanned: ScannedFile, line: Mapping[str, int]) -> tuple[ParsedBlock, NDArray[np.uint8]]:
    """Parse a block.

    Args:
        data: The block.
        scanned: The file.
        line: The block's line of `outofcore.sources.row_blocks.NUMBERS`.

    Returns:
        The rows that are kept, and the place in `SPLITS` of each.

    Raises:
        DataError: There are other rows than the scan found; the message names the first.
    """
    place = Place(scanned.path, 1, line["row"], False)
    parsed = parse_block(data, scanned.form, place, line["rows"] if is_whole(line) else None)
    codes = codes_of(scanned.split, line["row"], parsed)
    found = np.bincount(codes, minlength=len(SPLITS)).tolist()
    if parsed.rows != line["rows"] or found != [line[split] for split in SPLITS]:
        raise DataError(
            f"{scanned.path}, row {line['row'] + 1:,} or after it: expected {line['rows']:,} rows in this part of the "
            f"file, as it was scanned, found {parsed.rows:,}. Run again from the scan_rows node."
        )
    return parsed, codes
