"""Draw what transfer learning adds to a report: the augmentation, what the transfer brings, where the model looks."""

from typing import Any

from numpy.typing import NDArray

from outofcore.parameters.training import TrainingParameters
from outofcore.types import File, Loader, Table

TRANSFER_FIGURES = ("augmentation", "transfer_gain", "class_activation")
"""Figures of `explain_transfer`, in the order of its outputs."""

AUGMENTED = 10
"""Samples that show what the augmentation does."""

PASSES = 2
"""Passes of the augmentation that are shown."""

LOOKED_AT = 4
"""Right predictions that are explained, and as many wrong ones."""

SMALLEST_MAP = 8
"""Places along a side of the feature map that is explained; a coarser one says little of where."""

BASE_HEAD = "head on the base's features"

EXAMINED = ("accuracy", "loss", "f1", "roc_auc", "samples")


def explain_transfer(
    model: File,
    train_loader: Loader,
    test_loader: Loader,
    test_predictions: Table,
    metrics: dict[str, Any],
    comparison: dict[str, Any],
    training_summary: dict[str, Any],
    data_summary: dict[str, Any],
    training: TrainingParameters,
    seed: int,
) -> tuple[Any, ...]:
    """Draw the figures of the transfer, and put them into sections for the report.

    Args:
        model: The trained model, whole.
        train_loader: Training images, with their augmentation.
        test_loader: Test images.
        test_predictions: A row per sample of the test split, in the order of its loader.
        metrics: Metrics of the model on the test split.
        comparison: The same of the head before fine-tuning and of that on random features, or nothing.
        training_summary: What the training says of itself, with `fine_tuning`.
        data_summary: How many samples of each class there are.
        training: Threads and precision.
        seed: Root of all draws.

    Returns:
        Sections as JSON values, and the matplotlib figures of `TRANSFER_FIGURES`.
    """
    from outofcore.reporting import transfer
    from outofcore.reporting.page import plain_section

    augmented = transfer.augmentation_grid(_augmented(train_loader))
    contenders = _contenders(metrics, comparison, training_summary)
    counts = data_summary["classes"][data_summary["tested_split"]].values()
    gain = transfer.accuracies(contenders, max(counts) / sum(counts))
    looks, layer = _looks(model, test_loader, test_predictions, training, seed)
    sections = [
        transfer.transfer_section(contenders, _verdict(training_summary), gain),
        transfer.images_section(augmented, looks, layer),
    ]
    return [plain_section(section) for section in sections], augmented, gain, looks


def _augmented(loader: Loader) -> list[tuple[str, NDArray[Any]]]:
    """The first samples of training as they are, and in the first passes."""
    from outofcore.loaders.batch_loader import open_loader

    steps = -(-AUGMENTED // loader.batch_size)
    places = loader.positions(0, 0, min(steps, loader.steps_per_pass))[:AUGMENTED]
    rows = [("original", open_loader(loader.specification, shuffle=False, transform=None).samples(places)[0])]
    changed = open_loader(loader.specification, shuffle=False)
    return rows + [(f"pass {pass_ + 1}", changed.samples(places, pass_)[0]) for pass_ in range(PASSES)]


def _contenders(metrics: dict[str, Any], comparison: dict[str, Any], summary: dict[str, Any]) -> list[Any]:
    from outofcore.reporting.transfer import Contender

    tuned = summary["fine_tuning"]["kept"]
    named = {"random_features": "head on random features", "transfer": BASE_HEAD}
    found = [
        Contender(title, {each: comparison[f"{name}_{each}"] for each in EXAMINED}, name == "transfer" and not tuned)
        for name, title in named.items()
        if comparison
    ]
    if tuned or not comparison:
        found.append(Contender("after fine-tuning" if tuned else BASE_HEAD, metrics, True))
    return found


def _verdict(summary: dict[str, Any]) -> str:
    about = summary["fine_tuning"]
    if about["epochs"] == 0:
        return "The base stayed frozen: fine_tune.unfreeze_from is null."
    if about["before"] is None:
        return "Fine-tuning was kept unseen: training.best is null."
    change = f"{about['monitor']} from {about['before']:.4f} to {about['after']:.4f} on the validation split"
    if about["kept"]:
        return f"Fine-tuning brought {change}."
    return f"Fine-tuning made it worse, {change}, and was undone: the model is that of the head's best epoch."


def _looks(model: File, loader: Loader, predictions: Table, training: TrainingParameters, seed: int) -> tuple[Any, str]:
    """Class activation maps of a few right and wrong predictions, and the layer that they are of."""
    from outofcore.reporting.transfer import activation_grid, overlay
    from outofcore.saved_model import load_model
    from outofcore.training.class_activation import grad_cam
    from outofcore.training.runtime import start_keras

    keras = start_keras(training.threads, training.precision, seed)
    net = load_model(model.path)
    maps = [layer for layer in net.layers if isinstance(layer, keras.layers.Conv2D)]
    layer = next((each for each in reversed(maps) if min(each.output.shape[1:3]) >= SMALLEST_MAP), maps[-1]).name
    chosen = _chosen(predictions)
    images = loader.samples(chosen["row"].to_numpy())[0]
    heat = grad_cam(net, images, layer)
    rows = list(zip(chosen["true"], chosen["predicted"], chosen["probability"], strict=True))
    return activation_grid([overlay(*pair) for pair in zip(images, heat, strict=True)], rows), layer


def _chosen(predictions: Table) -> Table:
    """The surest right predictions, of all classes in turn, and the surest wrong ones."""
    import pandas as pd

    from outofcore.reporting.samples import surest_right, worst_mistakes

    right = surest_right(predictions, LOOKED_AT)
    return pd.concat([right, worst_mistakes(predictions, LOOKED_AT)[list(right)]], ignore_index=True)
