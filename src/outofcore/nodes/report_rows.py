"""Draw the figures of a regression's run and write its report."""

from typing import Any

from outofcore.parameters.rows import RowScanParameters
from outofcore.types import File, Table

REGRESSION_FIGURES = (
    "learning_curves",
    "predicted_against_actual",
    "residuals",
    "time_spent",
    "speed_and_memory",
)
"""Figures of `report_regression`, in the order of its outputs."""


def report_regression(
    training_trace: Table,
    training_summary: dict[str, Any],
    metrics: dict[str, Any],
    test_predictions: Table,
    worst_rows: Table,
    data_summary: dict[str, Any],
    statistics: dict[str, Any],
    model: File,
    run_information: dict[str, Any],
    scan: RowScanParameters,
) -> tuple[Any, ...]:
    """Draw the figures of a regression's run and write its report.

    Args:
        training_trace: Metrics, time and memory over the training.
        training_summary: What the training says of itself.
        metrics: Metrics of the test split.
        test_predictions: Some rows of the test split with what the model made of them.
        worst_rows: Those with the largest errors.
        data_summary: What the data is.
        statistics: Mean, standard deviation and range of each column.
        model: The trained model.
        run_information: What run this is.
        scan: Which columns are features and which are targets.

    Returns:
        The report, HTML with all in it, and the matplotlib figures of `REGRESSION_FIGURES`.
    """
    from outofcore.reporting import regressor
    from outofcore.reporting.training_report import training_report

    results = regressor.Results(
        trace=training_trace,
        training=training_summary,
        metrics=metrics,
        shown=test_predictions,
        worst=worst_rows,
        data=data_summary,
        statistics=statistics,
        targets=tuple(scan.targets),
    )
    figures = regressor.draw(results)
    takes = f"float32, shape (rows, {len(scan.features)}): {', '.join(scan.features)}"
    gives = scan.targets[0] if len(scan.targets) == 1 else f"a dictionary of {', '.join(scan.targets)}"
    html = training_report(
        run_information,
        regressor.headline(results),
        regressor.sections(results, figures, run_information["namespace"]),
        model.path,
        takes,
        f"{gives}, in its own unit",
        data_summary,
    )
    return html, *(figures[name] for name in REGRESSION_FIGURES)
