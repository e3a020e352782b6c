"""Kedro datasets that hand out places on disk, never their content."""

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import HTMLPreview, TablePreview

from outofcore.datasets.preview_tables import last_metrics_table
from outofcore.datasets.previews import file_html, folder_html
from outofcore.types import File, Folder, TrainingFolder


class _Handle(AbstractDataset[Any, Any]):
    """Common part: a path, and a refusal to save."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        # Kedro puts the project's folder before a path that does not begin with a slash
        _, home, below = filepath.partition("/~/")
        self._filepath = (Path("~", below) if home else Path(filepath)).expanduser().resolve()
        self.metadata = metadata

    def save(self, data: Any) -> NoReturn:
        """Refuse: nodes write to the place themselves."""
        raise DatasetError(f"{self._filepath}: a handle cannot be saved to; a node writes to its path.")

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath.as_posix()}

    def _exists(self) -> bool:
        return self._filepath.exists()


class FolderDataset(_Handle):
    """A folder, loaded as `outofcore.types.Folder`. It need not exist yet."""

    def load(self) -> Folder:
        """Hand out the folder's path."""
        return Folder(self._filepath)

    def preview(self) -> HTMLPreview:
        """Show Kedro-Viz the first images, or the first files."""
        return HTMLPreview(folder_html(self._filepath))


class FileDataset(_Handle):
    """A file, loaded as `outofcore.types.File`. It need not exist yet."""

    def load(self) -> File:
        """Hand out the file's path."""
        return File(self._filepath)

    def preview(self) -> HTMLPreview:
        """Show Kedro-Viz the size, and the first rows of a CSV."""
        return HTMLPreview(file_html(self._filepath))


class TrainingFolderDataset(_Handle):
    """A folder of checkpoints and metrics, loaded as `outofcore.types.TrainingFolder`."""

    def load(self) -> TrainingFolder:
        """Hand out the folder's path."""
        return TrainingFolder(self._filepath)

    def preview(self) -> TablePreview:
        """Show Kedro-Viz the last metrics."""
        return TablePreview(last_metrics_table(self._filepath))
