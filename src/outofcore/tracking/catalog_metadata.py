"""What the catalog says of a dataset's place in MLflow: `metadata: {mlflow: {...}}`."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Literal

from pydantic import ConfigDict, ValidationError, field_validator

from outofcore.errors import ConfigurationError
from outofcore.parameters.base import Group


class ResultMetadata(Group):
    """Keys below `metadata.mlflow` of a catalog entry. Unlike parameters they have defaults.

    Attributes:
        artifact: Folder of the run's artifacts that receives the dataset's file; `.` is their root.
        form: `csv` sends a table as CSV, which MLflow's pages show; `null` the file as it is.
        model: Name under which the run logs the Keras model that is saved to the dataset.
        example: Dataset of the loader that gives the model's input example, or `null` for none.
        labels: Dataset of the label map that goes into the model's metadata, or `null`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    artifact: str | None = None
    form: Literal["csv"] | None = None
    model: str | None = None
    example: str | None = None
    labels: str | None = None

    @field_validator("artifact")
    @classmethod
    def _stays_below_the_artifacts(cls, folder: str | None) -> str | None:
        if folder is None:
            return None
        path = PurePosixPath(folder)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError("expected a folder below the run's artifacts")
        return path.as_posix()


def read_metadata(name: str, metadata: Any) -> ResultMetadata | None:
    """Read what a catalog entry says of MLflow.

    Args:
        name: Name of the dataset.
        metadata: The entry's `metadata`.

    Returns:
        The keys, or `None` where it says nothing.

    Raises:
        ConfigurationError: A key is unknown or a value is wrong.
    """
    if not isinstance(metadata, Mapping) or "mlflow" not in metadata:
        return None
    try:
        return ResultMetadata.model_validate(metadata["mlflow"])
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(["metadata.mlflow", *(str(part) for part in first["loc"])])
        known = ", ".join(ResultMetadata.model_fields)
        raise ConfigurationError(
            f"catalog entry {name}: {key}: {first['msg']}, found {first['input']!r}. The keys are {known}."
        ) from error
