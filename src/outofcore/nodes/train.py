"""Train a model, of whatever pipeline."""

import json
import logging
from importlib.metadata import version
from typing import Any

from outofcore.errors import ConfigurationError
from outofcore.identity import result_parameters
from outofcore.parameters.training import TrainingParameters
from outofcore.types import File, Loader, LoaderSettings, Model, Table, TrainingFolder

log = logging.getLogger(__name__)


def train(
    initial_model: File,
    train_loader: Loader,
    validation_loader: Loader,
    folder: TrainingFolder,
    data_summary: dict[str, Any],
    loader: LoaderSettings,
    training: TrainingParameters,
    seed: int,
    first_epoch: int = 0,
    remedy: str | None = None,
) -> tuple[Model, Model, dict[str, list[float]], Table, dict[str, Any]]:
    """Train a compiled model and choose the epoch whose weights it keeps.

    An unfinished run with the same data, model and parameters goes on where it stopped.

    Args:
        initial_model: A compiled model as a `.keras` file.
        train_loader: Batches to train on.
        validation_loader: Batches to validate on after each epoch.
        folder: Where checkpoints and the ledger of metrics lie.
        data_summary: Digests of the data.
        loader: How batches are made: the parameter group `loader` of the pipeline.
        training: How to train.
        seed: Root of dropout's draws.
        first_epoch: Number of the first epoch, from 0, for a stage that counts on from another.
        remedy: As of `outofcore.training.fit.fit`.

    Returns:
        The model with the best (or else the last) epoch's weights, the model with the last
        epoch's, the metrics of every epoch, the trace of the training and its summary. The trace is a
        table with a row per line of metrics: `step`, `epoch` (from 1), `time` (milliseconds since
        1970), `samples` done, `<what>_seconds` spent so far, `memory_bytes`, and every metric (NaN
        where a row has none, as `val_loss` within an epoch).
    """
    from outofcore.saved_model import columns_of, load_model, set_columns
    from outofcore.training.fit import fit
    from outofcore.training.runtime import start_keras

    _check_loader(train_loader, loader, seed)
    keras = start_keras(training.threads, training.precision, seed)
    model = load_model(initial_model.path)
    identity = {
        "data": {name: data_summary[name] for name in ("digest", "partition_digest")},
        "sample": train_loader.sample,
        "model": _architecture(model),
        "seed": seed,
        "parameters": result_parameters({"loader": loader.model_dump(), "training": training.model_dump()}),
        "versions": {name: version(name) for name in ("keras", "tensorflow", "numpy")},
    }
    result = fit(model, train_loader, validation_loader, training, folder.path, identity, first_epoch, remedy)
    best = keras.models.clone_model(model)
    best.compile_from_config(model.get_compile_config())
    set_columns(best, columns_of(model))
    best.set_weights(model.get_weights() if result.best_weights is None else result.best_weights)
    return best, model, result.history, _trace(result.trace, train_loader), _summary(result, train_loader)


def _check_loader(written: Loader, loader: LoaderSettings, seed: int) -> None:
    """Refuse a loader that an earlier run wrote with other parameters."""
    for name, found in (("loader.batch_size", written.batch_size), ("loader.shuffle", written.shuffle),
                        ("loader.drop_last", written.drop_last), ("seed", written.seed)):  # fmt: skip
        expected = seed if name == "seed" else getattr(loader, name.removeprefix("loader."))
        if found != expected:
            raise ConfigurationError(
                f"train_loader: expected {name}={expected}, as the parameters say, found {found} from an earlier run. "
                "Run from the load node (--from-nodes) or the whole pipeline."
            )


def _architecture(model: Model) -> dict[str, Any]:
    """The model's form and compile arguments, without names that Keras numbers by process."""
    config: dict[str, Any] = {"layers": json.loads(model.to_json())["config"], "compile": model.get_compile_config()}
    plain: dict[str, Any] = json.loads(json.dumps(config, default=str))
    plain["compile"]["optimizer"]["config"].pop("name")  # adam, and adam_1 where another pipeline ran before
    return plain


def _trace(lines: list[dict[str, Any]], loader: Loader) -> Table:
    import pandas as pd

    rows = [
        {
            "step": line["step"],
            "epoch": line["epoch"] + 1,
            "time": line["time"],
            "samples": _samples(line["step"], loader),
            **line["resources"],
            **line["metrics"],
        }
        for line in lines
    ]
    return pd.DataFrame(rows)


def _samples(steps: int, loader: Loader) -> int:
    passes, rest = divmod(steps, loader.steps_per_pass)
    in_pass = min(len(loader.selection), loader.steps_per_pass * loader.batch_size)
    return int(passes * in_pass + rest * loader.batch_size)


def _summary(result: Any, loader: Loader) -> dict[str, Any]:
    seconds = result.progress.seconds
    busy = seconds["training"] + seconds["waiting"]
    samples = _samples(result.progress.step, loader) - _samples(result.first_step, loader)
    return {
        "epochs": result.progress.epoch,
        "best_epoch": None if result.best_epoch is None else result.best_epoch + 1,
        "steps": result.progress.step,
        "samples_per_second": samples / busy if busy else 0.0,
        "waiting_share": waiting_share(seconds),
        "seconds": seconds,
    }


def waiting_share(seconds: dict[str, float]) -> float:
    """Give the time spent waiting for data, as a share of that and of the time in training."""
    busy = seconds["training"] + seconds["waiting"]
    return seconds["waiting"] / busy if busy else 0.0
