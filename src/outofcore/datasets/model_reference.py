"""A Kedro dataset for a trained model wherever it is: a file, or a reference to MLflow."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from outofcore.datasets.mlflow_fetching import SCHEMES, fetch, keras_file
from outofcore.errors import DataError
from outofcore.files import replacing, write_json
from outofcore.identity import digest
from outofcore.types import ModelFile

REMEDY = "Look the name up in the MLflow UI, or give predict.model a .keras file."


class ModelReferenceDataset(AbstractDataset[Any, ModelFile]):
    """A model, loaded as `outofcore.types.ModelFile`; the file itself is not read.

    References are `models:/NAME@ALIAS`, `models:/NAME/VERSION`, `models:/ID`, and `runs:/ID/NAME`, in the
    store that tracking.yml names. What they stand for is asked anew at every load; of the model's
    files, the `.keras` file and its label map alone are kept.
    """

    def __init__(
        self,
        *,
        filepath: str,
        cache: Mapping[str, str],
        tracking_uri: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Name the model.

        Args:
            filepath: A `.keras` file, or a reference.
            cache: Its `filepath` is the folder for what comes from MLflow.
            tracking_uri: Another store than that of tracking.yml.
            metadata: For other tools.
        """
        _, home, below = filepath.partition("/~/")  # Kedro puts the project's folder before it
        self._reference = str(Path("~", below).expanduser()) if home else filepath
        self._cache = Path(cache["filepath"]).expanduser().resolve()
        self._tracking_uri = tracking_uri
        self.metadata = metadata

    def load(self) -> ModelFile:
        """Say where the model lies, after fetching it where it lies in MLflow.

        Raises:
            DataError: MLflow does not know it or does not answer, or it is no Keras model.
        """
        if not self._reference.startswith(SCHEMES):
            return ModelFile(Path(self._reference).resolve(), self._reference, None)
        folder = self._cache / digest([self._tracking_uri, self._reference])
        with tempfile.TemporaryDirectory() as temporary:
            _keep(fetch(self._reference, Path(temporary), self._tracking_uri, REMEDY), folder, self._reference)
        label_map = json.loads((folder / "label_map.json").read_bytes())
        return ModelFile(folder / "model.keras", self._reference, label_map)

    def save(self, data: Any) -> NoReturn:
        """Refuse: a reference is not written to."""
        raise DatasetError(f"{self._reference}: a reference to a model cannot be saved to.")

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._reference, "cache": self._cache.as_posix()}

    def _exists(self) -> bool:
        return self._reference.startswith(SCHEMES) or Path(self._reference).exists()


def _keep(fetched: Path, folder: Path, reference: str) -> None:
    """Keep a model's `.keras` file and its label map, and nothing that could hold code."""
    model = keras_file(fetched, reference, REMEDY)
    with replacing(folder / "model.keras") as temporary:
        shutil.copyfile(model, temporary)
    write_json(folder / "label_map.json", _label_map(fetched / "MLmodel", reference))


def _label_map(description: Path, reference: str) -> dict[str, int] | None:
    """The label map in a model's metadata, or `None`."""
    import yaml

    if not description.is_file():
        return None
    label_map = ((yaml.safe_load(description.read_text()) or {}).get("metadata") or {}).get("label_map")
    if isinstance(label_map, str):
        label_map = json.loads(label_map)
    if label_map is None:
        return None
    if sorted(label_map.values()) != list(range(len(label_map))):
        raise DataError(
            f"{reference}: expected a label map with the codes from 0 in its metadata, found {label_map}. {REMEDY}"
        )
    return {str(label): int(code) for label, code in label_map.items()}
