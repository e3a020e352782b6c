"""What all figures share: size, fonts, axes without ornament, short texts."""

import functools
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, MaxNLocator

from outofcore.reporting.palette import LIGHT

WIDTH = 3.9
"""Inches; the page shows a figure at 320 to 500 pixels, where 8 points are 9 to 14 pixels high."""

DPI = 200
TEXT, SMALL, TINY = 8.0, 7.0, 6.0
"""Font sizes in points."""

OTHER_SCRIPTS = ("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans Arabic", "Noto Sans Devanagari", "Noto Emoji")
MEBIBYTE = 2**20


@functools.cache
def families() -> list[str]:
    """List the fonts for texts: the one that comes with matplotlib, and what this machine has for other scripts."""
    installed = {font.name for font in fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in OTHER_SCRIPTS if name in installed)]


def text_options(size: float = TEXT, colour: str = "ink", **more: Any) -> dict[str, Any]:
    """Give the arguments of a text; a dollar sign in it is a dollar sign, never mathematics."""
    return {"fontsize": size, "color": LIGHT[colour], "fontfamily": families(), "parse_math": False, **more}


class QuietFigure(Figure):
    """A figure that does not warn of characters that its fonts lack: they are shown as boxes."""

    def savefig(self, *arguments: Any, **options: Any) -> None:
        """Save as `Figure.savefig` does."""
        with _no_glyph_warnings():
            super().savefig(*arguments, **options)


@contextmanager
def _no_glyph_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")
        yield


def new_figure(height: float, laid_out: bool = True) -> Figure:
    """Make a figure of the common width.

    Args:
        height: Inches.
        laid_out: Whether axes move until all texts have room.
    """
    engine = ConstrainedLayoutEngine(w_pad=0.05, h_pad=0.04, wspace=0.04, hspace=0.05) if laid_out else None
    return QuietFigure(figsize=(WIDTH, height), dpi=DPI, facecolor=LIGHT["surface"], layout=engine)


def settle(figure: Figure) -> Figure:
    """Lay a figure out, once: both its forms, PNG and SVG, then look the same."""
    with _no_glyph_warnings():
        figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure


def plain(axes: Axes, x: str = "", y: str = "", grid: str = "y") -> Axes:
    """Take all ornament off a pair of axes and name them.

    Args:
        axes: What to dress.
        x: Name and unit of the x axis.
        y: Name and unit, written level above the y axis.
        grid: Axis with grid lines: `x`, `y`, `both` or nothing.
    """
    axes.set_facecolor("none")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(LIGHT["faint"])
    axes.spines["bottom"].set_linewidth(0.8)
    axes.tick_params(length=0, labelsize=SMALL, labelcolor=LIGHT["muted"], pad=3)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(axis=grid, color=LIGHT["line"], linewidth=0.7)  # type: ignore[arg-type]
    if x:
        axes.set_xlabel(x, **text_options(SMALL, "muted"), labelpad=3)
    if y:
        axes.set_title(y, **text_options(TEXT, "ink", fontweight="bold"), loc="left", pad=5)
    return axes


def few_ticks(axes: Axes, x: int | None = None, y: int | None = None, whole: bool = False) -> None:
    """Limit the number of ticks; numbers are written plainly, thousands with commas."""
    for axis, count in ((axes.xaxis, x), (axes.yaxis, y)):
        if count is not None:
            axis.set_major_locator(MaxNLocator(count, integer=whole))
            axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))


def figure_text(value: float | None, form: str = ".4f") -> str:
    """Write a figure for a table or a tile; one that is not defined is a dash."""
    return "–" if value is None else format(value, form)  # noqa: RUF001


def number(value: float) -> str:
    """Write a number for an axis: `12,000`, `0.25`."""
    return (f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}").replace("-", "−")  # noqa: RUF001


def records(table: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    """Give the rows of a table as plain tuples."""
    return table.itertuples(index=False, name=None)


def shorten(text: str, length: int) -> str:
    """Shorten a text in its middle, for both ends of a name or ID tell."""
    flat = " ".join(str(text).split())
    if len(flat) <= length:
        return flat
    tail = (length - 1) // 2
    return f"{flat[: length - 1 - tail]}…{flat[len(flat) - tail :]}"


def apart(values: Sequence[float], gap: float) -> list[float]:
    """Move values apart, as little as leaves `gap` between neighbours, in their order."""
    order = np.argsort(values, kind="stable")
    placed = np.array(values, float)[order]
    for _ in range(len(placed) * 4):
        overlap = gap - np.diff(placed)
        if not (overlap > 1e-9).any():
            break
        for index in np.flatnonzero(overlap > 0):
            placed[index] -= overlap[index] / 2
            placed[index + 1] += overlap[index] / 2
            overlap = gap - np.diff(placed)
    result = np.empty(len(placed))
    result[order] = placed
    return result.tolist()


def label_ends(axes: Axes, labels: Sequence[tuple[float, str, str]], height: float) -> None:
    """Name lines at their right ends.

    Args:
        axes: Axes whose limits are final.
        labels: Value at the end, text and colour of each line.
        height: Approximate height of the axes in inches.
    """
    scale = axes.transData + axes.transAxes.inverted()
    x = axes.get_xlim()[1]
    at = [float(scale.transform((x, value))[1]) for value, _, _ in labels]
    places = np.array(apart(at, 1.25 * SMALL / 72 / height))
    places -= min(0.0, places.min(initial=0.0) - 0.02) + max(0.0, places.max(initial=0.0) - 1.0)
    for where, (_, text, colour) in zip(places.tolist(), labels, strict=True):
        axes.text(1.02, where, text, transform=axes.transAxes, va="center", **text_options(SMALL, colour))
