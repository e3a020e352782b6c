"""Decoded samples from a pack: memory-mapped, gathered as plain arrays."""

import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import DataError
from outofcore.sources.base import Buffers, Field, Positions, Source
from outofcore.sources.pack_files import lock, map_field, read_manifest


class PackedColumns:
    """A source over one memory-mapped `.npy` per field.

    The pack is ours, so it is mapped; a shared lock keeps whoever would rebuild it away while it is
    read. The map is opened by the process that reads first.

    Attributes:
        folder: Folder of the pack.
        of: The source that was packed, which knows the samples' IDs.
        fingerprint: What the pack was made from; `None` takes the one that is there.
    """

    def __init__(self, folder: str, of: Source, fingerprint: str | None = None) -> None:
        """Describe a pack.

        Raises:
            DataError: There is no whole pack with this fingerprint in the folder, or it holds
                other samples.
        """
        self.folder, self.of, self.fingerprint = folder, of, fingerprint
        manifest = self._manifest()
        self.fingerprint = manifest["fingerprint"]
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
        for name, rows in self._mapped().items():
            # "clip" writes straight into the buffer, where "raise" would copy once more
            np.take(rows, positions, axis=0, out=out[name], mode="clip")

    def read_parts(self, positions: Positions, corners: NDArray[np.int64], out: Buffers) -> None:
        """Copy parts of samples out of the map; see `outofcore.sources.patches.PartsSource`."""
        for name, rows in self._mapped().items():
            sizes = out[name].shape[1:-1]
            for part, position, corner in zip(out[name], positions.tolist(), corners.tolist(), strict=True):
                inside = tuple(slice(first, first + size) for first, size in zip(corner, sizes, strict=True))
                part[...] = rows[(position, *inside)]

    def ids(self, positions: Positions) -> list[str]:
        """Give the sample IDs at positions."""
        return self.of.ids(positions)

    def _manifest(self) -> dict[str, Any]:
        manifest = read_manifest(Path(self.folder), self.fingerprint)
        if manifest is None:
            raise DataError(
                f"{self.folder}: expected the pack of these samples, found none that is whole. "
                "Run again from the pack node, or set loader.packed=false."
            )
        return manifest

    def _mapped(self) -> dict[str, NDArray[Any]]:
        if self._rows is None:
            self._rows = self._open()
        return self._rows

    def _open(self) -> dict[str, NDArray[Any]]:
        self._lock = lock(Path(self.folder), exclusive=False)
        weakref.finalize(self, self._lock.close)
        self._manifest()  # until the lock was held, another run could rebuild the pack
        folder, count = Path(self.folder), len(self)
        return {name: map_field(folder, name, field, count) for name, field in self._fields.items()}
