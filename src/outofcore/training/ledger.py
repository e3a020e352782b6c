"""The ledger of metrics: one JSON object per line, the one record that everything else reads."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Ledger:
    """Appends lines `{"step", "epoch", "time", "metrics", "resources"}` to a file.

    Lines are flushed as they come, so that others can follow, and synced with each checkpoint,
    which keeps the length; a resumed run cuts the file back to it.

    Attributes:
        path: The file, `metrics.jsonl`.
    """

    def __init__(self, path: Path, keep_bytes: int = 0) -> None:
        """Open the file and cut it back to its first `keep_bytes` bytes."""
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")
        self._file.truncate(min(keep_bytes, os.fstat(self._file.fileno()).st_size))

    def write(
        self, step: int, epoch: int, metrics: Mapping[str, float], resources: Mapping[str, float] | None = None
    ) -> None:
        """Append a line.

        Args:
            step: Optimizer steps done.
            epoch: Number of the epoch, from 0.
            metrics: Values by name.
            resources: Time spent so far in seconds, and memory held in bytes, by name.
        """
        now = time.time_ns() // 1_000_000
        line = {"step": step, "epoch": epoch, "time": now, "metrics": dict(metrics), "resources": resources or {}}
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()

    def sync(self) -> int:
        """Bring all lines to the disk and return the file's length in bytes."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_ledger(path: Path) -> list[dict[str, Any]]:
    """Read all whole lines of a ledger."""
    return [json.loads(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
