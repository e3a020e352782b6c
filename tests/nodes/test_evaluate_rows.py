"""Metrics of a regression, gathered item by item."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import ArraySource

from outofcore.errors import DataError
from outofcore.loaders.batch_loader import BatchLoader
from outofcore.nodes import evaluate_rows
from outofcore.nodes.evaluate_rows import Totals, evaluate_regression
from outofcore.types import File

TRAINING: Any = type("Training", (), {"threads": 2, "precision": "float32"})()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> File:
    """Predicts `a = 2 x` and `b = x + 1`."""
    from outofcore.training.runtime import start_keras

    keras = start_keras(2)
    inputs = keras.Input((1,))
    outputs = {"a": keras.layers.Rescaling(2.0)(inputs), "b": keras.layers.Rescaling(1.0, 1.0)(inputs)}
    path = tmp_path_factory.mktemp("model") / "model.keras"
    keras.Model(inputs, outputs).save(path)
    return File(path)


def source(rows: int = 1_000) -> ArraySource:
    draw = np.random.default_rng(3)
    x = draw.normal(size=(rows, 1)).astype(np.float32)
    a = (2 * x + draw.normal(size=(rows, 1)) + 1e6).astype(np.float32)
    return ArraySource(features=x, a=a, b=(x + 1).astype(np.float32))


def loader(y: Any = ("a", "b"), **changes: Any) -> BatchLoader:
    return BatchLoader(source(), x="features", y=list(y), batch_size=30, steps_per_call=3, **changes)


def test_metrics_equal_those_of_scikit_learn(model: File, caplog: pytest.LogCaptureFixture) -> None:
    from sklearn import metrics as sk

    data = source().columns
    metrics, _, _ = evaluate_regression(model, loader(), TRAINING, 1)
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warned) == 1  # a is far off, b is not
    assert warned[0].startswith("The model predicts a no better than its mean")
    actual, predicted = data["a"].astype(float)[:, 0], (2 * data["features"][:, 0]).astype(float)
    found = metrics["targets"]["a"]
    assert found["mae"] == pytest.approx(sk.mean_absolute_error(actual, predicted))
    assert found["mse"] == pytest.approx(sk.mean_squared_error(actual, predicted))
    assert found["r2"] == pytest.approx(sk.r2_score(actual, predicted))
    assert found["max_error"] == pytest.approx(np.abs(actual - predicted).max())
    assert found["mae_of_range"] == pytest.approx(found["mae"] / np.ptp(actual))
    assert metrics["targets"]["b"]["mae"] == pytest.approx(0.0, abs=1e-7)
    assert (metrics["a_mae"], metrics["a_r2"]) == (found["mae"], found["r2"])
    assert metrics["samples"] == 1_000


def test_the_worst_rows_are_the_worst_and_the_shown_ones_a_sample(model: File, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate_rows, "WORST_SAMPLES", 7)
    monkeypatch.setattr(evaluate_rows, "SHOWN_SAMPLES", 50)
    data = source().columns
    _, shown, worst = evaluate_regression(model, loader(), TRAINING, 1)
    errors = np.abs(data["a"].astype(float) - 2 * data["features"])[:, 0]
    assert worst["sample_id"].tolist() == [f"row {row}" for row in np.argsort(-errors)[:7]]
    rows = shown["sample_id"].str.removeprefix("row ").astype(int).to_numpy()
    assert len(set(rows)) == 50
    np.testing.assert_array_equal(shown["actual_a"], data["a"][rows, 0])
    np.testing.assert_array_equal(shown["predicted_b"], data["features"][rows, 0] + np.float32(1))
    again = evaluate_regression(model, loader(), TRAINING, 2)[1]
    assert set(again["sample_id"]) != set(shown["sample_id"])


def test_other_targets_than_the_models_are_refused(model: File) -> None:
    with pytest.raises(DataError, match=r"model\.keras: expected a model of the targets b, found one of a, b\. Build"):
        evaluate_regression(model, loader(["b"]), TRAINING, 1)


def test_a_single_target_has_the_name_of_its_column(tmp_path: Path) -> None:
    from outofcore.backend import keras

    inputs = keras.Input((1,))
    keras.Model(inputs, keras.layers.Rescaling(1.0, 1.0)(inputs)).save(tmp_path / "one.keras")
    one = BatchLoader(source(), x="features", y="b", batch_size=30)
    metrics, shown, worst = evaluate_regression(File(tmp_path / "one.keras"), one, TRAINING, 1)
    assert metrics["mae"] == pytest.approx(0.0, abs=1e-7)
    assert shown.columns.tolist() == worst.columns.tolist() == ["sample_id", "actual_b", "predicted_b"]


def test_sums_stay_exact_far_from_zero() -> None:
    values = np.random.default_rng(0).normal(size=10_000) + 1e9
    totals = Totals()
    for part in np.array_split(values, 17):
        totals.add(part, part + 1.0)
    assert totals.spread == pytest.approx(values.var() * len(values), rel=1e-6)
    assert totals.metrics()["mae"] == 1.0


def test_a_constant_target_has_no_r2() -> None:
    totals = Totals()
    totals.add(np.full(3, 5.0), np.full(3, 6.0))
    assert totals.metrics() == {
        "mae": 1.0, "mse": 1.0, "rmse": 1.0, "max_error": 1.0, "r2": None, "mae_of_range": 1.0
    }  # fmt: skip
