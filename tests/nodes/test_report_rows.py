"""The report of a regression's run, on results made up."""

import re
from pathlib import Path
from typing import Any

import pytest
from results_support import make_regression
from rows_support import row_parameters

from outofcore.nodes.report_rows import REGRESSION_FIGURES, report_regression
from outofcore.parameter_names import known_names
from outofcore.types import File

ODD = 'costs $5 & "<script>alert(1)</script>"'
RUN = {
    "namespace": "csv_regression",
    "name": "csv_regression 2026-01-31 14:05",
    "experiment": "csv_regression",
    "tracking_uri": "sqlite:///mlflow.db",
    "tags": {"kedro.command": "kedro run", "git.commit": "abc", "version.keras": "3.15.1"},
    "parameters": {"seed": "42", "training.epochs": "5"},
}


def make_report(targets: tuple[str, ...], folder: Path) -> tuple[str, dict[str, Any]]:
    made = make_regression(targets)
    html, *figures = report_regression(
        made.trace, made.training, made.metrics, made.shown, made.worst,
        {**made.data, "digest": "d1", "partition_digest": "d2"}, made.statistics, File(folder / "model.keras"), RUN,
        row_parameters("scan", features=("area",), targets=targets),
    )  # fmt: skip
    return html, dict(zip(REGRESSION_FIGURES, figures, strict=True))


def test_it_shows_what_the_run_has_found(tmp_path: Path) -> None:
    html, figures = make_report(("price",), tmp_path)
    assert html.count("<svg") == len(figures) == len(REGRESSION_FIGURES)
    for text in ("1.000%", "12.5%", "csv_regression 2026-01-31 14:05", "git checkout abc", "seed=42", "3.15.1",
                 "float32, shape (rows, 1): area", "price, in its own unit", "1,000,000 test rows", "d1"):  # fmt: skip
        assert text in html, text
    assert not re.search(r"https?://", html)
    assert "Raise csv_regression.loader.workers, or set csv_regression.loader.mode=packed." in html
    assert {"csv_regression.loader.workers", "csv_regression.loader.mode"} < set(known_names())


@pytest.mark.parametrize("targets", [(ODD,), ("price", ODD)])
def test_texts_of_the_data_are_texts(tmp_path: Path, targets: tuple[str, ...]) -> None:
    html, _ = make_report(targets, tmp_path)
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    if len(targets) == 2:
        assert "a dictionary of price, costs $5" in html
