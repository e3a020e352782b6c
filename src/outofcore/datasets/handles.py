"""Kedro datasets that hand out places on disk, never their content."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import ImagePreview, TablePreview

from outofcore.datasets.preview_tables import file_table, folder_table, last_metrics_table
from outofcore.datasets.thumbnails import contact_sheet, first_images
from outofcore.files import replacing
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

    @property
    def preview(self) -> Callable[[], Any]:
        """What Kedro-Viz shows: thumbnails where there are images, else the first files.

        A property, for Kedro-Viz learns the kind of a preview from the function's annotation.
        """
        return self._thumbnails if first_images(self._filepath) else self._listing

    def _thumbnails(self) -> ImagePreview:
        return ImagePreview(contact_sheet(first_images(self._filepath)))

    def _listing(self) -> TablePreview:
        return TablePreview(folder_table(self._filepath))


class FileDataset(_Handle):
    """A file, loaded as `outofcore.types.File`. It need not exist yet."""

    def load(self) -> File:
        """Hand out the file's path."""
        return File(self._filepath)

    def preview(self) -> TablePreview:
        """Show Kedro-Viz the first rows of a CSV, or the size."""
        return TablePreview(file_table(self._filepath))


class PlacedFileDataset(FileDataset):
    """A file that a node has written elsewhere, saved by giving it a second name here.

    The content is never loaded, nor copied where the file system knows hard links.
    """

    def save(self, data: File) -> None:  # type: ignore[override]
        """Put the file in place of what stands here."""
        with replacing(self._filepath) as temporary:
            temporary.unlink()
            try:
                os.link(data.path, temporary)
            except OSError:  # another disk, or a file system without links
                shutil.copyfile(data.path, temporary)


class TrainingFolderDataset(_Handle):
    """A folder of checkpoints and metrics, loaded as `outofcore.types.TrainingFolder`."""

    def load(self) -> TrainingFolder:
        """Hand out the folder's path."""
        return TrainingFolder(self._filepath)

    def preview(self) -> TablePreview:
        """Show Kedro-Viz the last metrics."""
        return TablePreview(last_metrics_table(self._filepath))
