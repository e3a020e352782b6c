"""Figures and rows of a regression."""

import numpy as np
import pandas as pd
import pytest
from results_support import drawn_texts

from outofcore.reporting.regression import predicted_against_actual, residuals, worst_rows


def make_table(samples: int = 5000) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    actual = rng.normal(100.0, 20.0, samples)
    return pd.DataFrame(
        {"row": np.arange(samples), "actual": actual, "predicted": actual + rng.normal(1.0, 2.0, samples)}
    )


def test_cells_are_where_the_samples_are() -> None:
    (image,) = predicted_against_actual(make_table()).axes[0].get_images()
    filled = np.argwhere(np.asarray(image.get_array())[..., 3] > 0)
    assert np.corrcoef(filled.T)[0, 1] > 0.95
    scattered = make_table()
    scattered["predicted"] = scattered["predicted"].to_numpy()[::-1]
    (image,) = predicted_against_actual(scattered).axes[0].get_images()
    assert np.corrcoef(np.argwhere(np.asarray(image.get_array())[..., 3] > 0).T)[0, 1] < 0.5


def test_residuals_are_counted() -> None:
    table = make_table()
    figure = residuals(table)
    (bars,) = figure.axes[0].patches
    counted = bars.get_data().values.sum()
    mean = (table["predicted"] - table["actual"]).mean()
    assert f"mean {mean:.3g}; {len(table) - counted:,.0f} samples lie outside" in drawn_texts(figure)
    assert 0.95 * len(table) < counted < len(table)


@pytest.mark.parametrize("samples", [0, 1])
def test_few_samples_are_drawn(samples: int) -> None:
    table = make_table()[:samples]
    assert {"actual", "predicted"} <= set(drawn_texts(predicted_against_actual(table)))
    assert "residual: predicted less actual" in drawn_texts(residuals(table))


@pytest.mark.parametrize("off", [0.0, 1.0, 1e9])
def test_predictions_that_are_all_off_alike_are_drawn(off: float) -> None:
    table = make_table()
    table["predicted"] = table["actual"] + off + np.linspace(0.0, 4e-16 * off, len(table))
    assert any(text.startswith(f"mean {off:.3g};") for text in drawn_texts(residuals(table)))


def test_the_worst_rows_have_the_largest_errors() -> None:
    table = pd.DataFrame({"row": [7, 8, 9], "actual": [1.0, 1.0, 1.0], "predicted": [1.5, -3.0, 2.0]})
    worst = worst_rows(table, 2)
    assert worst.to_dict("list") == {"row": [8, 9], "actual": [1, 1], "predicted": [-3, 2], "error": [-4, 1]}
