"""Save and load models: plain Keras in one `.keras` file, and no code in it.

A model of columns notes their names in the file, in a member that Keras reads over.
"""

import json
import warnings
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from outofcore.errors import DataError

if TYPE_CHECKING:
    import keras

COLUMNS = "columns.json"
"""The member of a `.keras` file that names the columns."""

MOST_BYTES = 1 << 20
"""Of this member that are read, whatever the file is."""

_ATTRIBUTE = "outofcore_columns"


@dataclass(frozen=True)
class ColumnNames:
    """Columns of a table that a model was trained on.

    Attributes:
        features: Those of its input, in its order.
        targets: Those that it predicts.
    """

    features: tuple[str, ...]
    targets: tuple[str, ...]


def columns_of(model: "keras.Model") -> ColumnNames | None:
    """Give the columns of a model, or `None` where it does not know them."""
    columns: ColumnNames | None = getattr(model, _ATTRIBUTE, None)
    return columns


def set_columns(model: "keras.Model", columns: ColumnNames | None) -> None:
    """Tell a model its columns; `save_model` keeps them, a clone forgets them."""
    setattr(model, _ATTRIBUTE, columns)


def save_model(model: "keras.Model", path: Path) -> None:
    """Write a model with its compile arguments, optimizer state and columns.

    Args:
        model: The model.
        path: The `.keras` file.
    """
    model.save(path)
    if (columns := columns_of(model)) is not None:
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(COLUMNS, json.dumps(asdict(columns)))


def load_model(path: Path) -> "keras.Model":
    """Load a model in safe mode, which refuses code inside the file.

    See https://keras.io/api/models/model_saving_apis/model_saving_and_loading/.

    Args:
        path: A `.keras` file.

    Returns:
        The model, with its compile arguments, the optimizer's state and its columns.

    Raises:
        DataError: The file is missing, is no such file, or holds code.
    """
    from outofcore.backend import keras

    try:
        with warnings.catch_warnings():
            # a model saved before its first step has no optimizer state, and Keras warns of each
            warnings.filterwarnings("ignore", message="Skipping variable loading for optimizer")
            model = keras.saving.load_model(path, safe_mode=True)
        set_columns(model, _read_columns(path))
    except Exception as error:  # Keras raises of all kinds for a file that is not what it should be
        found = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            f"{path}: expected a saved Keras model without code in it, found: {found} "
            "Save it anew, with layers of Keras alone; load no model of a source that you do not trust."
        ) from error
    return model


def _read_columns(path: Path) -> ColumnNames | None:
    if not zipfile.is_zipfile(path):  # HDF5
        return None
    with zipfile.ZipFile(path) as archive:
        if COLUMNS not in archive.namelist():
            return None
        with archive.open(COLUMNS) as file:
            names = json.loads(file.read(MOST_BYTES))
    return ColumnNames(tuple(map(str, names["features"])), tuple(map(str, names["targets"])))
