"""A Kedro dataset for Keras models: the `.keras` format, written atomically, loaded without code."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset

from outofcore.files import replacing

if TYPE_CHECKING:
    import keras


class KerasModelDataset(AbstractDataset["keras.Model", "keras.Model"]):
    """A model in one `.keras` file.

    It is plain Keras and is loaded in safe mode, which refuses code inside the file. See
    https://keras.io/api/models/model_saving_apis/model_saving_and_loading/.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Name the file."""
        self._filepath = Path(filepath).expanduser().resolve()
        self.metadata = metadata

    def save(self, data: "keras.Model") -> None:
        """Write the model with its compile arguments and optimizer state."""
        with replacing(self._filepath) as temporary:
            data.save(temporary)

    def load(self) -> "keras.Model":
        """Load the model."""
        from outofcore.backend import keras

        return keras.saving.load_model(self._filepath, safe_mode=True)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath.as_posix()}

    def _exists(self) -> bool:
        return self._filepath.exists()
