"""CSVs with one thing wrong, and what the scan says of them."""

import re
from pathlib import Path
from typing import Any

import pytest
from rows_support import Rows, lines, plain, whole_pass

from outofcore.errors import DataError

COUNT = 300


def refused(rows: Rows, expected: str, error: type[Exception] = DataError, **changes: Any) -> str:
    """Scan, and give the message of the error, whose first line names the file and the row."""
    with pytest.raises(error, match=expected) as caught:
        rows.scan(**changes)
    first = str(caught.value).splitlines()[0]
    assert first.startswith(f"{rows.table}, ")
    assert re.match(r", (line|row) \d", first.removeprefix(str(rows.table)))
    return first


def csv(tmp_path: Path, row: str, at: int = 200, **changes: Any) -> Rows:
    """A good file but for one line."""
    content = plain(COUNT)
    content[at] = row
    return Rows(tmp_path, lines(*content), **changes)


def values(rows: Rows) -> tuple[list[float], list[str]]:
    """Feature and ID of every row of the training split, both ways of reading them being the same."""
    rows.pack("packed")
    x, _, ids = whole_pass(rows.loader(shuffle=False))
    rows.pack("stream")
    streamed, _, streamed_ids = whole_pass(rows.loader(shuffle=False))
    assert (streamed.tobytes(), streamed_ids) == (x.tobytes(), ids)
    return x[:, 0].tolist(), ids
