"""What a run leaves beside figures, as it stands in its record: files, models and the data."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel


class FileRecord(BaseModel):
    """A file that MLflow is to hold as an artifact of the run.

    Attributes:
        source: A copy of it, kept until MLflow holds all of the run.
        digest: Hash of its content.
        sent: Whether MLflow holds it.
    """

    source: Path
    digest: str
    sent: bool = False


class ModelRecord(FileRecord):
    """A model that MLflow is to hold; `source` is the folder of an MLflow model.

    Attributes:
        model_id: The model in MLflow, once there is one.
        name: Name under which it is registered when the run has finished, or `None`.
        alias: Alias that the registered version gets, or `None`.
        version: The registered version, once there is one.
    """

    model_id: str | None = None
    name: str | None = None
    alias: str | None = None
    version: str | None = None


class DataRecord(BaseModel):
    """Samples that a run used, as an MLflow dataset: what they are, never the samples.

    Attributes:
        name: Name, the same for all runs of a pipeline.
        digest: Tells the same data from other data; at most 36 characters.
        source: JSON, where the data lies.
        profile: JSON, numbers of samples.
        context: What it was used for: `train`, `validation` or `test`.
    """

    name: str
    digest: str
    source: str
    profile: str
    context: str


class RunResults(BaseModel):
    """What a run leaves beside figures.

    Attributes:
        files: Files for MLflow, by path among the run's artifacts.
        models: Models for MLflow, by name.
        datasets: The data that was used, by name.
    """

    files: dict[str, FileRecord] = {}
    models: dict[str, ModelRecord] = {}
    datasets: dict[str, DataRecord] = {}

    def take(self, other: "RunResults") -> None:
        """Add copies of the results of another; what is known and has the same content stays."""
        self.files = _merged(self.files, other.files)
        self.models = _merged(self.models, other.models)
        for name, model in other.models.items():  # a run may be continued with other values of these
            self.models[name].name, self.models[name].alias = model.name, model.alias
        self.datasets = _merged(self.datasets, other.datasets)


Record = TypeVar("Record", FileRecord, ModelRecord, DataRecord)


def _merged(known: Mapping[str, Record], new: Mapping[str, Record]) -> dict[str, Record]:
    """Join records by name. Of two with the same content the known one stays, for it knows what was sent.

    Args:
        known: Records that there are.
        new: Records to add; they are copied.
    """
    other = {
        name: record.model_copy()
        for name, record in new.items()
        if name not in known or known[name].digest != record.digest
    }
    return {**known, **other}
