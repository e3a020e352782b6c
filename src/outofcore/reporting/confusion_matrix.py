"""What was taken for what: the confusion matrix, and its largest entries."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from outofcore.reporting.palette import LIGHT, rgb
from outofcore.reporting.style import SMALL, TEXT, TINY, new_figure, plain, settle, shorten, text_options

WITH_SHARES, WITH_COUNTS, WITH_NAMES = 8, 20, 40
"""Most classes for which cells show counts and shares, cells show counts, axes show names."""

DARK_CELL = 0.72
"""Opacity of a cell from which its text is white."""


def row_shares(counts: NDArray[Any]) -> NDArray[np.float64]:
    """Divide each row by its sum; a class without samples has shares of 0."""
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), np.float64)


def confusion_matrix(counts: Sequence[Sequence[int]], labels: Sequence[str]) -> Figure:
    """Draw counts and row shares; what is right in blue, what is wrong in orange.

    A cell's depth is the square root of its share, so that rare mistakes are seen too.

    Args:
        counts: Samples by true class (rows) and predicted class (columns).
        labels: Names of the classes, in the order of the rows.
    """
    matrix = np.asarray(counts)
    classes = len(labels)
    opacity = np.sqrt(row_shares(matrix))
    figure = new_figure(3.0 if classes <= 2 else 3.7 if classes <= WITH_SHARES else 4.0)
    axes = plain(figure.add_subplot(), grid="")
    axes.imshow(_cells(opacity), interpolation="none")
    axes.spines["bottom"].set_visible(False)
    _name_classes(axes, labels)
    if classes <= WITH_NAMES:  # thin lines of the background between the cells
        edges = np.arange(classes + 1) - 0.5
        width = 2.0 if classes <= WITH_SHARES else 0.8
        axes.hlines(edges, -0.5, classes - 0.5, colors=LIGHT["surface"], linewidth=width)
        axes.vlines(edges, -0.5, classes - 0.5, colors=LIGHT["surface"], linewidth=width)
    if classes <= WITH_COUNTS:
        _write_cells(axes, matrix, opacity)
    return settle(figure)


def _cells(opacity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Colours with opacity, shape `(classes, classes, 4)`."""
    cells = np.empty((*opacity.shape, 4))
    cells[..., :3] = rgb("orange")
    cells[np.diag_indices(len(opacity))] = (*rgb("blue"), 0.0)
    cells[..., 3] = np.where(opacity > 0, np.maximum(opacity, 0.18), 0.05)
    return cells


def _name_classes(axes: Axes, labels: Sequence[str]) -> None:
    count = len(labels)
    axes.set_xlabel("predicted class", **text_options(TEXT, "muted"), labelpad=5)
    axes.set_ylabel("true class", **text_options(TEXT, "muted"), labelpad=5)
    if count > WITH_NAMES:
        axes.set_xticks([0, count - 1], ["1", f"{count:,}"])
        axes.set_yticks([0, count - 1], ["1", f"{count:,}"])
        axes.set_xlabel(f"predicted class, 1 to {count:,} in label order", **text_options(TEXT, "muted"), labelpad=0)
        axes.set_ylabel("true class", **text_options(TEXT, "muted"), labelpad=0)
        return
    names = [shorten(label, 18 if count <= 10 else 12) for label in labels]
    size = SMALL if count <= 10 else 5.5 if count <= WITH_COUNTS else 4.0
    long = max(map(len, names)) > max(2, 28 // count)
    turned: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if long else {}
    axes.set_xticks(range(count), names, **text_options(size), **turned)
    axes.set_yticks(range(count), names, **text_options(size))


def _write_cells(axes: Axes, matrix: NDArray[Any], opacity: NDArray[np.float64]) -> None:
    classes = len(matrix)
    shares = row_shares(matrix)
    size = 11.0 if classes <= 3 else TEXT if classes <= WITH_SHARES else 6.5 if classes <= 12 else 4.5
    for row, column in np.ndindex(matrix.shape):
        count = matrix[row, column]
        if not count and classes > 4:
            continue
        colour = "on-series" if opacity[row, column] > DARK_CELL else "ink" if count else "muted"
        lower = classes <= WITH_SHARES and count > 0
        axes.text(
            column,
            row,
            f"{count:,}",
            ha="center",
            va="bottom" if lower else "center",
            **text_options(size, colour, fontweight="bold" if classes <= 3 else "normal"),
        )
        if lower:
            share = text_options(SMALL if classes <= 3 else TINY, colour)
            axes.text(column, row + 0.04, _percent(float(shares[row, column])), ha="center", va="top", **share)


def _percent(share: float) -> str:
    return "100%" if share == 1.0 else f"{share:.1%}" if share < 0.9995 else f"{share:.2%}"


def largest_confusions(counts: Sequence[Sequence[int]], labels: Sequence[str], most: int) -> pd.DataFrame:
    """List the pairs of classes that were confused most often.

    Args:
        counts: As in `confusion_matrix`.
        labels: Names of the classes.
        most: Rows at most.

    Returns:
        `true`, `predicted`, `samples` and `share` of the true class, most samples first.
    """
    matrix = np.asarray(counts)
    shares = row_shares(matrix)
    wrong = matrix * ~np.eye(len(labels), dtype=bool)
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = [divmod(int(place), len(labels)) for place in order if wrong.flat[place]]
    rows = [(labels[true], labels[taken], int(matrix[true, taken]), shares[true, taken]) for true, taken in pairs]
    return pd.DataFrame(rows, columns=["true", "predicted", "samples", "share"])
