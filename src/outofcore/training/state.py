"""The whole state of a training run, as arrays and plain values.

What must be kept was found by leaving out one thing at a time: weights, seed generators, optimizer
variables, the metrics' accumulators, the position, and of callbacks these attributes by name.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.backend import keras
from outofcore.errors import CheckpointError
from outofcore.training.checkpoint import Arrays

CALLBACK_ATTRIBUTES = (
    "wait",
    "best",
    "stopped_epoch",
    "best_epoch",
    "best_weights",
    "cooldown_counter",
    "history",
    "epoch",
)
"""Attributes of callbacks that change while training. All of `vars(callback)` would be too much:
Keras negates `min_delta` on first use, and a restored one would be negated twice."""


@dataclass
class Progress:
    """Where a run is.

    Attributes:
        epoch: Epochs that are wholly done.
        step: Optimizer steps done.
        stop_training: Whether a callback has asked to end.
        complete: Whether nothing is left to do.
        ledger_bytes: Length of the ledger of metrics that belongs to this state.
        seconds: Time spent in training, by what it was spent on.
    """

    epoch: int = 0
    step: int = 0
    stop_training: bool = False
    complete: bool = False
    ledger_bytes: int = 0
    seconds: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("training", "waiting", "validating", "saving"), 0.0)
    )


def variables(model: "keras.Model") -> list[Any]:
    """All variables of a run: weights and seed generators, optimizer, metrics; each once."""
    every = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    return list({id(variable): variable for variable in every}.values())


def capture(
    model: "keras.Model", callbacks: Iterable["keras.callbacks.Callback"], progress: Progress
) -> tuple[Arrays, dict[str, Any]]:
    """Copy the state of a run out of model and callbacks.

    Returns:
        The arrays by name, and the rest as a JSON object.
    """
    arrays = {f"variable/{number}": _array(variable) for number, variable in enumerate(variables(model))}
    plain: list[dict[str, Any]] = []
    for number, callback in enumerate(callbacks):
        kept: dict[str, Any] = {"class": type(callback).__name__}
        for name in CALLBACK_ATTRIBUTES:
            value = getattr(callback, name, None)
            if name == "best_weights" and value is not None:
                arrays |= {f"callback/{number}/{name}/{part}": np.asarray(array) for part, array in enumerate(value)}
                kept[name] = len(value)
            elif value is not None:
                kept[name] = _plain(value)
        plain.append(kept)
    paths = [variable.path for variable in variables(model)]
    return arrays, {"progress": asdict(progress), "variables": paths, "callbacks": plain}


def restore(
    model: "keras.Model", callbacks: Iterable["keras.callbacks.Callback"], arrays: Arrays, rest: dict[str, Any]
) -> Progress:
    """Put a captured state back; model, optimizer and metrics must have been built.

    Returns:
        Where the run was.

    Raises:
        CheckpointError: The state was captured from another model or with other callbacks.
    """
    current, callbacks = variables(model), list(callbacks)
    classes = [kept["class"] for kept in rest["callbacks"]]
    _expect_same("callbacks", classes, [type(callback).__name__ for callback in callbacks])
    _expect_same("variables", len(rest["variables"]), len(current))
    for number, variable in enumerate(current):
        array = arrays[f"variable/{number}"]
        _expect_same(f"shape of variable {variable.path}", tuple(array.shape), tuple(variable.shape))
        variable.assign(array)
    for number, (callback, kept) in enumerate(zip(callbacks, rest["callbacks"], strict=True)):
        for name in CALLBACK_ATTRIBUTES:
            if name == "best_weights" and name in kept:
                setattr(callback, name, [arrays[f"callback/{number}/{name}/{part}"] for part in range(kept[name])])
            elif name in kept:
                setattr(callback, name, kept[name])
    return Progress(**rest["progress"])


def _expect_same(what: str, saved: Any, current: Any) -> None:
    if saved != current:
        raise CheckpointError(
            f"checkpoint: expected {what} of this run, {current}, found {saved}. Start anew with training.resume=never."
        )


def _array(variable: Any) -> NDArray[Any]:
    array = keras.ops.convert_to_numpy(variable)
    return np.array(array, order="C", copy=True)


def _plain(value: Any) -> Any:
    """Turn a callback's value into JSON: numpy numbers become Python's, which hold them exactly."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return np.asarray(value).item()
