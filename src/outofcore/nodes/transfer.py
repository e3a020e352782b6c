"""The two stages of transfer learning: a head on a frozen base, then the base's last blocks too."""

import logging
from typing import Any

from outofcore.identity import digest
from outofcore.loaders.specification import LoaderSpecification
from outofcore.nodes.pack import made_from
from outofcore.nodes.train import train, waiting_share
from outofcore.parameters.training import BestParameters, LoaderParameters, TrainingParameters
from outofcore.parameters.transfer import FeaturesParameters, FineTuneParameters
from outofcore.types import File, Folder, Loader, Model, Table, TrainingFolder

log = logging.getLogger(__name__)

VERSION = 1
"""Raised when the same images and weights give other features than before."""

REMEDY = "Lower fine_tune.learning_rate, set clipnorm in training.optimizer.arguments"
"""What to do where the loss of the second stage grows beyond all numbers."""

BASE_OUTPUT = "block5_pool"

Trained = tuple[Model, Model, dict[str, list[float]], Table, dict[str, Any]]


def make_features(
    initial_model: File,
    train_loader: Loader,
    validation_loader: Loader,
    packs: Folder,
    data_summary: dict[str, Any],
    features: FeaturesParameters,
    training: TrainingParameters,
    seed: int,
) -> tuple[Model, LoaderSpecification, LoaderSpecification, dict[str, Any]]:
    """Run the frozen base once and cut the head off, or leave both together.

    Args:
        initial_model: The whole net, compiled, with its base frozen.
        train_loader: Training images.
        validation_loader: Validation images.
        packs: Folder of the packs of features.
        data_summary: Digests of the images.
        features: Whether features are cached, and how.
        training: Threads and precision.
        seed: Root of dropout's draws.

    Returns:
        The model of the first stage (with cached features the head alone), its loaders, and digests of
        its data, with the net's initial weights in them.

    Raises:
        DataError: An image cannot be read, the disk has no room, or a pack is damaged.
    """
    from outofcore.saved_model import load_model
    from outofcore.training.features import FeaturePack, cached_features, split_at, weights_digest, without_transform
    from outofcore.training.runtime import start_keras

    start_keras(training.threads, training.precision, seed)
    model = load_model(initial_model.path)
    weights = weights_digest(model)
    data = {**data_summary, "digest": digest([data_summary["digest"], weights])}
    images = train_loader.specification, validation_loader.specification
    if features.mode == "online":
        return model, *images, data
    base, head = split_at(model, BASE_OUTPUT)
    passes = {"train": features.augmented_passes, "validation": 0}
    data["digest"] = digest([data["digest"], features.model_dump(include={"augmented_passes", "dtype"})])
    train_features, validation_features = (
        cached_features(
            base,
            each if passes[split] else without_transform(each),
            FeaturePack(
                split=split,
                folder=packs.path / split,
                fingerprint=_fingerprint(each, passes[split], features.dtype, training.precision, base, data_summary),
                passes=passes[split],
                dtype=features.dtype,
                batch_size=features.batch_size,
            ),
        )
        for split, each in zip(passes, images, strict=True)
    )
    return head, train_features, validation_features, data


def _fingerprint(
    images: LoaderSpecification, passes: int, dtype: str, precision: str, base: Model, data: dict[str, Any]
) -> str:
    from outofcore.training.features import weights_digest

    transform = images.loader.get("transform") if passes else None
    source = {"images": made_from(images.source, data), "transform": transform, "passes": passes}
    layers = [layer.name for layer in base.layers]
    return digest([VERSION, source, dtype, precision, weights_digest(base), layers])


def train_head(
    initial_model: File,
    train_loader: Loader,
    validation_loader: Loader,
    folder: TrainingFolder,
    data_summary: dict[str, Any],
    loader: LoaderParameters,
    training: TrainingParameters,
    seed: int,
    image_loader: Loader,
) -> Trained:
    """Train the first stage; an epoch has as many steps as one pass over the images, however often they are cached.

    Arguments and results are those of `outofcore.nodes.train.train`; `image_loader` reads the images.
    """
    steps = training.steps_per_epoch or image_loader.steps_per_pass
    counted = training.model_copy(update={"steps_per_epoch": steps})
    return train(initial_model, train_loader, validation_loader, folder, data_summary, loader, counted, seed)


def fine_tune(
    initial_model: File,
    train_loader: Loader,
    validation_loader: Loader,
    folder: TrainingFolder,
    data_summary: dict[str, Any],
    loader: LoaderParameters,
    training: TrainingParameters,
    seed: int,
    parameters: FineTuneParameters,
    head_history: dict[str, list[float]],
    head_trace: Table,
    head_summary: dict[str, Any],
) -> Trained:
    """Train the second stage, whose epochs and steps count on from those of the first.

    Args:
        initial_model: The whole net with the trained head, compiled, its last blocks trainable.
        train_loader: Training images.
        validation_loader: Validation images.
        folder: Where checkpoints and the ledger of metrics lie.
        data_summary: Digests of the images.
        loader: How batches are made.
        training: How to train, but for epochs and rate.
        seed: Root of dropout's draws.
        parameters: Whether there is such a stage, and its epochs.
        head_history: Metrics of each epoch of the first stage.
        head_trace: Its trace.
        head_summary: Its summary.

    Returns:
        As `train` does: models, history and trace of both stages, and the summary, with
        `head_epochs` and `fine_tuning`: `epochs`, the `monitor` of `training.best`, its best value `before`
        and `after`, and whether the stage was `kept`. A stage that brings no better value than the head's
        is undone: the best model is then the one that came. Without the stage both models are.
    """
    import pandas as pd

    from outofcore.saved_model import load_model
    from outofcore.training.features import weights_digest
    from outofcore.training.runtime import start_keras

    start_keras(training.threads, training.precision, seed)
    model = load_model(initial_model.path)
    done = head_summary["epochs"]
    if parameters.unfreeze_from is None:
        log.info("fine_tune.unfreeze_from is null: the head's model is the model")
        about = {"epochs": 0, "monitor": None, "before": None, "after": None, "kept": False}
        return model, model, head_history, head_trace, {**head_summary, "head_epochs": done, "fine_tuning": about}
    data = {**data_summary, "digest": digest([data_summary["digest"], weights_digest(model)])}
    rate = training.optimizer.model_copy(update={"learning_rate": parameters.learning_rate, "schedule": None})
    how = training.model_copy(update={"epochs": parameters.epochs, "optimizer": rate})
    best, last, history, trace, summary = train(
        initial_model, train_loader, validation_loader, folder, data, loader, how, seed, first_epoch=done, remedy=REMEDY
    )
    about = _gain(training.best, head_history, history) | {"epochs": summary["epochs"] - done}
    if not about["kept"]:
        log.info("fine-tuning made %s no better (%.4g, before %.4g): it is undone", *list(about.values())[:3])
        best, summary = model, {**summary, "best_epoch": head_summary["best_epoch"]}
    before = head_summary["seconds"]
    joined = {name: head_history.get(name, []) + values for name, values in history.items()}
    whole = {**summary, **_time(head_summary, summary), "head_epochs": done, "fine_tuning": about}
    later = trace.assign(**{f"{name}_seconds": trace[f"{name}_seconds"] + spent for name, spent in before.items()})
    return best, last, joined, pd.concat([head_trace, later], ignore_index=True), whole


def _time(head: dict[str, Any], tuned: dict[str, Any]) -> dict[str, Any]:
    """The time of both stages. Samples per second stay those of the second: one of features, one of images."""
    seconds = {name: spent + tuned["seconds"][name] for name, spent in head["seconds"].items()}
    return {"seconds": seconds, "waiting_share": waiting_share(seconds)}


def _gain(best: BestParameters | None, head: dict[str, list[float]], tuned: dict[str, list[float]]) -> dict[str, Any]:
    """Compare the best epochs of both stages; without a metric to go by, the second is kept."""
    if best is None:
        return {"monitor": None, "after": None, "before": None, "kept": True}
    choose, sign = (min, 1.0) if best.mode == "min" else (max, -1.0)
    before, after = choose(head[best.monitor]), choose(tuned[best.monitor])
    return {"monitor": best.monitor, "after": after, "before": before, "kept": sign * after < sign * before}
