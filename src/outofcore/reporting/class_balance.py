"""How many samples of each class each split holds."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from outofcore.reporting.palette import LIGHT, SERIES
from outofcore.reporting.style import (
    SMALL,
    few_ticks,
    label_ends,
    new_figure,
    number,
    plain,
    settle,
    shorten,
    text_options,
)

WITH_BARS = 24
"""Most classes that get a bar each."""

WIDE_RANGE = 50
"""Counts that differ by more than this factor stand on a logarithmic axis."""

DASHES = ((None, None), (5, 1.5), (1.5, 1.2), (6, 1.5, 1.5, 1.5))


def class_balance(classes: Mapping[str, Mapping[str, int]]) -> Figure:
    """Draw the samples of each class in each split.

    Up to 24 classes have bars, which show their share of the split; more of them make lines, from
    the most frequent class to the rarest.

    Args:
        classes: Number of samples by split and label.
    """
    labels = list(next(iter(classes.values())))
    if len(labels) > WITH_BARS:
        return _lines(classes)
    figure = new_figure(0.9 + 0.2 * max(len(labels), 3))
    grid = figure.subplots(1, len(classes), sharey=True, sharex=True, squeeze=False)[0]
    for axes, (split, counts) in zip(grid, classes.items(), strict=True):
        _bars(axes, split, np.array([counts[label] for label in labels]))
    places = range(len(labels))
    grid[0].set_yticks(places, [shorten(label, 20) for label in labels], **text_options(SMALL))
    grid[0].invert_yaxis()
    largest = max(count / max(sum(counts.values()), 1) for counts in classes.values() for count in counts.values())
    grid[0].set_xlim(0, largest * 1.6)  # room for the number behind the longest bar
    few_ticks(grid[0], x=3)
    grid[0].xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol="%"))
    figure.supxlabel("share of the split; numbers are samples", **text_options(SMALL, "muted"))
    return settle(figure)


def _bars(axes: Axes, split: str, counts: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> None:
    plain(axes, y=f"{split}\n{counts.sum():,}", grid="x")
    shares = counts / max(counts.sum(), 1)
    axes.barh(range(len(counts)), shares, height=0.68, color=LIGHT["blue"])
    for place, (share, count) in enumerate(zip(shares, counts.tolist(), strict=True)):
        axes.annotate(
            f"{count:,}",
            (share, place),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            **text_options(SMALL if len(counts) <= 12 else 6.0),
        )


def _lines(classes: Mapping[str, Mapping[str, int]]) -> Figure:
    figure = new_figure(2.6)
    every = [count for counts in classes.values() for count in counts.values()]
    least, most = min(every), max(every)
    axes = plain(figure.add_subplot(), "classes, from the most frequent to the rarest", "samples")
    ends = []
    for (split, counts), colour, dashes in zip(classes.items(), SERIES, DASHES, strict=False):
        values = np.sort(np.array(list(counts.values())))[::-1]
        axes.plot(np.arange(1, len(values) + 1), values, color=LIGHT[colour], linewidth=1.4, dashes=dashes)
        ends.append((float(values[-1]), f"{split} {number(values[-1])}", colour))
    axes.set_xlim(1, len(next(iter(classes.values()))))
    few_ticks(axes, x=6, y=4, whole=True)
    if least > 0 and most > WIDE_RANGE * least:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
        axes.tick_params(which="minor", length=0)
        axes.set_title("samples (logarithmic)", **text_options(fontweight="bold"), loc="left", pad=5)
    else:
        axes.set_ylim(bottom=0)
    label_ends(axes, ends, 2.0)
    return settle(figure)
