"""A Kedro dataset for loaders: saved as a specification, loaded as a `BatchLoader`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset
from kedro_datasets._typing import TablePreview

from outofcore.datasets.preview_tables import specification_table
from outofcore.files import write_json
from outofcore.loaders.specification import LoaderSpecification

if TYPE_CHECKING:
    from outofcore.loaders.batch_loader import BatchLoader


class BatchLoaderDataset(AbstractDataset[LoaderSpecification, "BatchLoader"]):
    """A loader as JSON on disk: what it reads, in which order, in batches of what size.

    Nodes after a restart and notebooks open the same loader from it.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Name the file."""
        self._filepath = Path(filepath).expanduser().resolve()
        self.metadata = metadata

    def save(self, data: LoaderSpecification) -> None:
        """Write the specification."""
        write_json(self._filepath, data.to_json())

    def load(self) -> "BatchLoader":
        """Open the loader; nothing but names and labels is read yet."""
        from outofcore.loaders.batch_loader import open_loader

        return open_loader(LoaderSpecification(**json.loads(self._filepath.read_bytes())))

    def preview(self) -> TablePreview:
        """Show Kedro-Viz the specification; nothing is opened."""
        return TablePreview(specification_table(self._filepath))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath.as_posix()}

    def _exists(self) -> bool:
        return self._filepath.exists()
