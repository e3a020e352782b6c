"""The few figures that a run ends with."""

from typing import Any


def summarize(
    metrics: dict[str, Any], training_summary: dict[str, Any], data_summary: dict[str, Any]
) -> dict[str, Any]:
    """Gather the headline figures of a run.

    Args:
        metrics: Metrics of the test split.
        training_summary: What the training says of itself.
        data_summary: What the data is.

    Returns:
        Figures by name, ready for JSON; rates in samples per second, shares from 0 to 1.
    """
    results = {"test_accuracy": metrics["accuracy"], "test_loss": metrics["loss"]}
    return {**results, **_run_figures(metrics, training_summary, data_summary)}


def summarize_regression(
    metrics: dict[str, Any], training_summary: dict[str, Any], data_summary: dict[str, Any]
) -> dict[str, Any]:
    """Gather the headline figures of a regression's run; arguments as for `summarize`.

    Returns:
        As `summarize`; the mean absolute error in the target's unit (only where there is one target)
        and as a share of the target's range, a mean over targets.
    """
    results = {f"test_{name}": metrics[name] for name in ("mae", "mse", "mae_of_range") if name in metrics}
    return {**results, **_run_figures(metrics, training_summary, data_summary)}


def _run_figures(
    metrics: dict[str, Any], training_summary: dict[str, Any], data_summary: dict[str, Any]
) -> dict[str, Any]:
    return {
        "samples": data_summary["samples"],
        "tested_split": data_summary["tested_split"],
        "test_samples": metrics["samples"],
        "epochs": training_summary["epochs"],
        "best_epoch": training_summary["best_epoch"],
        "samples_per_second": training_summary["samples_per_second"],
        "waiting_share": training_summary["waiting_share"],
    }
