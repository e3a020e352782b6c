"""Results of trainings that never were, for figures and pages."""

from typing import Any

import numpy as np
import pandas as pd

ODD_LABELS = [
    "a very long name of a class with many words in it",
    "<script>alert(1)</script>",
    "costs $5 or $x^2$",
    "日本語クラス",
    'Ünïcödé & "co"',
]

ROWS_OF_SPLITS = {"train": 8_000_000, "validation": 1_000_000, "test": 1_000_000}


def make_trace(
    epochs: int = 5, rows: int = 3, validation: bool = True, learning_rates: bool = False, steps: int = 100
) -> pd.DataFrame:
    """A `training_trace` with `rows` rows in each epoch."""
    lines = []
    for number in range(epochs * rows):
        step, last = (number + 1) * steps // rows, number % rows == rows - 1
        line: dict[str, Any] = {"step": step, "epoch": number // rows + 1, "time": 0, "samples": 20 * step}
        line |= {"training_seconds": 0.8 * number, "waiting_seconds": 0.1 * number, "validating_seconds": 0.0}
        line |= {"saving_seconds": 0.0, "memory_bytes": 500_000_000, "loss": 1 / step, "accuracy": 1 - 1 / step}
        if validation and last:
            line |= {"val_loss": 1.1 / step, "val_accuracy": 1 - 1.1 / step}
        line["learning_rate"] = 0.01 * 0.9**number if last and learning_rates else 0.01 if last else np.nan
        lines.append(line)
    return pd.DataFrame(lines)


def make_predictions(labels: list[str], samples: int = 60, absent: str | None = None) -> pd.DataFrame:
    """`test_predictions` that are often right, with no sample of the class `absent`."""
    rng = np.random.default_rng(5)
    occurring = [code for code, label in enumerate(labels) if label != absent]
    truth = rng.choice(occurring, samples)
    scores = rng.random((samples, len(labels)))
    scores[np.arange(samples), truth] += 0.5
    scores /= scores.sum(axis=1, keepdims=True)
    names = np.array(labels, object)
    table = {"sample_id": [f"row {row}" for row in range(samples)], "label": names[truth]}
    table["predicted"] = names[scores.argmax(axis=1)]
    return pd.DataFrame(table | {f"probability_{label}": scores[:, code] for code, label in enumerate(labels)})


def drawn_texts(figure: Any) -> list[str]:
    """Every text that a figure shows."""
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_visible() and text.get_text()]


def make_regression(targets: tuple[str, ...] = ("price",), **changes: Any) -> Any:
    """`Results` of a regression; each target is off by one more than the one before."""
    from outofcore.nodes.evaluate_rows import Totals
    from outofcore.reporting.regressor import Results

    rng = np.random.default_rng(4)
    table, of_targets = {"sample_id": [str(row) for row in range(1, 201)]}, {}
    for error, name in enumerate(targets, start=1):
        actual = rng.uniform(0.0, 100.0, 200)
        actual[:2] = 0.0, 100.0
        table |= {f"actual_{name}": actual, f"predicted_{name}": actual + error}
        totals = Totals()
        totals.add(actual, actual + error)
        of_targets[name] = totals.metrics()
    shown = pd.DataFrame(table)
    metrics = of_targets[targets[0]] if len(targets) == 1 else {"mae_of_range": 0.0, "targets": of_targets}
    values: dict[str, Any] = {
        "trace": make_trace(),
        "training": {
            "epochs": 5, "best_epoch": 4, "steps": 500, "samples_per_second": 1_234_567.0, "waiting_share": 0.125,
            "seconds": {"training": 7.0, "waiting": 1.0, "validating": 1.0, "saving": 1.0},
        },
        "metrics": {**metrics, "samples": 1_000_000},
        "shown": shown,
        "worst": shown.head(30),
        "data": {
            "samples": 10_000_000, "bytes": 2**30, "splits": ROWS_OF_SPLITS, "mode": "stream", "shuffle": "window",
            "shuffle_rows": 123_456, "skipped": 7, "float32_rounding_error": 0.0,
        },
        "statistics": {name: {"mean": 50.5, "std": 28.9, "min": 0.0, "max": 100.0} for name in ("area", *targets)},
        "targets": targets,
    }  # fmt: skip
    return Results(**{**values, **changes})
