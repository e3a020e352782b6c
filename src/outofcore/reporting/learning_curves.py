"""Learning curves from the trace of a training."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from outofcore.reporting.palette import LIGHT
from outofcore.reporting.style import SMALL, few_ticks, label_ends, new_figure, number, plain, settle, text_options

EPOCHS_ON_AXIS = 4
"""From so many epochs on the axis counts epochs, below it optimizer steps."""

PANEL_INCHES = 1.75
MOST_PANELS = 4
WIDE_RANGE = 50.0
"""A loss that falls by more than this factor stands on a logarithmic axis."""

_BOOKKEEPING = {"step", "epoch", "time", "samples", "memory_bytes", "learning_rate"}


def metric_names(trace: pd.DataFrame) -> list[str]:
    """List the metrics of a trace, the loss first, each without `val_`."""
    names = [
        name
        for name in trace.columns
        if name not in _BOOKKEEPING and not name.endswith("_seconds") and not name.startswith("val_")
    ]
    return sorted(names, key=lambda name: name != "loss")


def learning_curves(trace: pd.DataFrame, best_epoch: int | None) -> Figure:
    """Draw every metric over the training, one panel each.

    Lines with marks are the values at the ends of epochs, thin lines the running means within them.

    Args:
        trace: The `training_trace` of a run; `val_*` may be missing or NaN.
        best_epoch: The epoch whose weights were kept, from 1, or `None`.
    """
    panels: list[Any] = metric_names(trace)[:MOST_PANELS]
    if trace.get("learning_rate", pd.Series(dtype=float)).nunique() > 1:
        panels.append("learning_rate")
    place, name = _places(trace)
    ends = (~trace.duplicated("epoch", keep="last")).to_numpy()
    figure = new_figure(0.45 + PANEL_INCHES * len(panels))
    grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, metric in zip(grid, panels, strict=True):
        plain(axes, y=metric.replace("_", " "))
        _panel(axes, trace, metric, place, ends)
        _mark_best(axes, place[ends], best_epoch, with_text=axes is grid[0])
    plain(grid[-1], x=name)
    few_ticks(grid[-1], x=7, whole=True)
    return settle(figure)


def _places(trace: pd.DataFrame) -> tuple[Any, str]:
    """Where each row stands on the x axis, and what the axis is called."""
    steps, epochs = trace["step"].to_numpy(float), trace["epoch"].to_numpy()
    last = trace.groupby("epoch")["step"].max()
    if len(last) < EPOCHS_ON_AXIS:
        return steps, "optimizer steps"
    before = np.concatenate([[0.0], last.to_numpy(float)[:-1]])
    lengths = last.to_numpy(float) - before
    row = np.searchsorted(last.index.to_numpy(), epochs)
    name = f"epoch ({lengths[0]:,.0f} optimizer steps each)" if lengths[0] > 1 else "epoch"
    return epochs - 1 + (steps - before[row]) / np.maximum(lengths[row], 1), name


def _panel(axes: Axes, trace: pd.DataFrame, metric: str, place: Any, ends: Any) -> None:
    values = trace[metric].to_numpy(float)
    marks = 4.0 if ends.sum() <= 30 else 0.0
    for epoch in trace["epoch"].unique() if not ends.all() and metric != "learning_rate" else ():
        rows = (trace["epoch"] == epoch).to_numpy()
        axes.plot(place[rows], values[rows], color=LIGHT["blue"], linewidth=0.8, alpha=0.45)
    kept = ends & np.isfinite(values)
    axes.plot(place[kept], values[kept], color=LIGHT["blue"], linewidth=1.4, marker="o", markersize=marks)
    labels = []
    if kept.any():
        what = "training" if metric != "learning_rate" else "rate"
        labels.append((values[kept][-1], f"{what} {_value(values[kept][-1])}", "blue"))
    validation = trace.get(f"val_{metric}", pd.Series(np.nan, trace.index)).to_numpy(float)
    known = np.isfinite(validation)
    if known.any():
        axes.plot(
            place[known],
            validation[known],
            color=LIGHT["orange"],
            linewidth=1.4,
            dashes=(4, 1.6),
            marker="s",
            markersize=marks,
            markerfacecolor=LIGHT["surface"],
            markeredgewidth=1.2,
        )
        labels.append((validation[known][-1], f"validation {_value(validation[known][-1])}", "orange"))
    _scale(axes, metric, np.concatenate([values[np.isfinite(values)], validation[known]]))
    axes.set_xlim(0, max(place.max() * 1.02, 1.0))
    label_ends(axes, labels, PANEL_INCHES - 0.45)


def _value(value: float) -> str:
    return number(value) if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")


def _scale(axes: Axes, metric: str, shown: Any) -> None:
    """Use a logarithmic axis for a loss that falls far, and leave room around the values."""
    if metric == "loss" and shown.size and shown.min() > 0 and shown.max() / shown.min() > WIDE_RANGE:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(numticks=5))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.tick_params(which="minor", length=0)
        axes.set_title("loss (logarithmic)", **text_options(fontweight="bold"), loc="left", pad=5)
        return
    axes.margins(y=0.12)
    few_ticks(axes, y=4)
    axes.autoscale_view()


def _mark_best(axes: Axes, ends: Any, best_epoch: int | None, with_text: bool) -> None:
    if best_epoch is None or not 1 <= best_epoch <= len(ends):
        return
    x = ends[best_epoch - 1]
    axes.axvline(x, color=LIGHT["muted"], linewidth=0.9, dashes=(1, 1.5), zorder=0)
    if with_text:
        share = x / axes.get_xlim()[1]
        late = share > 0.7
        place = share if late else max(share, 0.46)  # beside the line, and clear of the title
        options = text_options(SMALL, "muted", ha="right" if late else "left")
        axes.text(place, 1.05, f"best: epoch {best_epoch}", transform=axes.transAxes, **options)
