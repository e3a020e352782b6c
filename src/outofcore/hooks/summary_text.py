"""The closing summary of a run, as text for a terminal of 80 columns and 24 lines."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

DEFAULT_STORE = "sqlite:///mlflow.db"

PLACES = {"report": "report", "model": "model@keras", "predictions": "test_predictions"}
"""Results that the summary says the places of, by what it calls them: datasets of the catalog."""


def ui_commands(uri: str) -> list[tuple[str, str]]:
    """Say how to look at the runs of a tracking store: names and commands or addresses."""
    if uri.startswith("http"):
        return [("MLflow UI", uri)]
    plain = f"uv run mlflow ui --backend-store-uri {uri}"
    return [("MLflow UI", "make ui"), ("  without make", plain)] if uri == DEFAULT_STORE else [("MLflow UI", plain)]


def short_path(path: Path, base: Path) -> str:
    """Write a path from a folder on when it lies below it, else whole."""
    return str(path.relative_to(base) if path.is_relative_to(base) else path)


def summary_text(
    namespace: str, summary: dict[str, Any], peak_bytes: int, uri: str, places: Mapping[str, Path], base: Path
) -> str:
    """Write the closing summary.

    Args:
        namespace: Name of the pipeline.
        summary: Figures as the `summarize` node gives them.
        peak_bytes: Most memory that the run held.
        uri: Where MLflow keeps the run.
        places: Files of results by name of the dataset, without the namespace.
        base: Folder from which paths are written.

    Returns:
        Lines, with a line break at the end.
    """
    best = summary["best_epoch"]
    rows = [
        *_results(summary),
        ("epochs", f"{summary['epochs']}" + (f"  (best: {best})" if best else "")),
        ("training speed", f"{summary['samples_per_second']:,.0f} samples/s"),
        ("waiting for data", f"{summary['waiting_share']:.1%} of training time"),
        ("peak memory", f"{peak_bytes / 2**20:,.0f} MiB"),
        *((name, short_path(places[dataset], base)) for name, dataset in PLACES.items() if dataset in places),
        *ui_commands(uri),
    ]
    width = max(17, len(rows[0][0]))
    lines = [f"  {name:<{width}} {value}" for name, value in rows]
    return "\n".join(["", f"{namespace}: finished", *lines, ""])


def _results(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Name what was measured on the test split, of a classifier or a regression."""
    split, samples = summary["tested_split"], f"({summary['test_samples']:,} samples)"
    if "test_accuracy" in summary:
        return [
            (f"{split} accuracy", f"{summary['test_accuracy']:.4f}  {samples}"),
            (f"{split} loss", f"{summary['test_loss']:.4f}"),
        ]
    share = ("mean error", f"{summary['test_mae_of_range']:.4%} of the target's range  {samples}")
    return [share, *([(f"{split} MAE", f"{summary['test_mae']:.6g}")] if "test_mae" in summary else [])]
