"""The report of a regression: its figures, and the sections that show them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from outofcore.reporting.learning_curves import learning_curves
from outofcore.reporting.page import Block, Listing, Section, Tile
from outofcore.reporting.regression import predicted_against_actual, residuals
from outofcore.reporting.spending import throughput_and_memory, time_spent
from outofcore.reporting.style import figure_text, records
from outofcore.reporting.training_report import pictures, speed_tiles, training_section

WORST_ROWS = 20
"""Rows with the largest errors that the report lists."""

FIGURES = ("mae", "mse", "rmse", "max_error", "r2", "mae_of_range")
STATISTICS = ("mean", "std", "min", "max")


@dataclass(frozen=True)
class Results:
    """What a regression's run has left.

    Attributes:
        trace: `training_trace`.
        training: `training_summary`.
        metrics: `metrics` of the test split.
        shown: `test_predictions`: rows of the test split drawn at random.
        worst: `worst_rows`.
        data: `data_summary`.
        statistics: Mean, standard deviation and range of each column.
        targets: Names of the targets.
    """

    trace: pd.DataFrame
    training: Mapping[str, Any]
    metrics: Mapping[str, Any]
    shown: pd.DataFrame
    worst: pd.DataFrame
    data: Mapping[str, Any]
    statistics: Mapping[str, Mapping[str, float]]
    targets: tuple[str, ...]

    @property
    def by_target(self) -> dict[str, Mapping[str, Any]]:
        """The metrics of each target."""
        return dict(self.metrics.get("targets") or {self.targets[0]: self.metrics})

    @property
    def hardest(self) -> str:
        """The target with the largest error as a share of its range."""
        return max(self.targets, key=lambda name: self.by_target[name]["mae_of_range"])


def draw(results: Results) -> dict[str, Figure]:
    """Draw every figure of the report, by name; the predictions are those of the hardest target."""
    table = results.shown.rename(columns={f"{kind}_{results.hardest}": kind for kind in ("actual", "predicted")})
    return {
        "learning_curves": learning_curves(results.trace, results.training["best_epoch"]),
        "predicted_against_actual": predicted_against_actual(table),
        "residuals": residuals(table),
        "time_spent": time_spent(results.training["seconds"]),
        "speed_and_memory": throughput_and_memory(results.trace),
    }


def headline(results: Results) -> list[Tile]:
    """Give the figures that stand first."""
    metrics, training = results.by_target[results.hardest], results.training
    whose = f"of target {results.hardest}" + (", the hardest" if len(results.targets) > 1 else "")
    return [
        Tile(f"{metrics['mae_of_range']:.3%}", "mean error", f"of the target's range, {whose}"),
        Tile(f"{metrics['mae']:,.5g}", "MAE", "in the target's unit"),
        Tile(figure_text(metrics["r2"]), "R²", "1 is best"),
        Tile(_short(results.data["samples"]), "rows", f"{training['steps']:,} optimizer steps"),
        *speed_tiles(training, "rows", _short(training["samples_per_second"])),
    ]


def sections(results: Results, figures: Mapping[str, Figure], namespace: str) -> list[Section]:
    """Put figures and tables of a regression together; advice names parameters with their namespace."""
    picture = pictures(figures)
    advice = f"Raise {namespace}.loader.workers, or set {namespace}.loader.mode=packed."
    return [
        _quality(results, picture),
        _worst(results),
        training_section(results.training, picture, advice),
        _data(results),
    ]


def _quality(results: Results, picture: Any) -> Section:
    shown = f"{len(results.shown):,} rows of the test split, drawn at random. Target {results.hardest}."
    blocks: list[Block] = [
        picture("predicted_against_actual", "Predicted against actual", f"On the line is right. {shown}"),
        picture("residuals", "Residuals", "How far predictions are off, and to which side."),
        Listing(
            "Figures by target",
            "In the target's unit; the last as a share of its range.",
            ["target", "MAE", "MSE", "RMSE", "largest error", "R²", "MAE of range"],
            [(name, *(_figure(values[figure]) for figure in FIGURES)) for name, values in results.by_target.items()],
            frozenset(range(1, 7)),
            wide=True,
        ),
    ]
    lead = f"Measured on {results.metrics['samples']:,} test rows, which the training never saw."
    return Section("quality", "Quality", lead, blocks)


def _worst(results: Results) -> Section:
    names = [name.replace("_", " ", 1) for name in results.worst.columns[1:]]
    rows = [(str(row[0]), *(_figure(value) for value in row[1:])) for row in records(results.worst.head(WORST_ROWS))]
    caption = "By their number in the file, from 1; worst_rows.parquet holds more."
    listing = Listing("Largest errors", caption, ["row", *names], rows, frozenset(range(1, len(names) + 1)), wide=True)
    return Section("worst", "Worst rows", "", [listing])


def _data(results: Results) -> Section:
    data = results.data
    columns = [
        (name, "target" if name in results.targets else "feature", *(_figure(values[key]) for key in STATISTICS))
        for name, values in results.statistics.items()
    ]
    splits = [(name, f"{count:,}", f"{count / data['samples']:.1%}") for name, count in data["splits"].items()]
    order = {"file": "over the whole split", "window": "in blocks, and within a window of them", "none": "not at all"}
    facts = [
        ("read from", "packs" if data["mode"] == "packed" else "the CSV"),
        ("shuffled", order[data["shuffle"]]),
        ("a row is mixed among", f"{data['shuffle_rows']:,} rows"),
        ("rows left out", f"{data['skipped']:,}"),
        ("largest rounding to float32", _figure(data["float32_rounding_error"])),
    ]
    blocks: list[Block] = [
        Listing(
            "Columns",
            "Statistics of the training split, with which the model standardises.",
            ["column", "used as", "mean", "standard deviation", "smallest", "largest"],
            columns,
            frozenset(range(2, 6)),
            wide=True,
        ),
        Listing("Splits", "", ["split", "rows", "share"], splits, frozenset({1, 2})),
        Listing("How rows are read", "", ["what", "value"], facts),
    ]
    return Section("data", "Data", f"{data['samples']:,} rows, {data['bytes'] / 2**20:,.1f} MiB of text.", blocks)


def _short(count: float) -> str:
    """Write a large number in thousands or millions, three digits of it."""
    unit, size = next(((name, size) for name, size in (("M", 1e6), ("k", 1e3)) if count >= size), ("", 1.0))
    return f"{count / size:,.{max(0, 2 - int(math.log10(max(count / size, 1.0))))}f} {unit}".rstrip()


def _figure(value: float | None) -> str:
    return figure_text(value, ",.6g")
