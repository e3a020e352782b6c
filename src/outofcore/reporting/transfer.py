"""What transfer learning adds to a report: augmentation, what the pretrained base brings, class activation maps."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import NDArray

from outofcore.reporting.page import Block, Listing, Section
from outofcore.reporting.palette import LIGHT
from outofcore.reporting.pictures import Picture as Pixels
from outofcore.reporting.pictures import as_picture
from outofcore.reporting.samples import picture_grid
from outofcore.reporting.style import SMALL, TINY, WIDTH, figure_text, new_figure, plain, settle, shorten, text_options
from outofcore.reporting.training_report import pictures

OPACITY = 0.65
"""Of the colours of a class activation map, where it is 1."""

COLUMNS = 5
"""Samples beside each other in the picture of the augmentation."""


@dataclass(frozen=True)
class Contender:
    """A model on the test split.

    Attributes:
        name: What it is.
        metrics: `accuracy`, `loss`, `f1`, `roc_auc` and `samples`.
        final: Whether it is the model that the run kept.
    """

    name: str
    metrics: Mapping[str, Any]
    final: bool


def augmentation_grid(rows: Sequence[tuple[str, NDArray[np.uint8]]]) -> Figure:
    """Draw samples, and below each what the augmentation makes of it.

    Args:
        rows: Name and samples of each row, in the same order; the first is the originals.
    """
    count = len(rows[0][1])
    pictures, captions = [], []
    for start in range(0, count, COLUMNS):
        for name, samples in rows:
            pictures += [as_picture(sample) for sample in samples[start : start + COLUMNS]]
            captions += [(name,)] * len(samples[start : start + COLUMNS])
    return picture_grid(pictures, captions, COLUMNS)


def overlay(image: NDArray[np.uint8], heat: NDArray[np.float32]) -> Pixels:
    """Lay a class activation map over an image in grey, and put the image in colour beside it.

    Args:
        image: Shape `(height, width, channels)`, of 1 or 3 channels.
        heat: From 0 to 1, shape `(height, width)`.

    Returns:
        Red, green, blue, uint8, the image on the left.
    """
    coloured = np.broadcast_to(image, (*image.shape[:2], 3))
    grey = coloured.mean(axis=2, keepdims=True)
    colours = 255.0 * colormaps["inferno"](heat)[..., :3]
    share = OPACITY * heat[..., None]
    mixed = (grey * (1.0 - share) + colours * share).round().astype(np.uint8)
    return np.concatenate([as_picture(np.ascontiguousarray(coloured)), as_picture(mixed)], axis=1)


def activation_grid(pairs: Sequence[Pixels], rows: Sequence[tuple[str, str, float]]) -> Figure:
    """Draw images with their class activation maps.

    Args:
        pairs: From `overlay`.
        rows: True and predicted label of each, and the probability of the predicted one.
    """
    columns = 2
    longest = int(WIDTH / columns * 72 / (0.62 * SMALL)) // 2 - 4
    captions = [
        (
            f"✓ {shorten(true, 2 * longest)}  {probability:.0%}"
            if true == predicted
            else f"✗ {shorten(true, longest)} → {shorten(predicted, longest)}  {probability:.0%}",
        )
        for true, predicted, probability in rows
    ]
    return picture_grid(pairs, captions, columns)


def interval(share: float, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share that was found in `count` samples."""
    z = 1.96
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return middle - half, middle + half


def accuracies(contenders: Sequence[Contender], guessing: float) -> Figure:
    """Draw the accuracy of each model with its 95 % interval.

    Args:
        contenders: The models.
        guessing: Accuracy of naming the most frequent class always.
    """
    figure = new_figure(0.75 + 0.4 * len(contenders))
    axes = plain(figure.add_subplot(), "test accuracy, with its 95% interval", grid="x")
    for place, each in enumerate(contenders):
        accuracy = each.metrics["accuracy"]
        colour = LIGHT["blue" if each.final else "muted"]
        low, high = interval(accuracy, each.metrics["samples"])
        axes.plot([low, high], [place, place], color=colour, linewidth=1.4, solid_capstyle="butt")
        axes.plot([accuracy], [place], "o", color=colour, markersize=5)
        options = text_options(SMALL, fontweight="bold" if each.final else "normal")
        inside = high < 0.8  # beside the line, on the side that has room
        axes.annotate(
            f"{accuracy:.1%}",
            (high if inside else low, place),
            xytext=(5 if inside else -5, 0),
            textcoords="offset points",
            ha="left" if inside else "right",
            va="center",
            **options,
        )
    axes.axvline(guessing, color=LIGHT["faint"], linewidth=0.8, dashes=(1, 2), zorder=0)
    axes.text(guessing + 0.01, -0.6, "guessing", va="center", **text_options(TINY, "muted"))
    axes.set_yticks(range(len(contenders)), [each.name for each in contenders], **text_options(SMALL))
    axes.set(xlim=(0, 1), ylim=(len(contenders) - 0.5, -0.8))
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25%", "50%", "75%", "100%"])
    return settle(figure)


def transfer_section(contenders: Sequence[Contender], lead: str, figure: Figure) -> Section:
    """Put together what pretraining and fine-tuning have brought."""
    rows = [
        (
            f"{each.name} (kept)" if each.final else each.name,
            f"{each.metrics['accuracy']:.4f}",
            f"{each.metrics['loss']:.4f}",
            f"{each.metrics['f1']:.4f}",
            figure_text(each.metrics["roc_auc"]),
        )
        for each in contenders
    ]
    columns = ["model", "accuracy", "loss", "F1", "ROC AUC"]
    picture = pictures({"transfer_gain": figure})
    blocks: list[Block] = [
        picture("transfer_gain", "Accuracy", "On the same test samples; blue is the model that was kept."),
        Listing("Figures", "Loss is better the lower, all else the higher.", columns, rows, frozenset(range(1, 5))),
    ]
    return Section("transfer", "What the transfer brings", lead, blocks)


def images_section(augmented: Figure, looks: Figure, layer: str) -> Section:
    """Show what the augmentation does, and where the model looks."""
    shown = (
        "Each training sample as it is, and below it as the first passes show it. Validation and test are not changed."
    )
    seen = "Right of each image: the brighter, the more a place speaks for the predicted class. ✓ right, ✗ wrong."
    picture = pictures({"augmentation": augmented, "class_activation": looks})
    blocks = [
        picture("augmentation", "Augmentation", shown),
        picture("class_activation", f"Class activation maps of {layer}", seen),
    ]
    lead = "The maps (Grad-CAM) are of the surest right predictions, of each class in turn, and of the surest mistakes."
    return Section("images", "What it is shown, and where it looks", lead, blocks)
