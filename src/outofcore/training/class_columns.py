"""What a classifier's outputs are called in a table."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def probabilities_of(outputs: NDArray[Any]) -> NDArray[Any]:
    """Give the probability of every class, shape `(samples, classes)`.

    Args:
        outputs: Of a softmax, shape `(samples, classes)`, or of one sigmoid unit, shape `(samples, 1)`,
            which is the probability of class 1.
    """
    return np.concatenate([1.0 - outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs


def class_columns(outputs: NDArray[Any], labels: list[str]) -> dict[str, Any]:
    """Name the most probable class and the probability of each.

    Args:
        outputs: As for `probabilities_of`.
        labels: Name of each class, by its code.

    Returns:
        `predicted` (text) and `probability_<label>` of every class (float32).
    """
    probabilities = probabilities_of(outputs).astype(np.float32)
    named = {f"probability_{label}": probabilities[:, code] for code, label in enumerate(labels)}
    return {"predicted": np.array(labels, object)[probabilities.argmax(axis=1)], **named}
