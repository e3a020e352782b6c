"""Where the time of a training went, and how fast and how large it was."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from outofcore.reporting.palette import LIGHT
from outofcore.reporting.style import MEBIBYTE, SMALL, few_ticks, new_figure, number, plain, settle, text_options

WORDS = {
    "training": "training",
    "waiting": "waiting for data",
    "validating": "validating",
    "saving": "saving checkpoints",
}
"""What a run spends time on, as `seconds` in a training's summary names it."""

_UNITS = (("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0))


def duration(seconds: float) -> str:
    """Write a time for people: `85 ms`, `2.6 s`, `4 min 10 s`, `3 h 5 min`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60} min"


def time_spent(seconds: dict[str, float]) -> Figure:
    """Draw what the time of a training went to.

    Args:
        seconds: Time by `training`, `waiting`, `validating` and `saving`.
    """
    figure = new_figure(0.35 + 0.28 * len(seconds))
    axes = plain(figure.add_subplot(), grid="")
    axes.spines["bottom"].set_visible(False)
    total = sum(seconds.values()) or 1.0
    places = range(len(seconds))
    axes.barh(places, list(seconds.values()), height=0.62, color=[_colour(name) for name in seconds])
    for place, value in zip(places, seconds.values(), strict=True):
        text = f"{duration(value)}  ({value / total:.1%})"
        axes.annotate(
            text, (value, place), xytext=(4, 0), textcoords="offset points", va="center", **text_options(SMALL)
        )
    axes.set_yticks(places, [WORDS.get(name, name) for name in seconds], **text_options(SMALL))
    axes.set_xticks([])
    axes.set_xlim(0, max(max(seconds.values(), default=0.0), 1e-9) * 1.6)
    axes.invert_yaxis()
    return settle(figure)


def _colour(name: str) -> str:
    return LIGHT["orange" if name == "waiting" else "blue"]


def throughput_and_memory(trace: pd.DataFrame) -> Figure:
    """Draw training speed and memory over the time that the training was at work.

    Time between a stop and the run that went on is left out.

    Args:
        trace: The `training_trace` of a run.
    """
    spent = [name for name in trace.columns if name.endswith("_seconds")]
    elapsed = trace[spent].sum(axis=1).to_numpy(float)
    unit, length = next(each for each in _UNITS if elapsed.max(initial=0.0) >= 2 * each[1] or each[1] == 1.0)
    figure = new_figure(3.1)
    speed, memory = figure.subplots(2, 1, sharex=True)
    plain(speed, y="samples per second")
    plain(memory, f"{unit} at work (training, waiting, validating, saving)", "memory, MiB")
    _line(speed, elapsed / length, _speeds(trace), "blue")
    _line(memory, elapsed / length, trace["memory_bytes"].to_numpy(float) / MEBIBYTE, "teal")
    memory.set_xlim(0, max(elapsed.max(initial=0.0) / length, 1e-6) * 1.02)
    few_ticks(memory, x=6)
    return settle(figure)


def _speeds(trace: pd.DataFrame) -> Any:
    """Samples per second of training and waiting, from each row to the next."""
    busy = (trace["training_seconds"] + trace["waiting_seconds"]).to_numpy(float)
    seconds = np.diff(busy, prepend=0.0)
    samples = np.diff(trace["samples"].to_numpy(float), prepend=0.0)
    return np.where((seconds > 0) & (samples > 0), samples / np.where(seconds > 0, seconds, 1.0), np.nan)


def _line(axes: Any, x: Any, y: Any, colour: str) -> None:
    known = np.isfinite(y)
    axes.plot(x[known], y[known], color=LIGHT[colour], linewidth=1.3, marker="o", markersize=2.5 if len(x) < 40 else 0)
    axes.set_ylim(0, max(np.max(y[known], initial=0.0), 1e-9) * 1.25)
    few_ticks(axes, y=4)
    if known.any():
        middle, most = np.median(y[known]), np.max(y[known])
        text = f"median {number(round(middle))}, most {number(round(most))}"
        axes.text(1.0, 1.04, text, transform=axes.transAxes, ha="right", va="bottom", **text_options(SMALL, "muted"))
