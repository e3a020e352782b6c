"""Follows the files that a training writes: its ledger of metrics and `current.json`."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outofcore.tracking.client import Point
from outofcore.tracking.description import metric_name

logger = logging.getLogger(__name__)

_CHUNK_BYTES = 1 << 18


class LedgerTail:
    """Reads the lines that were appended to a ledger since the last time.

    A resumed training cuts its ledger back and writes on, perhaps beyond the old length before
    anyone looks. So the last line that was read is compared first; where it has changed, reading
    starts again from the top. Whoever reads must leave out what it has seen.

    Args:
        path: The ledger; it may not exist yet.
        prefix: What the names of its metrics shall begin with.
    """

    def __init__(self, path: Path, prefix: str = "") -> None:
        self.path = path
        self._prefix = prefix
        self._offset = 0
        self._last_line = b""
        self._next = (0, b"")

    def read(self) -> list[Point]:
        """Read some of the lines after the last `advance`, whole ones only.

        Returns:
            Values in the order of the file; none when all has been read.
        """
        self._next = (self._offset, self._last_line)
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset - len(self._last_line))
                if file.read(len(self._last_line)) != self._last_line:
                    self._offset, self._last_line = 0, b""
                    file.seek(0)
                lines = []
                offset, last = self._offset, self._last_line
                for line in file:
                    if not line.endswith(b"\n") or offset - self._offset > _CHUNK_BYTES:
                        break
                    lines.append(line)
                    offset, last = offset + len(line), line
        except FileNotFoundError:
            return []
        self._next = (offset, last)
        return [point for line in lines for point in self._points(line)]

    def advance(self) -> bool:
        """Count what was read last as done with.

        Returns:
            Whether that was anything.
        """
        moved = self._next[0] != self._offset
        self._offset, self._last_line = self._next
        return moved

    def _points(self, line: bytes) -> list[Point]:
        try:
            content = json.loads(line)
            time, step = int(content["time"]), int(content["step"])
            return [
                Point(metric_name(self._prefix + name), float(value), time, step)
                for name, value in content["metrics"].items()
                if is_number(value)
            ]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            logger.warning("%s: a line is not a line of metrics and is left out: %r", self.path, error)
            return []


@dataclass(frozen=True)
class CurrentTraining:
    """What `current.json` tells of the training that has begun.

    Attributes:
        identity: Identity of the training: its parameters and data.
        ledger: File of its metrics.
        resumed: Whether it continues from a checkpoint.
    """

    identity: str
    ledger: Path
    resumed: bool


class TrainingWatch:
    """Waits until a training says, with a new `current.json`, that it has begun.

    The file of an earlier training is left out: its ledger belongs to another run.

    Args:
        folder: The training folder.
        prefix: What the names of its metrics shall begin with.
    """

    def __init__(self, folder: Path, prefix: str) -> None:
        self.prefix = prefix
        self._folder = folder
        self._seen = self._signature()

    def look(self) -> CurrentTraining | None:
        """Read the file if it is new since the last look."""
        signature = self._signature()
        if signature is None or signature == self._seen:
            return None
        try:
            content = json.loads((self._folder / "current.json").read_bytes())
            current = CurrentTraining(content["identity"], self._folder / content["ledger"], content["resumed"] is True)
        except (OSError, ValueError, TypeError, KeyError) as error:
            logger.warning("%s: current.json cannot be read, its metrics are not sent: %r", self._folder, error)
            current = None
        self._seen = signature
        return current

    def _signature(self) -> tuple[int, int] | None:
        try:
            status = (self._folder / "current.json").stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns


def is_number(value: Any) -> bool:
    """Tell whether a value can be logged as a metric; booleans cannot."""
    return not isinstance(value, bool | str | bytes) and hasattr(value, "__float__") and not hasattr(value, "__len__")
