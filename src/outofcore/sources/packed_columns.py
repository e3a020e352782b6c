"""Decoded samples from a pack: memory-mapped, gathered as plain arrays."""

import fcntl
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import DataError
from outofcore.sources.base import Buffers, Field, Positions, Source
from outofcore.sources.pack_files import LOCK, MANIFEST


class PackedColumns:
    """A source over one memory-mapped `.npy` per field.

    The pack is ours, so it is mapped; a shared lock keeps whoever would rebuild it away while it is
    read. The map is opened by the process that reads first.

    Attributes:
        folder: Folder of the pack.
        of: The source that was packed, which knows the samples' IDs.
    """

    def __init__(self, folder: str, of: Source) -> None:
        """Describe a pack.

        Raises:
            DataError: There is no whole pack in the folder, or it holds other samples.
        """
        self.folder, self.of = folder, of
        try:
            manifest = json.loads((Path(folder) / MANIFEST).read_bytes())
        except FileNotFoundError:
            raise DataError(
                f"{folder}: expected a pack, found none that is whole. Run again from the pack node, or set "
                "loader.packed=false."
            ) from None
        if manifest["count"] != len(of):
            raise DataError(
                f"{folder}: expected a pack of {len(of)} samples, found {manifest['count']}. "
                "Run again from the pack node; the pack is rebuilt."
            )
        fields = manifest["fields"].items()
        self._fields = {name: Field(tuple(field["shape"]), field["dtype"]) for name, field in fields}
        self._rows: dict[str, NDArray[Any]] | None = None
        self._lock: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave maps and locks behind: a reader process opens its own."""
        return {**self.__dict__, "_rows": None, "_lock": None}

    @property
    def fields(self) -> Mapping[str, Field]:
        """The fields of the pack."""
        return self._fields

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.of)

    def read(self, positions: Positions, out: Buffers) -> None:
        """Copy samples out of the map; see `Source.read`."""
        if self._rows is None:
            self._rows = self._open()
        for name, rows in self._rows.items():
            # "clip" writes straight into the buffer, where "raise" would copy once more
            np.take(rows, positions, axis=0, out=out[name].reshape(len(positions), -1), mode="clip")

    def ids(self, positions: Positions) -> list[str]:
        """Give the sample IDs at positions."""
        return self.of.ids(positions)

    def _open(self) -> dict[str, NDArray[Any]]:
        self._lock = (Path(self.folder) / LOCK).open("rb")
        fcntl.flock(self._lock, fcntl.LOCK_SH)
        return {name: self._map(name, field) for name, field in self._fields.items()}

    def _map(self, name: str, field: Field) -> NDArray[Any]:
        path = Path(self.folder) / f"{name}.npy"
        mapped = np.load(path, mmap_mode="r")
        expected = (len(self), *field.shape)
        if mapped.shape != expected or mapped.dtype != np.dtype(field.dtype):
            raise DataError(
                f"{path}: expected {field.dtype} of shape {expected}, found {mapped.dtype} of shape {mapped.shape}. "
                f"Delete {self.folder} and run again; the pack is rebuilt."
            )
        # indexing a np.memmap is slow: each result is one again
        return np.asarray(mapped).view(np.ndarray).reshape(len(self), -1)
