"""Heads, losses and optimizers that the models share."""

import difflib
from typing import TYPE_CHECKING, Any

from outofcore.errors import ConfigurationError
from outofcore.parameters.training import OptimizerParameters, TrainingParameters

if TYPE_CHECKING:
    import keras


def classifier_head(classes: int) -> "keras.layers.Layer":
    """Make the last layer: one sigmoid unit for two classes, a softmax for more.

    Probabilities are float32 under mixed precision too.
    """
    from outofcore.backend import keras

    units, activation = (1, "sigmoid") if classes == 2 else (classes, "softmax")
    return keras.layers.Dense(units, activation=activation, dtype="float32", name="probability")


def compile_classifier(model: "keras.Model", training: TrainingParameters) -> "keras.Model":
    """Compile a classifier with the cross-entropy that fits its head.

    Targets are class codes, shape `(batch,)`, for both heads.
    """
    binary = model.output_shape[-1] == 1
    model.compile(
        optimizer=make_optimizer(training.optimizer),
        loss="binary_crossentropy" if binary else "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,  # XLA is the training step's business, see outofcore.training.steps
    )
    return model


def make_optimizer(parameters: OptimizerParameters) -> "keras.optimizers.Optimizer":
    """Make an optimizer from parameters.

    Raises:
        ConfigurationError: Keras has no such class, or it refuses an argument.
    """
    from outofcore.backend import keras

    where = "training.optimizer"
    if "learning_rate" in parameters.arguments:
        raise ConfigurationError(
            f"{where}.arguments: expected arguments beside the learning rate, found learning_rate. "
            f"Set {where}.learning_rate or {where}.schedule."
        )
    rate: Any = parameters.learning_rate
    if parameters.schedule is not None:
        schedules = keras.optimizers.schedules
        rate = _make(schedules, parameters.schedule.name, parameters.schedule.arguments, f"{where}.schedule")
    return _make(keras.optimizers, parameters.name, {"learning_rate": rate, **parameters.arguments}, where)


def _make(module: Any, name: str, arguments: dict[str, Any], parameter: str) -> Any:
    if not hasattr(module, name):
        classes = {known.lower(): known for known in dir(module) if known[0].isupper()}
        near = difflib.get_close_matches(name.lower(), classes, n=1)
        raise ConfigurationError(
            f"{parameter}: expected a class of {module.__name__}, found {name!r}. "
            + (f"Did you mean {classes[near[0]]}?" if near else "Correct it in the parameters.")
        )
    try:
        return getattr(module, name)(**arguments)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{parameter}: expected a class of {module.__name__} and its arguments, found {name} with {arguments}: "
            f"{str(error).splitlines()[0].removesuffix('.')}. Correct it in the parameters."
        ) from error
