"""A Kedro dataset through which nodes fetch models from MLflow without knowing it."""

import shutil
import tempfile
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from outofcore.datasets.mlflow_fetching import SCHEMES, fetch, keras_file
from outofcore.errors import DataError
from outofcore.files import replacing

REMEDY = "Look the name up in the MLflow UI, or give model.weights a file."


class MlflowModels:
    """Fetches models by reference, from the store that tracking uses."""

    def fetch(self, reference: str, folder: Path) -> Path:
        """Download the `.keras` file of a model, and nothing that could hold code.

        Args:
            reference: `models:/NAME@ALIAS`, `models:/NAME/VERSION`, or `runs:/ID/PATH`.
            folder: Where it goes.

        Returns:
            Path of the file.

        Raises:
            DataError: MLflow does not know it, does not answer, or it is no Keras model.
        """
        if not reference.startswith(SCHEMES):
            raise DataError(
                f"mlflow:{reference}: expected a reference that begins with {' or '.join(SCHEMES)}, found another. "
                "Correct model.weights."
            )
        folder.mkdir(parents=True, exist_ok=True)
        kept = folder / "model.keras"
        with tempfile.TemporaryDirectory() as temporary:
            found = keras_file(fetch(reference, Path(temporary), None, REMEDY), reference, REMEDY)
            with replacing(kept) as part:
                shutil.copyfile(found, part)
        return kept


class MlflowModelsDataset(AbstractDataset[Any, MlflowModels]):
    """Hands out `MlflowModels`; MLflow is imported when a model is fetched, never before."""

    def __init__(self, *, metadata: dict[str, Any] | None = None) -> None:
        """Take nothing: tracking.yml names the store."""
        self.metadata = metadata

    def load(self) -> MlflowModels:
        """Hand out what fetches models."""
        return MlflowModels()

    def save(self, data: Any) -> NoReturn:
        """Refuse: nothing is written through it."""
        raise DatasetError("MLflow's models cannot be saved to; a node fetches from them.")

    def _describe(self) -> dict[str, Any]:
        return {}

    def _exists(self) -> bool:
        return True
