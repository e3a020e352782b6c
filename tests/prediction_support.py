"""Predictions of a folder of files of two classes, of whatever kind."""

import abc
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from outofcore.errors import DataError
from outofcore.training.runtime import start_keras
from outofcore.types import ModelFile


class PredictionCase(abc.ABC):
    """A folder of files, and places for the label map and for the table."""

    def __init__(self, root: Path, model: ModelFile) -> None:
        self.files, self.parts, self.labels, self.model = root / "files", root / "parts", root / "labels.json", model

    @abc.abstractmethod
    def run(self, **changes: Any) -> Any:
        """Predict the folder, with other parameters of the group `predict`."""

    def predictions(self, **arguments: Any) -> dict[str, str]:
        table = pd.read_parquet(self.run(**arguments)[0].path)
        return dict(zip(table["sample_id"], table["predicted"], strict=True))

    def refused(self, **arguments: Any) -> str:
        with pytest.raises(DataError) as caught:
            self.run(**arguments)
        return str(caught.value)

    def refused_or_listed(self, sample_id: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
        """Check that the one bad file ends the run, or is listed; give the message and the summary."""
        line = self.refused(**arguments)
        assert line.endswith(
            " Restore it or take it out of the folder. Or set predict.bad_samples=skip; the run goes on from here."
        )
        table, bad, summary = self.run(bad_samples="skip", **arguments)
        listed = pd.read_parquet(bad.path)
        assert listed["sample_id"].tolist() == [sample_id]
        assert line.startswith(listed["problem"][0])
        assert sample_id not in pd.read_parquet(table.path)["sample_id"].tolist()
        assert (summary["samples"], summary["bad_samples"]) == (sum(summary["classes"].values()), 1)
        return line, summary


def save_sum_model(
    path: Path, shape: tuple[int, ...], dtype: str, offset: float, label_map: dict[str, int] | None
) -> ModelFile:
    """Save a model of two classes: whether values, each with an offset, sum to more than 0."""
    keras = start_keras(2, seed=1)
    inputs = keras.Input(shape, dtype=dtype)
    flat = keras.layers.Flatten()(keras.layers.Rescaling(1.0, offset)(inputs))
    keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid", kernel_initializer="ones")(flat)).save(path)
    return ModelFile(path, "the model", label_map)
