"""Light types for node signatures: handles and protocols that import neither Keras nor pandas.

Kedro reads the annotations of nodes when it validates parameters, so they must be real imports;
an import of Keras there would cost every command seconds.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Folder:
    """A folder on disk, handed between nodes in place of its content. It may not exist yet.

    Attributes:
        path: Absolute path of the folder.
    """

    path: Path


@dataclass(frozen=True)
class File:
    """A file on disk, handed between nodes in place of its content. It may not exist yet.

    Attributes:
        path: Absolute path of the file.
    """

    path: Path


@dataclass(frozen=True)
class TrainingFolder(Folder):
    """The folder in which a training stage keeps its checkpoints and its ledger of metrics.

    One subfolder per identity of a run (parameters and data) holds the checkpoints and
    `metrics.jsonl`; the file `current.json` names the one that is in use.
    """


Table = Any
"""A pandas DataFrame. Named here so that listing the pipelines need not import pandas."""

Model = Any
"""A Keras model."""

Loader = Any
"""An `outofcore.loaders.batch_loader.BatchLoader`."""

LoaderSettings = Any
"""The parameter group `loader` of any pipeline. Its type is named by the nodes that make the loaders, and
Kedro hands the same object to all."""


@dataclass(frozen=True)
class ModelFile(File):
    """A trained model as a `.keras` file.

    Attributes:
        origin: What it was asked for by: a path, or a reference to MLflow.
        label_map: Code of each label, where the model brings its own.
    """

    origin: str
    label_map: dict[str, int] | None


ModelStore = Any
"""What fetches models by reference, such as `outofcore.datasets.mlflow_models.MlflowModels`."""
