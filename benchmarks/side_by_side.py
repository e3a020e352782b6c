"""Contenders side by side: they run in turn, and a Markdown table tells their medians and ratios.

All run once within each round, so that a change in the machine's speed meets all alike; a ratio is the
median of the ratios within rounds. A round before the first warms everything up and does not count.
"""

import contextlib
import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outofcore.loaders.batch_loader import BatchLoader
from outofcore.training.schedule import stretches

Run = Callable[[], Any]
Columns = dict[str, Callable[[str], str]]
"""The text of each column, by its title, for the name of a contender."""


@dataclass(frozen=True)
class Turns:
    """What the rounds have shown of each contender, by its name.

    Attributes:
        rates: Units per second, of every round.
        busy: Seconds of the processor per unit, of every round: of this process, all threads, so that
            what other programs take does not count.
    """

    rates: dict[str, list[float]]
    busy: dict[str, list[float]]

    def rate(self, name: str) -> float:
        """Give the units per second."""
        return statistics.median(self.rates[name])

    def ratio(self, name: str, to: str | None = None) -> float:
        """Tell how many times as fast it is as another one, by default the first."""
        others = self.rates[to or next(iter(self.rates))]
        return statistics.median(mine / other for mine, other in zip(self.rates[name], others, strict=True))

    def work(self, name: str) -> float:
        """Give the seconds of the processor per unit."""
        return statistics.median(self.busy[name])


def take_turns(
    runs: Mapping[str, Run],
    rounds: int,
    count: int | None = None,
    around: Callable[[str], contextlib.AbstractContextManager[Any]] = contextlib.nullcontext,
) -> Turns:
    """Run all contenders in turn, round by round.

    Args:
        runs: Does the work once, by the contender's name.
        rounds: How often each one's time is taken.
        count: Units that a run does, or `None` where it returns their number.
        around: What else to do around each run, outside the time taken, for a contender's name.
    """
    turns = Turns({name: [] for name in runs}, {name: [] for name in runs})
    for measured in [False, *[True] * rounds]:
        for name, run in runs.items():
            with around(name):
                began, worked = time.perf_counter(), time.process_time()
                returned = run()
                seconds, busy = time.perf_counter() - began, time.process_time() - worked
            if measured:
                done = returned if count is None else count
                turns.rates[name].append(done / seconds)
                turns.busy[name].append(busy / done)
    return turns


def print_table(turns: Turns, what: str, columns: Columns) -> None:
    """Print a Markdown table with a row for each contender.

    Args:
        turns: What was measured.
        what: Title of the column of names.
        columns: The other columns.
    """
    print(f"| {' | '.join((what, *columns))} |\n| --- |{' ---: |' * len(columns)}")
    for name in turns.rates:
        print(f"| {' | '.join((name, *(text(name) for text in columns.values())))} |", flush=True)


def speeds(turns: Turns, unit: str, ratio: str = "x recipe") -> Columns:
    """Make the columns of units per second and of ratios to the first contender.

    Args:
        turns: What was measured.
        unit: What a contender does many of, such as `images`.
        ratio: Title of the column of ratios.
    """
    return {f"{unit}/s": lambda name: f"{turns.rate(name):,.0f}", ratio: lambda name: f"{turns.ratio(name):.1f}"}


def read_pass(loader: BatchLoader, pass_: int = 0, most: float = math.inf) -> int:
    """Read a pass, or its first samples, as the training loop does, many batches at once; count the samples."""
    done, steps = 0, loader.steps_per_pass
    for part in stretches(0, steps, steps, loader.steps_per_call):
        done += len(loader.read(pass_, part.start, part.stop)[0])
        if done >= most:
            break
    return done


def draw_curves(path: Path, title: str, curves: Mapping[str, Mapping[int, float]]) -> None:
    """Draw a line over numbers of rows, on a logarithmic axis, for each contender.

    Args:
        path: Where the picture goes; its ending names the format.
        title: What the lines show, and its unit.
        curves: Values by number of rows, by the contender's name.
    """
    from outofcore.reporting.palette import LIGHT, SERIES
    from outofcore.reporting.style import few_ticks, label_ends, new_figure, number, plain

    figure = new_figure(2.2)
    axes = plain(figure.add_subplot(), "rows", title)
    axes.set_xscale("log")
    labels = []
    for colour, (name, values) in zip(SERIES, curves.items(), strict=False):
        rows, heights = list(values), list(values.values())
        axes.plot(rows, heights, color=LIGHT[colour], linewidth=1.6, marker="o", markersize=4)
        labels.append((heights[-1], name, colour))
    sizes = sorted({rows for values in curves.values() for rows in values})
    axes.set_xticks(sizes, [number(rows) for rows in sizes])
    axes.set_xticks([], minor=True)
    axes.set_ylim(0, 1.15 * max(value for values in curves.values() for value in values.values()))
    few_ticks(axes, y=5)
    label_ends(axes, labels, height=1.4)
    figure.savefig(path)
