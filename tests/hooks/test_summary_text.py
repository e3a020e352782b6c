"""The closing summary fits a terminal and says where everything lies."""

from pathlib import Path

import pytest

from outofcore.hooks.summary_text import DEFAULT_STORE, summary_text

SUMMARY = {
    "tested_split": "test",
    "test_accuracy": 0.98765,
    "test_samples": 123_456,
    "test_loss": 0.04,
    "epochs": 5,
    "best_epoch": 4,
    "samples_per_second": 12_345.6,
    "waiting_share": 0.01,
}
PLACES = {
    "report": Path("/project/data/08_reporting/mnist/report.html"),
    "model@keras": Path("/project/data/06_models/mnist/model.keras"),
    "test_predictions": Path("/elsewhere/test_predictions.parquet"),
    "index": Path("/project/data/index.parquet"),
}


@pytest.mark.parametrize("uri", [DEFAULT_STORE, "http://127.0.0.1:5000"])
def test_it_fits_one_screen(uri: str) -> None:
    lines = summary_text("mnist", SUMMARY, 2**29, uri, PLACES, Path("/project")).splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80


def test_it_says_where_everything_lies() -> None:
    text = summary_text("mnist", SUMMARY, 2**29, DEFAULT_STORE, PLACES, Path("/project"))
    rows = dict(line.strip().split("  ", 1) for line in text.splitlines() if "  " in line.strip())
    places = {name.strip(): value.strip() for name, value in rows.items()}
    assert places["report"] == "data/08_reporting/mnist/report.html"
    assert places["model"] == "data/06_models/mnist/model.keras"
    assert places["predictions"] == "/elsewhere/test_predictions.parquet"
    assert places["MLflow UI"] == "make ui"
    assert DEFAULT_STORE in text and "index.parquet" not in text


def test_a_run_without_a_report_names_none() -> None:
    text = summary_text("mnist", SUMMARY, 2**29, DEFAULT_STORE, {}, Path("/project"))
    assert "report" not in text and "0.9877" in text
