"""Measure a regression on the test split, in memory that does not grow with it."""

import logging
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import DataError
from outofcore.parameters.training import TrainingParameters
from outofcore.sources.row_moments import Moments, join, moments_of, no_moments
from outofcore.types import File, Loader, Table

log = logging.getLogger(__name__)

SAMPLES_PER_CALL = 16_384
"""Rows that the model takes at once: a row is small, and a call costs a fraction of a millisecond."""

SHOWN_SAMPLES = 20_000
"""Rows of the test split that are kept for pictures, drawn by the seed."""

WORST_SAMPLES = 100
"""Rows with the largest errors that are kept."""


def evaluate_regression(
    model: File, test_loader: Loader, training: TrainingParameters, seed: int
) -> tuple[dict[str, Any], Table, Table]:
    """Predict the test split and compare with its targets.

    Args:
        model: The trained model as a `.keras` file.
        test_loader: Batches of the test split.
        training: Threads and precision.
        seed: Root of the draw of the rows that are kept.

    Returns:
        Metrics by name, ready for JSON; a table of some rows drawn at random, and one of those with
        the largest errors, worst first. Their columns are `sample_id`, and for each target
        `actual_<target>` and `predicted_<target>` (float64). Everything is in the user's units; an
        error is compared over targets as a share of the target's range.

    Raises:
        DataError: The model cannot be loaded, or has other outputs than the data has targets.
    """
    from outofcore.loaders.order import order
    from outofcore.saved_model import load_model
    from outofcore.training.predicting import predicted_items
    from outofcore.training.runtime import start_keras

    start_keras(training.threads, training.precision)
    net = load_model(model.path)
    count = len(test_loader.selection)
    shown = np.sort(order(count, seed, 0).take(0, min(SHOWN_SAMPLES, count)))
    totals: dict[str, Totals] = {}
    tables: tuple[list[Table], list[Table]] = [], []
    done = 0
    for part, item, outputs in predicted_items(net, test_loader, SAMPLES_PER_CALL):
        actual, predicted = (_by_target(values, test_loader.y) for values in (item[1], outputs))
        _check_targets(model, actual, predicted)
        stop = done + len(next(iter(actual.values())))
        for name, values in actual.items():
            totals.setdefault(name, Totals()).add(values, predicted[name])
        ids = test_loader.positions(0, part.start, part.stop)
        here = shown[np.searchsorted(shown, done) : np.searchsorted(shown, stop)] - done
        tables[0].append(_rows(test_loader, ids, actual, predicted, here))
        worst = _worst(actual, predicted, totals)
        tables[1].append(_rows(test_loader, ids, actual, predicted, worst))
        tables[1][:] = [_keep_worst(tables[1], totals)]
        done = stop
    _warn_of_guessing(totals)
    return _metrics(totals), _joined(tables[0]), _joined(tables[1]).drop(columns="error")


@dataclass
class Totals:
    """Sums over the rows seen so far, of one target.

    Attributes:
        actual: Moments of the actual values.
        absolute: Sum of absolute errors.
        squared: Sum of squared errors.
        largest: Largest absolute error.
    """

    actual: Moments = field(default_factory=lambda: no_moments(1))
    absolute: float = 0.0
    squared: float = 0.0
    largest: float = 0.0

    def add(self, actual: NDArray[Any], predicted: NDArray[Any]) -> None:
        """Add rows."""
        values = actual.astype(np.float64)
        errors = np.abs(values - predicted)
        self.actual = join(self.actual, moments_of([values]))
        self.absolute += float(errors.sum())
        self.squared += float((errors**2).sum())
        self.largest = max(self.largest, float(errors.max()))

    @property
    def count(self) -> int:
        """Rows."""
        return self.actual.count

    @property
    def spread(self) -> float:
        """Sum of squared differences of the actual values from their mean."""
        return float(self.actual.squares[0])

    @property
    def range(self) -> float:
        """Difference of the largest and the smallest actual value; 1 where all are one."""
        return float(self.actual.high[0] - self.actual.low[0]) or 1.0

    def metrics(self) -> dict[str, Any]:
        """Give the metrics of this target, in its units; R² is null where all values are one."""
        mse = self.squared / self.count
        return {
            "mae": self.absolute / self.count,
            "mse": mse,
            "rmse": mse**0.5,
            "max_error": self.largest,
            "r2": 1.0 - self.squared / self.spread if self.spread else None,
            "mae_of_range": self.absolute / self.count / self.range,
        }


def _by_target(values: Any, target: Any) -> dict[str, NDArray[Any]]:
    """Name the values of a single target, which model and loader leave without."""
    named = values if isinstance(values, dict) else {target if isinstance(target, str) else "one target": values}
    return {name: np.asarray(column)[:, 0] for name, column in named.items()}


def _check_targets(model: File, actual: dict[str, Any], predicted: dict[str, Any]) -> None:
    if actual.keys() != predicted.keys():
        raise DataError(
            f"{model.path}: expected a model of the targets {', '.join(actual)}, found one of {', '.join(predicted)}. "
            "Build and train it anew: run the pipeline from build_model."
        )


def _shares(actual: dict[str, Any], predicted: dict[str, Any], totals: dict[str, Totals]) -> NDArray[np.float64]:
    """The largest error of each row over its targets, as a share of the target's range."""
    errors = [np.abs(actual[name].astype(np.float64) - predicted[name]) / totals[name].range for name in actual]
    return np.asarray(np.max(errors, axis=0))


def _worst(actual: dict[str, Any], predicted: dict[str, Any], totals: dict[str, Totals]) -> NDArray[np.intp]:
    shares = _shares(actual, predicted, totals)
    most = min(WORST_SAMPLES, len(shares))
    return np.argpartition(-shares, most - 1)[:most]


def _rows(
    loader: Loader, positions: NDArray[np.int64], actual: dict[str, Any], predicted: dict[str, Any], rows: NDArray[Any]
) -> Table:
    import pandas as pd

    columns: dict[str, Any] = {"sample_id": loader.source.ids(positions[rows])}
    for name in actual:
        columns[f"actual_{name}"] = actual[name][rows].astype(np.float64)
        columns[f"predicted_{name}"] = predicted[name][rows].astype(np.float64)
    return pd.DataFrame(columns)


def _keep_worst(tables: list[Table], totals: dict[str, Totals]) -> Table:
    table = _joined(tables)
    names = list(totals)
    actual = {name: table[f"actual_{name}"].to_numpy() for name in names}
    predicted = {name: table[f"predicted_{name}"].to_numpy() for name in names}
    return table.assign(error=_shares(actual, predicted, totals)).nlargest(WORST_SAMPLES, "error")


def _joined(tables: list[Table]) -> Table:
    import pandas as pd

    return pd.concat(tables, ignore_index=True)


def _warn_of_guessing(totals: dict[str, Totals]) -> None:
    """Say when a model is no better than always predicting the mean."""
    for name, values in ((name, total.metrics()) for name, total in totals.items()):
        if values["r2"] is not None and values["r2"] <= 0.0:
            log.warning(
                "The model predicts %s no better than its mean (R² %.2f): train for more epochs (training.epochs), "
                "with another optimizer or learning rate, or look at the report's rows",
                name,
                values["r2"],
            )


def _metrics(totals: dict[str, Totals]) -> dict[str, Any]:
    """Metrics of the one target, or of each, with MAE and R² on the level that tracking sends, and the mean share."""
    samples = next(iter(totals.values())).count
    if len(totals) == 1:
        return {**next(iter(totals.values())).metrics(), "samples": samples}
    targets = {name: total.metrics() for name, total in totals.items()}
    return {
        "mae_of_range": float(np.mean([values["mae_of_range"] for values in targets.values()])),
        **{f"{name}_{figure}": values[figure] for name, values in targets.items() for figure in ("mae", "r2")},
        "targets": targets,
        "samples": samples,
    }
