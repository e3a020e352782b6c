"""What a regression predicts, against what is."""

import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from outofcore.reporting.palette import LIGHT, rgb
from outofcore.reporting.style import SMALL, few_ticks, new_figure, number, plain, settle, text_options

BINS = 60


def predicted_against_actual(table: pd.DataFrame) -> Figure:
    """Draw how many samples fall where, predicted over actual; the line is a perfect prediction.

    Args:
        table: Columns `actual` and `predicted`.
    """
    actual, predicted = table["actual"].to_numpy(float), table["predicted"].to_numpy(float)
    low, high = _limits(np.concatenate([actual, predicted]))
    counts, _, _ = np.histogram2d(predicted, actual, bins=BINS, range=[(low, high)] * 2)
    cells = np.empty((BINS, BINS, 4))
    cells[..., :3] = rgb("blue")
    strength = np.log1p(counts) / max(math.log1p(counts.max()), 1e-9)
    cells[..., 3] = np.where(counts > 0, np.minimum(0.12 + 0.88 * strength, 1.0), 0.0)
    figure = new_figure(3.5)
    axes = figure.add_subplot()
    axes.imshow(cells, extent=(low, high, low, high), origin="lower", interpolation="none")
    axes.plot([low, high], [low, high], color=LIGHT["ink"], linewidth=0.8, dashes=(4, 2))
    plain(axes, "actual", "predicted", "both")
    few_ticks(axes, x=5, y=5)
    text = f"darkest: {number(counts.max())} samples"
    axes.text(1.0, 1.02, text, transform=axes.transAxes, ha="right", va="bottom", **text_options(SMALL, "muted"))
    return settle(figure)


def residuals(table: pd.DataFrame) -> Figure:
    """Draw how often which residual occurs, predicted less actual, over the middle 99 %.

    Args:
        table: Columns `actual` and `predicted`.
    """
    values = (table["predicted"] - table["actual"]).to_numpy(float)
    low, high = _limits(np.quantile(values, [0.005, 0.995]) if len(values) else np.zeros(1))
    counts, edges = np.histogram(values, bins=41, range=(low, high))
    figure = new_figure(2.5)
    axes = plain(figure.add_subplot(), "residual: predicted less actual", "samples")
    axes.stairs(counts, edges, fill=True, color=LIGHT["blue"])
    axes.axvline(0.0, color=LIGHT["ink"], linewidth=0.8, dashes=(4, 2))
    few_ticks(axes, x=6)
    few_ticks(axes, y=4, whole=True)
    outside = int(((values < low) | (values > high)).sum())
    mean = float(values.mean()) if len(values) else 0.0
    text = f"mean {mean:.3g}; {outside:,} samples lie outside"
    axes.text(1.0, 1.04, text, transform=axes.transAxes, ha="right", va="bottom", **text_options(SMALL, "muted"))
    return settle(figure)


def worst_rows(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """Choose the rows with the largest errors.

    Args:
        table: Columns `actual` and `predicted`, and others, which are kept.
        most: Rows at most.

    Returns:
        The table's columns and `error`, predicted less actual, the largest without sign first.
    """
    error = table["predicted"] - table["actual"]
    order = np.argsort(-error.abs().to_numpy(), kind="stable")[:most]
    return table.assign(error=error).iloc[order].reset_index(drop=True)


def _limits(values: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> tuple[float, float]:
    """Give limits a little wider than the values, and never of no width."""
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    largest = max(abs(low), abs(high))
    narrow = high - low <= 1e-9 * largest  # too few floats lie between for a histogram
    margin = max(largest * 0.05, 0.5) if narrow else (high - low) * 0.03
    return low - margin, high + margin
