"""A Kedro dataset for Keras models: the `.keras` format, written atomically, loaded without code."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset
from kedro_datasets._typing import TablePreview

from outofcore.datasets.preview_tables import layers_table
from outofcore.files import replacing
from outofcore.saved_model import load_model, save_model

if TYPE_CHECKING:
    import keras


class KerasModelDataset(AbstractDataset["keras.Model", "keras.Model"]):
    """A model in one `.keras` file.

    It is plain Keras and is loaded in safe mode, which refuses code inside the file.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Name the file."""
        self._filepath = Path(filepath).expanduser().resolve()
        self.metadata = metadata

    def save(self, data: "keras.Model") -> None:
        """Write the model; see `outofcore.saved_model.save_model`."""
        with replacing(self._filepath) as temporary:
            save_model(data, temporary)

    def load(self) -> "keras.Model":
        """Load the model; see `outofcore.saved_model.load_model`."""
        return load_model(self._filepath)

    def preview(self) -> TablePreview:
        """Show Kedro-Viz the layers; Keras is not needed for it."""
        return TablePreview(layers_table(self._filepath))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath.as_posix()}

    def _exists(self) -> bool:
        return self._filepath.exists()
