"""The training loop: epochs of calls, with every Keras callback, that can stop and go on anywhere.

It does what `fit` does, in the same order and to the same bits (tests show it), and beyond that:
it counts its position in optimizer steps, keeps its state in checkpoints between calls, times its
wait for data and bounds it, and looks at a stop request between calls.
"""

import logging
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np

from outofcore.backend import keras
from outofcore.errors import TrainingError
from outofcore.loaders.batch_loader import BatchLoader, Item
from outofcore.memory import recently_held_bytes
from outofcore.parameters.training import CheckpointParameters
from outofcore.training.checkpoint import CheckpointStore
from outofcore.training.ledger import Ledger
from outofcore.training.prefetch import Prefetch, read_ahead
from outofcore.training.schedule import Stretch, stretches
from outofcore.training.state import Progress, capture
from outofcore.training.steps import Call, current_metrics
from outofcore.training.stopping import STOP, StopRequest

log = logging.getLogger(__name__)

REMEDY = "Lower training.optimizer.learning_rate, set clipnorm in training.optimizer.arguments"
"""What to do where the loss grows beyond all numbers."""


@dataclass(frozen=True)
class Plan:
    """What a run is to do.

    Attributes:
        epochs: Epochs to train for.
        steps_per_epoch: Optimizer steps of an epoch.
        validation_steps: Validation batches after an epoch, or `None` for all.
        log_every_steps: Steps between two lines of the ledger within an epoch, or `None`.
        checkpoint: When to write checkpoints.
        max_seconds: Time spent in the loop after which it ends, or `None`.
        remedy: What to do where the loss grows beyond all numbers, for the message.
    """

    epochs: int
    steps_per_epoch: int
    validation_steps: int | None
    log_every_steps: int | None
    checkpoint: CheckpointParameters
    max_seconds: float | None = None
    remedy: str = REMEDY


@dataclass
class Loop:
    """All that a run works with.

    Attributes:
        model: A compiled model whose variables have been built or restored.
        train: Batches to train on.
        validation: Batches to validate on, or `None`.
        train_call: Trains on an item.
        test_call: Evaluates an item.
        callbacks: The callbacks, with Keras's history.
        plan: What to do.
        progress: Where the run is; changed as it goes on.
        ledger: Where metrics are written.
        store: Where checkpoints are written, or `None` for none.
        stop: A request to stop, looked at between calls.
    """

    model: "keras.Model"
    train: BatchLoader
    validation: BatchLoader | None
    train_call: Call
    test_call: Call
    callbacks: "keras.callbacks.CallbackList"
    plan: Plan
    progress: Progress
    ledger: Ledger
    store: CheckpointStore | None = None
    stop: StopRequest = field(default_factory=lambda: STOP)
    _last: tuple[float, int] = (0.0, 0)

    def run(self) -> None:
        """Train from where the progress stands to the end.

        Raises:
            SystemExit: A stop was asked for; the state is in a checkpoint.
            TrainingError: The loss or a weight is no longer a finite number.
        """
        self._last = (time.monotonic(), self.progress.step)
        ahead = Prefetch(self._stretches(), self._read, self.train.timeout_seconds)
        items = ahead.results(lambda: self.stop.pending)
        try:
            with self.stop:
                while self.progress.epoch < self.plan.epochs and not self.model.stop_training:
                    self._epoch(items, ahead)
        finally:
            ahead.close()

    def _stretches(self) -> Iterator[Stretch]:
        every = self.plan.steps_per_epoch, self.plan.log_every_steps, self.plan.checkpoint.every_steps
        last = self.plan.epochs * self.plan.steps_per_epoch
        return stretches(self.progress.step, last, self.train.steps_per_pass, self.train.steps_per_call, every)

    def _read(self, stretch: Stretch) -> Item:
        return self.train.read(stretch.pass_, stretch.start, stretch.stop)

    def _epoch(self, items: Iterator[tuple[Stretch, Item]], ahead: Prefetch[Stretch, Item]) -> None:
        epoch, progress = self.progress.epoch, self.progress
        first_step = epoch * self.plan.steps_per_epoch
        if progress.step == first_step:
            self.model.reset_metrics()
            self.callbacks.on_epoch_begin(epoch)
        while progress.step < first_step + self.plan.steps_per_epoch and not self.model.stop_training:
            waited = ahead.waited_seconds
            following = next(items, None)
            if following is None:
                self._end_early()
            stretch, item = following
            progress.seconds["waiting"] += ahead.waited_seconds - waited
            self._train(stretch, item, stretch.end_step - first_step - 1)
        self._end_epoch(epoch)

    def _train(self, stretch: Stretch, item: Item, last_batch: int) -> None:
        began = time.perf_counter()
        self.callbacks.on_train_batch_begin(last_batch - (stretch.stop - stretch.start) + 1)
        logs = self.train_call(item)
        self.progress.step = stretch.end_step
        if not math.isfinite(logs.get("loss", 0.0)):
            ids = self.train.ids(stretch.pass_, stretch.start, stretch.stop)
            raise TrainingError(
                f"step {stretch.end_step}: expected a finite loss, found {logs['loss']}, in samples {ids[0]} to "
                f"{ids[-1]}. {self.plan.remedy}, or look at these samples."
            )
        self.callbacks.on_train_batch_end(last_batch, logs)
        self.progress.seconds["training"] += time.perf_counter() - began
        if self.plan.max_seconds is not None and sum(self.progress.seconds.values()) >= self.plan.max_seconds:
            log.info("Ending at step %d: training.max_seconds=%g have passed.", stretch.end_step, self.plan.max_seconds)
            self.model.stop_training = True
        every = self.plan.log_every_steps
        if every and stretch.end_step % every == 0 and (last_batch + 1) % self.plan.steps_per_epoch:
            self.ledger.write(stretch.end_step, self.progress.epoch, logs, self._resources())
        if self._checkpoint_is_due():
            self.save()

    def _end_epoch(self, epoch: int) -> None:
        self._check_weights()
        logs = current_metrics(self.model) | self._validate()
        self.callbacks.on_epoch_end(epoch, logs)
        rate = getattr(self.model.optimizer, "learning_rate", None)
        rates = {} if rate is None else {"learning_rate": float(rate)}
        self.ledger.write(self.progress.step, epoch, logs | rates, self._resources())
        self.progress.epoch, self.progress.stop_training = epoch + 1, bool(self.model.stop_training)
        self.save()

    def _validate(self) -> dict[str, float]:
        if self.validation is None:
            return {}
        began = time.perf_counter()
        accumulators = [keras.ops.convert_to_numpy(variable) for variable in self.model.metrics_variables]
        logs = evaluate(
            self.model, self.validation, self.test_call, self.plan.validation_steps, self.callbacks, self.stop
        )
        if logs is None:  # the epoch's training metrics go into the checkpoint, and its validation is done again
            for variable, value in zip(self.model.metrics_variables, accumulators, strict=True):
                variable.assign(value)
            self._end_early()
        self.progress.seconds["validating"] += time.perf_counter() - began
        return {f"val_{name}": value for name, value in logs.items()}

    def _checkpoint_is_due(self) -> bool:
        seconds, step = self._last
        every = self.plan.checkpoint.every_steps
        late = time.monotonic() - seconds >= self.plan.checkpoint.every_seconds
        return late or bool(every and self.progress.step // every > step // every)

    def _resources(self) -> dict[str, float]:
        spent = {f"{name}_seconds": seconds for name, seconds in self.progress.seconds.items()}
        return {**spent, "memory_bytes": recently_held_bytes()}

    def save(self) -> None:
        """Write a checkpoint of all that the run has become.

        Raises:
            TrainingError: A weight is no longer a finite number; the checkpoints before stay the last ones.
        """
        began = time.perf_counter()
        self._check_weights()
        self.progress.ledger_bytes = self.ledger.sync()
        if self.store is not None:
            self.store.save(*capture(self.model, self.callbacks.callbacks, self.progress))
        self.progress.seconds["saving"] += time.perf_counter() - began
        self._last = (time.monotonic(), self.progress.step)

    def _check_weights(self) -> None:
        # a net can be ruined behind a loss that stays finite: ReLU makes 0 of what is no number
        for variable in self.model.weights:
            values = keras.ops.convert_to_numpy(variable)
            if values.dtype.kind not in "iub" and not np.isfinite(values.astype(np.float32)).all():
                raise TrainingError(
                    f"step {self.progress.step}: expected finite weights, found others in {variable.path}, since step "
                    f"{self._last[1]}. {self.plan.remedy}, or look for values that are no numbers in the samples."
                )

    def _end_early(self) -> NoReturn:
        self.save()
        log.warning("Stopped at step %d; the same command goes on from there.", self.progress.step)
        raise SystemExit(self.stop.exit_status)


def evaluate(
    model: "keras.Model",
    loader: BatchLoader,
    test_call: Call,
    steps: int | None,
    callbacks: "keras.callbacks.CallbackList",
    stop: StopRequest,
) -> dict[str, float] | None:
    """Evaluate a model on the first `steps` batches of a loader, as `model.evaluate` does.

    Returns:
        The metrics by name, or `None` when a stop was asked for.
    """
    ahead = read_ahead(loader, steps)
    logs: dict[str, float] = {}
    model.reset_metrics()
    callbacks.on_test_begin()
    try:
        for part, item in ahead.results(lambda: stop.pending):
            callbacks.on_test_batch_begin(part.start)
            logs = test_call(item)
            callbacks.on_test_batch_end(part.stop - 1, logs)
    finally:
        ahead.close()
    if stop.pending:
        return None
    callbacks.on_test_end(logs)
    return logs


def callback_list(
    model: "keras.Model", callbacks: Sequence["keras.callbacks.Callback"], plan: Plan, verbose: int
) -> "keras.callbacks.CallbackList":
    """Make Keras's container of callbacks, with its history and, in a terminal, its progress bar."""
    return keras.callbacks.CallbackList(
        list(callbacks),
        add_history=True,
        add_progbar=verbose != 0,
        verbose=verbose,
        epochs=plan.epochs,
        steps=plan.steps_per_epoch,
        model=model,
    )
