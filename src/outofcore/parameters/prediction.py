"""How a trained model is used on new data."""

from typing import Literal

from pydantic import PositiveInt

from outofcore.parameters.base import Group


class PredictionParameters(Group):
    """How any samples are predicted.

    Attributes:
        model: A `.keras` file, `models:/NAME@ALIAS`, `models:/NAME/VERSION` or `runs:/ID/NAME` in
            MLflow, for the command line; in files it stands in the catalog. `null` takes the last
            one trained.
        bad_samples: Whether a sample that cannot be read ends the run, or is listed and left out.
        part_samples: Samples of a row group, and most samples between two saves.
    """

    model: str | None
    bad_samples: Literal["stop", "skip"]
    part_samples: PositiveInt


class PredictParameters(PredictionParameters):
    """How images are predicted.

    Attributes:
        images: Folder of the images, for the command line; in files it stands in the catalog.
    """

    images: str | None


class PredictRowsParameters(PredictionParameters):
    """How rows of a CSV are predicted.

    Attributes:
        table: The CSV, for the command line; in files it stands in the catalog.
    """

    table: str | None
