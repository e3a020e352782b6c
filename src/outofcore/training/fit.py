"""Train a model from loaders: restore or begin, run the loop, and say what came of it."""

import contextlib
import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outofcore.backend import keras
from outofcore.loaders.batch_loader import BatchLoader
from outofcore.parameters.training import TrainingParameters
from outofcore.training.callbacks import find_best, make_callbacks
from outofcore.training.checkpoint import CheckpointStore
from outofcore.training.ledger import Ledger, read_ledger
from outofcore.training.loop import REMEDY, Loop, Plan, callback_list
from outofcore.training.stage_folder import LEDGER, announce, open_stage
from outofcore.training.state import Progress, restore
from outofcore.training.steps import build_state, test_call, train_call

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FitResult:
    """What came of a training run.

    Attributes:
        history: Metrics of each epoch by name, as Keras's history.
        trace: The lines of the ledger, from the first; see `outofcore.training.ledger`.
        progress: Where the run ended and where its time went.
        first_step: Number of its first optimizer step, from 0.
        best_epoch: Number of the best epoch from 0, or `None` where none was asked for.
        best_weights: The model's weights after that epoch, or `None`.
    """

    history: dict[str, list[float]]
    trace: list[dict[str, Any]]
    progress: Progress
    first_step: int
    best_epoch: int | None
    best_weights: list[Any] | None


def fit(
    model: "keras.Model",
    train: BatchLoader,
    validation: BatchLoader | None,
    training: TrainingParameters,
    folder: Path,
    identity: Mapping[str, Any],
    first_epoch: int = 0,
    remedy: str | None = None,
) -> FitResult:
    """Train a compiled model, continuing an unfinished run with the same identity.

    Afterwards the model has the last step's weights.

    Args:
        model: A compiled model.
        train: Batches to train on.
        validation: Batches to validate on after each epoch, or `None`.
        training: How to train.
        folder: Where checkpoints and the ledger of metrics lie.
        identity: All on which the result depends, as nested JSON values.
        first_epoch: Number of the first epoch, from 0: a second stage counts on from the first, and its
            passes are those that follow.
        remedy: What to do where the loss grows beyond all numbers, for a stage with a rate of its own.

    Raises:
        SystemExit: A signal asked to stop; the same call goes on from there.
        TrainingError: The loss is no longer a finite number.
        CheckpointError: Another process trains in the folder, or there is nothing to resume.
    """
    store = open_stage(folder, identity, training.resume, training.checkpoint.keep)
    try:
        return _fit(model, train, validation, training, folder, store, first_epoch, remedy)
    finally:
        train.close()
        if validation is not None:
            validation.close()
        store.close()


def _fit(
    model: "keras.Model",
    train: BatchLoader,
    validation: BatchLoader | None,
    training: TrainingParameters,
    folder: Path,
    store: CheckpointStore,
    first_epoch: int,
    remedy: str | None,
) -> FitResult:
    plan = Plan(
        epochs=first_epoch + training.epochs,
        steps_per_epoch=training.steps_per_epoch or train.steps_per_pass,
        validation_steps=training.validation_steps,
        log_every_steps=training.log_every_steps,
        checkpoint=training.checkpoint,
        max_seconds=training.max_seconds,
        remedy=remedy or REMEDY,
    )
    build_state(model, train.read(0, 0, 1))
    terminal = sys.stdout.isatty()
    callbacks = callback_list(model, make_callbacks(training, terminal), plan, verbose=1 if terminal else 0)
    model.stop_training = False
    callbacks.on_train_begin()
    start = Progress(epoch=first_epoch, step=first_epoch * plan.steps_per_epoch)
    progress = _restore(model, callbacks, store, plan, start)
    with contextlib.closing(Ledger(store.folder / LEDGER, progress.ledger_bytes)) as ledger:
        announce(folder, store, resumed=progress is not start)
        loop = Loop(
            model=model,
            train=train,
            validation=validation,
            train_call=train_call(model, train, training.jit),
            test_call=test_call(model, validation or train, training.jit),
            callbacks=callbacks,
            plan=plan,
            progress=progress,
            ledger=ledger,
            store=store,
        )
        if not progress.complete:
            loop.run()
            model.optimizer.finalize_variable_values(model.trainable_weights)
            callbacks.on_train_end()
            progress.complete = True
            loop.save()
    best = find_best(callbacks.callbacks)
    return FitResult(
        history=dict(model.history.history),
        trace=read_ledger(ledger.path),
        progress=progress,
        first_step=first_epoch * plan.steps_per_epoch,
        best_epoch=best.best_epoch if best else None,
        best_weights=best.best_weights if best else None,
    )


def _restore(
    model: "keras.Model", callbacks: "keras.callbacks.CallbackList", store: CheckpointStore, plan: Plan, start: Progress
) -> Progress:
    """Put the newest checkpoint back, after the callbacks have reset themselves."""
    saved = store.load_newest()
    if saved is None:
        return start
    arrays, state = saved
    if state["progress"]["step"] > state["progress"]["epoch"] * plan.steps_per_epoch:
        callbacks.on_epoch_begin(state["progress"]["epoch"])
    progress = restore(model, callbacks.callbacks, arrays, state)
    model.stop_training = progress.stop_training
    if progress.complete:
        log.info("The training had ended at step %d: its result is taken.", progress.step)
    else:
        log.info("Resuming at step %d, in epoch %d of %d.", progress.step, progress.epoch + 1, plan.epochs)
    return progress
