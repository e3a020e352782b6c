"""A Kedro dataset through which nodes fetch models from MLflow without knowing it."""

import os
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from outofcore.errors import DataError

TIMEOUT_SECONDS = "10"
"""Longest wait for one answer of a server, where tracking has not set its own."""

SCHEMES = ("models:/", "runs:/")


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
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", TIMEOUT_SECONDS)
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        import mlflow
        from mlflow.exceptions import MlflowException

        folder.mkdir(parents=True, exist_ok=True)
        try:
            fetched = Path(mlflow.artifacts.download_artifacts(reference, dst_path=str(folder)))
        except (MlflowException, OSError) as error:
            found = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
            raise DataError(
                f"{reference}: expected a model in MLflow at {mlflow.get_tracking_uri()}, found {found}. "
                "Look the name up in the MLflow UI, or give model.weights a file."
            ) from error
        models = [fetched] if fetched.suffix == ".keras" else sorted(fetched.rglob("*.keras"))
        if len(models) != 1:
            raise DataError(
                f"{reference}: expected a Keras model, with one .keras file in it, found {len(models)}. "
                "Look the name up in the MLflow UI, or give model.weights a file."
            )
        return models[0]


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
