"""A Parquet table that is written in parts, so that a run which is killed goes on where it was.

A part is a Parquet file of its own, synced and moved into place whole, beside the identity of what
it was made from. When all are there they are joined, one after the other, into one table and one of
the rows with a problem; the row groups of both are the same wherever the parts were cut.
"""

import contextlib
import fcntl
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from outofcore.errors import DataError
from outofcore.files import read_json, replacing, write_json
from outofcore.identity import digest
from outofcore.progress_bar import progress

PROBLEM = "problem"
"""The column of a part that says what is wrong with a row, or null."""

MARK = "outofcore.mark"
"""Where a part notes what it was saved with."""

IDENTITY = "identity.json"
FINISHED = "finished.json"
LOCK = ".lock"


class TableParts:
    """The rows of a table so far, in a folder.

    Attributes:
        folder: Where the parts lie, and the tables once they are joined.
        table: The joined table.
        problems: The table of rows with a problem: the first column, and `problem`.
        total: Rows that there are to be, `None` where that shows at the end.
        saved: Rows that are safe on disk.
        done: Rows saved and held; 0 where the tables are joined and `total` is `None`.
        mark: What was noted with the last rows, such as where the next ones stand; empty at first.
        finished: Whether both tables are there, as they were written.
        differences: Names in the identity that were others when the folder was last written to: what
            stands there counts for nothing, and is dropped by `begin`.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], total: int | None) -> None:
        """Open the folder and see how far a table of this identity has come.

        Args:
            folder: Made when missing.
            identity: All on which the table depends, as JSON values.
            total: Rows that there are to be, or `None`.

        Raises:
            DataError: Another run writes here.
        """
        self.folder, self.total = folder, total
        self.table, self.problems = folder / "table.parquet", folder / "problems.parquet"
        self._held: list[pa.Table] = []
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = (folder / LOCK).open("w")
        self._take_lock()
        before = read_json(folder / IDENTITY)
        self._identity = dict(identity)
        self.differences = [] if before is None else _differences(before, identity)
        self._is_new = before is None or bool(self.differences)
        for unfinished in folder.glob(".*.tmp.parquet"):  # of a run that was killed
            unfinished.unlink()
        self._parts = [] if self._is_new else self._chain()
        self.finished = not self._is_new and read_json(folder / FINISHED) == self._marks()
        self.saved = self.done = total if self.finished and total is not None else self._stop()
        self.mark = self._last_mark()

    def begin(self) -> None:
        """Make the folder ready for the first rows; what is of another identity is dropped."""
        if self._is_new:
            self._clear()
            write_json(self.folder / IDENTITY, self._identity)
            self._is_new = False

    def add(self, rows: pa.Table, mark: Mapping[str, Any] | None = None) -> None:
        """Hold the next rows.

        Args:
            rows: Any columns, and the column `problem`.
            mark: Noted with them as JSON, for a run that goes on behind them.
        """
        self._held.append(rows)
        self.done += len(rows)
        self.mark = dict(mark or {})

    def save(self) -> None:
        """Write what is held as a part."""
        if self._held:
            path = self.folder / f"part-{self.saved:012d}-{self.done:012d}.parquet"
            rows = pa.concat_tables(self._held).replace_schema_metadata({MARK: json.dumps(self.mark)})
            with replacing(path) as temporary:
                pq.write_table(rows, temporary, write_page_checksum=True)
            self._parts.append(path)
            self._held = []
            self.saved = self.done

    def finish(self, group_rows: int) -> None:
        """Join the parts and drop them.

        Args:
            group_rows: Rows of a row group; no more than these and a part are in memory.

        Raises:
            DataError: A part is damaged.
        """
        if not self.finished:
            with progress("write table", self.done, "rows") as advance:
                good = (_without_problem(part, advance) for part in self._read_parts())
                self._write(self.table, good, group_rows)
            self._write(self.problems, (_with_problem(part) for part in self._read_parts()), group_rows)
            write_json(self.folder / FINISHED, self._marks())
            self.finished = True
        for part in self.folder.glob("part-*"):
            part.unlink()

    def bad(self) -> Iterator[tuple[str, str]]:
        """Give the ID and the problem of each row saved that has one."""
        tables = [pq.read_table(self.problems)] if self.finished else map(_with_problem, self._read_parts())
        for table in tables:
            yield from zip(*(column.to_pylist() for column in table.columns), strict=True)

    def close(self) -> None:
        """Free the folder for others; what is held and not saved is lost."""
        self._lock.close()

    def _take_lock(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise DataError(
                f"{self.folder}: expected to be the only run that writes here, found another at work. Wait for it, "
                "or give this one a data folder of its own in conf/<env>/globals.yml."
            ) from None

    def _clear(self) -> None:
        for path in (*self.folder.glob("part-*"), self.table, self.problems, self.folder / FINISHED):
            path.unlink(missing_ok=True)

    def _chain(self) -> list[Path]:
        """The parts that follow one another from the first row."""
        chain: list[Path] = []
        for path in sorted(self.folder.glob("part-*.parquet")):
            if _ends(path)[0] == (_ends(chain[-1])[1] if chain else 0):
                chain.append(path)
        return chain

    def _stop(self) -> int:
        return _ends(self._parts[-1])[1] if self._parts else 0

    def _marks(self) -> dict[str, Any]:
        """What tells that the joined tables are those that were written."""
        stats = {path.name: path.stat() for path in (self.table, self.problems) if path.exists()}
        return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()}

    def _last_mark(self) -> dict[str, Any]:
        if not self._parts:
            return {}
        with self._reading(self._parts[-1]) as path:
            mark: dict[str, Any] = json.loads((pq.read_schema(path).metadata or {}).get(MARK.encode(), b"{}"))
        return mark

    def _read_parts(self) -> Iterator[pa.Table]:
        for part in self._parts:
            with self._reading(part) as path:
                rows = pq.read_table(path, page_checksum_verification=True)
            yield rows.replace_schema_metadata(None)  # the tables are the same wherever parts end

    @contextlib.contextmanager
    def _reading(self, part: Path) -> Iterator[Path]:
        try:
            yield part
        except (OSError, pa.ArrowException) as error:
            raise DataError(
                f"{part}: expected a part of the table as it was written, found: {str(error).splitlines()[0]}. "
                f"Delete {self.folder} and run again."
            ) from error

    def _write(self, path: Path, tables: Iterator[pa.Table], group_rows: int) -> None:
        first = next(tables)
        with (
            replacing(path) as temporary,
            pq.ParquetWriter(temporary, first.schema, write_page_checksum=True) as writer,
        ):
            for group in regroup(_chained(first, tables), group_rows):
                writer.write_table(group)


def regroup(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Cut tables anew into tables of `rows` rows, the last one shorter; at least one, if without rows."""
    held: pa.Table | None = None
    for table in tables:
        held = table if held is None else pa.concat_tables([held, table])
        while len(held) > rows:
            yield held.slice(0, rows).combine_chunks()  # where chunks end shows in the file
            held = held.slice(rows)
        held = held.combine_chunks()
    if held is not None:
        yield held


def _chained(first: pa.Table, rest: Iterator[pa.Table]) -> Iterator[pa.Table]:
    yield first
    yield from rest


def _without_problem(part: pa.Table, advance: Any) -> pa.Table:
    advance(len(part))
    return part.filter(pc.is_null(part[PROBLEM])).drop_columns([PROBLEM])


def _with_problem(part: pa.Table) -> pa.Table:
    return part.select([part.column_names[0], PROBLEM]).filter(pc.is_valid(part[PROBLEM]))


def _ends(part: Path) -> tuple[int, int]:
    _, start, stop = part.stem.split("-")
    return int(start), int(stop)


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in before.keys() | now.keys() if digest(before.get(name)) != digest(now.get(name)))
