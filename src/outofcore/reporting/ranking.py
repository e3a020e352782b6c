"""ROC and precision-recall curves, each class against the rest."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from outofcore.reporting.palette import LIGHT, SERIES
from outofcore.reporting.style import SMALL, new_figure, plain, settle, shorten, text_options

NAMED = 3
"""Classes that are named in a figure: those with the smallest areas."""

BACKGROUND = 30
"""Most classes of which the others are drawn too, in grey."""

DASHES: tuple[Any, ...] = ((None, None), (5, 1.5), (1.5, 1.2))

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]


def _counts(is_class: NDArray[np.bool_], scores: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """True and false positives at each distinct threshold, from the highest score down."""
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.diff(scores[order], append=-np.inf))
    hits = np.cumsum(is_class[order])[last]
    return hits, last + 1 - hits


def roc_curve(is_class: NDArray[np.bool_], scores: NDArray[Any]) -> Curve:
    """Compute false and true positive rates, from (0, 0) to (1, 1).

    Args:
        is_class: Whether a sample is of the class, shape `(samples,)`; both must occur.
        scores: Its probability of that.
    """
    hits, misses = _counts(is_class, scores)
    return np.append(0.0, misses / misses[-1]), np.append(0.0, hits / hits[-1])


def precision_recall_curve(is_class: NDArray[np.bool_], scores: NDArray[Any]) -> Curve:
    """Compute recall and precision, from recall 0 to 1; arguments as in `roc_curve`."""
    hits, misses = _counts(is_class, scores)
    precision = hits / (hits + misses)
    return np.append(0.0, hits / hits[-1]), np.append(precision[0], precision)


def average_precision(curve: Curve) -> float:
    """Mean precision over recall, each threshold weighted by the recall that it adds."""
    recall, precision = curve
    return float(np.sum(np.diff(recall) * precision[1:]))


def area_below(curve: Curve) -> float:
    """Area below a ROC curve, by trapezoids."""
    return float(np.trapezoid(curve[1], curve[0]))


def roc(truth: NDArray[Any], probabilities: Mapping[str, NDArray[Any]]) -> Figure:
    """Draw the ROC curve of each class, or of the second of two.

    Args:
        truth: True label of each sample.
        probabilities: Predicted probability of each class by label, shape `(samples,)`.
    """
    names = list(probabilities)[1:] if len(probabilities) == 2 else list(probabilities)
    axes = _draw(truth, probabilities, names, (roc_curve, area_below), "AUC")
    axes.plot([0, 1], [0, 1], color=LIGHT["faint"], linewidth=0.8, dashes=(1, 2), zorder=0)
    axes.text(0.62, 0.6, "guessing", rotation=45, rotation_mode="anchor", va="top", **text_options(SMALL, "muted"))
    plain(axes, "false positive rate", "true positive rate", "both")
    return settle(axes.get_figure())  # type: ignore[arg-type]


def precision_recall(truth: NDArray[Any], probabilities: Mapping[str, NDArray[Any]]) -> Figure:
    """Draw the precision-recall curve of each class; arguments as in `roc`."""
    measures = (precision_recall_curve, average_precision)
    axes = _draw(truth, probabilities, list(probabilities), measures, "average precision")
    plain(axes, "recall", "precision", "both")
    return settle(axes.get_figure())  # type: ignore[arg-type]


def _draw(
    truth: NDArray[Any],
    probabilities: Mapping[str, NDArray[Any]],
    names: Sequence[str],
    measures: tuple[Callable[[NDArray[np.bool_], NDArray[Any]], Curve], Callable[[Curve], float]],
    measure: str,
) -> Axes:
    make, area = measures
    both = [name for name in names if 0 < (truth == name).sum() < len(truth)]
    curves = {name: make(truth == name, probabilities[name]) for name in both}
    areas = {name: area(curve) for name, curve in curves.items()}
    named = sorted(curves, key=lambda name: (areas[name], name))[:NAMED]
    axes = new_figure(3.3 + 0.16 * (len(named) + 1)).add_subplot()
    for name in [each for each in curves if each not in named] if len(curves) <= BACKGROUND else ():
        axes.plot(*curves[name], color=LIGHT["faint"], linewidth=0.7, alpha=0.6)
    for name, colour, dashes in zip(named, SERIES, DASHES, strict=False):
        label = f"{shorten(name, 20)}  {areas[name]:.4f}"
        axes.plot(*curves[name], color=LIGHT[colour], linewidth=1.6, dashes=dashes, label=label, clip_on=False)
    lowest = f"{measure}, the {len(named)} lowest of {len(names)} classes"
    if named:
        title = lowest if len(named) < len(names) else f"{measure} by class"
        _key(axes, title)
    else:
        axes.text(0.5, 0.5, "no class to tell from others", ha="center", **text_options(colour="muted"))
    axes.set(xlim=(0, 1), ylim=(0, 1.004), aspect="equal")
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
    return axes


def _key(axes: Axes, title: str) -> None:
    """Say below the axes which line is which class: within them there is no corner that no curve goes through."""
    handles, _ = axes.get_legend_handles_labels()
    key = axes.get_figure().legend(  # type: ignore[union-attr]
        handles=handles,
        loc="outside lower center",
        title=title,
        frameon=False,
        borderpad=0.0,
        handlelength=2.6,
        alignment="left",
    )
    for text, size, colour in [(key.get_title(), SMALL, "muted"), *((each, SMALL, "ink") for each in key.get_texts())]:
        text.update({**text_options(size, colour)})
