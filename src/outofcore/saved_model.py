"""Load saved models: plain Keras in one `.keras` file, and no code in it."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from outofcore.errors import DataError

if TYPE_CHECKING:
    import keras


def load_model(path: Path) -> "keras.Model":
    """Load a model in safe mode, which refuses code inside the file.

    See https://keras.io/api/models/model_saving_apis/model_saving_and_loading/.

    Args:
        path: A `.keras` file.

    Returns:
        The model, with its compile arguments and the optimizer's state.

    Raises:
        DataError: The file is missing, is no such file, or holds code.
    """
    from outofcore.backend import keras

    try:
        with warnings.catch_warnings():
            # a model saved before its first step has no optimizer state, and Keras warns of each
            warnings.filterwarnings("ignore", message="Skipping variable loading for optimizer")
            return keras.saving.load_model(path, safe_mode=True)
    except Exception as error:  # Keras raises of all kinds for a file that is not what it should be
        found = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            f"{path}: expected a saved Keras model without code in it, found: {found} "
            "Save it anew, with layers of Keras alone; load no model of a source that you do not trust."
        ) from error
