"""Callbacks of our own, and Keras's by name from parameters."""

import logging
from collections.abc import Iterable
from typing import Any

from outofcore.backend import keras
from outofcore.errors import ConfigurationError
from outofcore.parameters.training import BestParameters, EarlyStoppingParameters, KerasObject, TrainingParameters

log = logging.getLogger("outofcore.training")


class BestWeights(keras.callbacks.Callback):
    """Keeps the weights of the best epoch in memory; checkpoints carry them along.

    Attributes:
        best: Best value seen, or `None`.
        best_epoch: Number of that epoch, from 0.
        best_weights: The model's weights then, or `None`.
    """

    def __init__(self, parameters: BestParameters) -> None:
        """Watch a metric."""
        super().__init__()
        self.monitor, self.lower_is_better = parameters.monitor, parameters.mode == "min"
        self.best: float | None = None
        self.best_epoch = 0
        self.best_weights: list[Any] | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keep the weights when the metric is better than ever."""
        value = _monitored(self.monitor, logs or {}, "training.best.monitor")
        if self.best is None or (value < self.best if self.lower_is_better else value > self.best):
            self.best, self.best_epoch, self.best_weights = value, epoch, self.model.get_weights()


class EpochLine(keras.callbacks.Callback):
    """Logs one line per epoch, for output that is not a terminal."""

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Log the epoch's metrics."""
        metrics = "  ".join(f"{name} {float(value):.4g}" for name, value in (logs or {}).items())
        log.info("epoch %d/%d  %s", epoch + 1, self.params["epochs"], metrics)


def make_callbacks(training: TrainingParameters, terminal: bool) -> list["keras.callbacks.Callback"]:
    """Make the callbacks that the parameters ask for.

    Args:
        training: Early stopping, best weights and further callbacks by name.
        terminal: Whether Keras's progress bar will be shown.

    Raises:
        ConfigurationError: Keras has no such callback, or it refuses an argument.
    """
    callbacks: list[keras.callbacks.Callback] = []
    if training.early_stopping is not None:
        callbacks.append(_early_stopping(training.early_stopping))
    callbacks += [_by_name(each) for each in training.callbacks]
    if training.best is not None:
        callbacks.append(BestWeights(training.best))
    if not terminal:
        callbacks.append(EpochLine())
    return callbacks


def find_best(callbacks: Iterable["keras.callbacks.Callback"]) -> BestWeights | None:
    """Find the callback that keeps the best weights."""
    return next((callback for callback in callbacks if isinstance(callback, BestWeights)), None)


class EarlyStopping(keras.callbacks.EarlyStopping):
    """Keras's own, which says why a training ends."""

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Stop when the metric has not improved for long enough."""
        super().on_epoch_end(epoch, logs)
        if self.model.stop_training and self.stopped_epoch == epoch > 0:
            log.info(
                "Stopped after epoch %d: %s has not improved for %d epochs (training.early_stopping)",
                epoch + 1, self.monitor, self.wait,
            )  # fmt: skip


def _early_stopping(parameters: EarlyStoppingParameters) -> "keras.callbacks.Callback":
    return EarlyStopping(
        monitor=parameters.monitor,
        mode=parameters.mode,
        patience=parameters.patience,
        min_delta=parameters.min_delta,
    )


def _by_name(parameters: KerasObject) -> "keras.callbacks.Callback":
    try:
        return getattr(keras.callbacks, parameters.name)(**parameters.arguments)
    except (AttributeError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"training.callbacks: expected a class of keras.callbacks and its arguments, found {parameters.name} with "
            f"{parameters.arguments}: {str(error).splitlines()[0]}. Correct it in the parameters."
        ) from error


def _monitored(name: str, logs: dict[str, Any], parameter: str) -> float:
    if name not in logs:
        raise ConfigurationError(
            f"{parameter}: expected a metric of this model ({', '.join(sorted(logs))}), found {name!r}. "
            "Correct it in the parameters."
        )
    return float(logs[name])
