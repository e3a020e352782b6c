"""The closing summary of a prediction."""

from pathlib import Path
from typing import Any

import pytest

from outofcore.hooks.prediction_text import prediction_text

PLACES = {"predictions": Path("/out/p.parquet"), "bad_predictions": Path("/out/bad.parquet")}
SUMMARY: dict[str, Any] = {
    "source": "/data/photos",
    "model": "models:/digits@champion",
    "samples": 12345,
    "bad_samples": 0,
    "classes": {"a": 345, "b": 12000},
    "samples_per_second": 1234.5,
}


def lines(**changes: Any) -> dict[str, str]:
    text = prediction_text("mnist", {**SUMMARY, **changes}, PLACES, 2**29)
    assert max(map(len, text.splitlines())) < 100
    return {line[2:20].strip(): line[20:] for line in text.splitlines() if line.startswith("  ")}


def test_all_figures() -> None:
    assert lines() == {
        "read from": "/data/photos",
        "samples": "12,345",
        "predicted": "b: 12,000, a: 345",
        "model": "models:/digits@champion",
        "speed": "1,234 samples/s",
        "peak memory": "512 MiB",
        "predictions": "/out/p.parquet",
    }


def test_bad_samples_and_where_they_are_listed() -> None:
    assert lines(bad_samples=1200)["bad samples"] == "1,200  (/out/bad.parquet)"


def test_nothing_was_left() -> None:
    assert lines(samples_per_second=None)["speed"] == "nothing was left to predict"


@pytest.mark.parametrize("count", [10, 11, 1000])
def test_many_classes_are_cut_to_the_most_frequent(count: int) -> None:
    text = prediction_text("mnist", {**SUMMARY, "classes": {f"c{n}": n for n in range(count)}}, PLACES, 0)
    assert max(map(len, text.splitlines())) < 100
    found = " ".join(text.split())
    assert f"predicted c{count - 1}: {count - 1:,}, c{count - 2}: " in found
    assert (f", others: {sum(range(count - 10)):,} model" in found) == (count > 10)


def test_a_source_of_one_s_own_may_have_no_place() -> None:
    text = prediction_text("mnist", {name: value for name, value in SUMMARY.items() if name != "source"}, PLACES, 0)
    assert "read from" not in text


def test_a_regression_has_no_classes() -> None:
    summary = {name: value for name, value in SUMMARY.items() if name != "classes"}
    text = prediction_text("csv_regression", summary, PLACES, 2**29)
    assert text == prediction_text("csv_regression", SUMMARY, PLACES, 2**29).replace(
        "  predicted         b: 12,000, a: 345\n", ""
    )
