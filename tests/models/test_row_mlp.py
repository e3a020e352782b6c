"""The row net: scales inside, loss on standardised targets, the bits of `fit` with several targets."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from parameter_values import training_parameters
from support import ArraySource

from outofcore.loaders.batch_loader import BatchLoader
from outofcore.models.row_mlp import build_row_mlp
from outofcore.parameters.models import RowMlpParameters
from outofcore.parameters.rows import RowScanParameters
from outofcore.parameters.training import TrainingParameters
from outofcore.saved_model import columns_of, load_model, save_model

ROWS = 1_030
SCALES = {"y": 5e8, "share": 0.01}


def parameters(**changes: Any) -> TrainingParameters:
    adam = {"name": "Adam", "learning_rate": 0.01, "schedule": None, "arguments": {}}
    return training_parameters(**{"epochs": 2, "optimizer": adam, "resume": "never", **changes})


def rows() -> dict[str, NDArray[Any]]:
    draw = np.random.default_rng(0).random((ROWS, 2), np.float32)
    y = (draw.sum(axis=1, keepdims=True) * SCALES["y"]).astype(np.float32)
    share = (draw[:, :1] * SCALES["share"]).astype(np.float32)
    return {"features": draw * np.float32(1e6), "y": y, "share": share}


def columns(features: tuple[str, ...], targets: tuple[str, ...]) -> RowScanParameters:
    return RowScanParameters.model_construct(features=features, targets=targets)


def column(values: NDArray[Any]) -> dict[str, float]:
    return {"mean": float(values.mean(dtype=float)), "std": float(values.std(dtype=float))}


def net(targets: tuple[str, ...], loss: str = "mean_absolute_error", **changes: Any) -> Any:
    data = rows()
    statistics = {name: column(data["features"][:, at]) for at, name in enumerate(("a", "b"))}
    statistics |= {name: column(data[name]) for name in SCALES}
    form = RowMlpParameters.model_validate({"units": [16, 8], "activation": "relu", "loss": loss})
    return build_row_mlp(form, columns(("a", "b"), targets), statistics, parameters(**changes), 42)


def loader(y: Any, **changes: Any) -> BatchLoader:
    arguments = {"batch_size": 100, "steps_per_call": 4, "seed": 1, "shuffle": True, **changes}
    return BatchLoader(ArraySource(**rows()), x="features", y=y, **arguments)


def trained(folder: Path, y: Any, targets: tuple[str, ...], **changes: Any) -> tuple[Any, Any]:
    from outofcore.training.fit import fit

    model = net(targets)
    return model, fit(model, loader(y), None, parameters(**changes), folder, {"a": "test"})


@pytest.mark.parametrize("y", ["y", ["y", "share"]])
def test_same_bits_as_fit_with_one_target_and_with_several(tmp_path: Path, y: Any) -> None:
    targets = (y,) if isinstance(y, str) else tuple(y)
    ours, result = trained(tmp_path, y, targets)
    theirs = net(targets)
    history = theirs.fit(loader(y, steps_per_call=1), epochs=2, shuffle=False, verbose=0).history
    assert result.history == history
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)
    other_order = net(targets)
    other_order.fit(loader(y, seed=2), epochs=2, shuffle=False, verbose=0)
    assert any((a != b).any() for a, b in zip(ours.get_weights(), other_order.get_weights(), strict=True))


@pytest.mark.parametrize("y", ["y", ["y", "share"]])
def test_xla_equals_up_to_rounding_and_however_calls_are_cut(tmp_path: Path, y: Any) -> None:
    targets = (y,) if isinstance(y, str) else tuple(y)
    plain, _ = trained(tmp_path / "plain", y, targets)
    compiled, _ = trained(tmp_path / "jit", y, targets, jit=True)
    cut, _ = trained(tmp_path / "cut", y, targets, jit=True, log_every_steps=3)
    for mine, other, third in zip(compiled.get_weights(), plain.get_weights(), cut.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=2e-3, atol=2e-3)
        np.testing.assert_allclose(mine, third, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(("loss", "power"), [("mean_absolute_error", 1), ("mean_squared_error", 2)])
def test_the_loss_is_that_of_standardised_targets_and_the_metrics_are_in_units(loss: str, power: int) -> None:
    model, data = net(("y", "share"), loss), rows()
    results = model.evaluate(loader(["y", "share"], shuffle=False), verbose=0, return_dict=True)
    predicted = model.predict(data["features"], verbose=0)
    expected = []
    for name in ("y", "share"):
        errors = np.abs(predicted[name].astype(float) - data[name])
        expected.append(((errors / column(data[name])["std"]) ** power).mean())
        assert results[f"{name}_mae"] == pytest.approx(errors.mean(), rel=1e-4)
    assert results["loss"] == pytest.approx(np.mean(expected), rel=1e-4)


def test_raw_magnitudes_are_learned(tmp_path: Path) -> None:
    _, result = trained(tmp_path, "y", ("y",), epochs=30)
    assert result.history["mae"][-1] < 0.02 * 2 * SCALES["y"]


def test_the_saved_model_takes_and_gives_raw_units(tmp_path: Path) -> None:
    model, data = net(("y", "share")), rows()
    save_model(model, tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    for name, values in loaded.predict(data["features"], verbose=0).items():
        np.testing.assert_array_equal(values, model.predict(data["features"], verbose=0)[name])
    mean = loaded.predict(data["features"], verbose=0)["y"].mean()
    assert abs(mean - data["y"].mean()) < 5 * data["y"].std()


@pytest.mark.filterwarnings("ignore:Skipping variable loading")
def test_the_saved_model_knows_its_columns_and_is_plain_keras(tmp_path: Path) -> None:
    from outofcore.backend import keras

    path, model = tmp_path / "model.keras", net(("share",))
    save_model(model, path)
    columns = columns_of(load_model(path))
    assert columns is not None
    assert (columns.features, columns.targets) == (("a", "b"), ("share",))
    plain = keras.saving.load_model(path, safe_mode=True)
    assert columns_of(plain) is None
    x = rows()["features"]
    np.testing.assert_array_equal(plain.predict(x, verbose=0), model.predict(x, verbose=0))
    save_model(plain, path)
    assert columns_of(load_model(path)) is None


def test_a_constant_column_has_a_scale_of_one() -> None:
    form = RowMlpParameters.model_validate({"units": [4], "activation": "relu", "loss": "mean_absolute_error"})
    constant = {"mean": 3.0, "std": 0.0}
    model = build_row_mlp(form, columns(("a",), ("b",)), {"a": constant, "b": constant}, parameters(), 1)
    assert np.isfinite(model.predict(np.full((2, 1), 3.0, np.float32), verbose=0)).all()
