"""Models on disk: whole or not at all, and never with code in them."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faulty_disk import full_disk
from kedro.io import DatasetError

from outofcore.datasets.keras_model import KerasModelDataset
from outofcore.error_line import error_line
from outofcore.errors import DataError
from outofcore.training.runtime import start_keras


@pytest.fixture(scope="module")
def keras() -> Any:
    return start_keras(2)


def make_model(keras: Any, seed: int = 1, units: int = 8) -> Any:
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((5,))
    x = keras.layers.Dense(units, activation="relu")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    model.compile(keras.optimizers.Adam(0.01), "mse")
    return model


X = np.random.default_rng(0).normal(size=(32, 5)).astype(np.float32)


def refusal(dataset: KerasModelDataset) -> str:
    """Load, which must fail; return what the command line says of it."""
    with pytest.raises(DatasetError) as caught:
        dataset.load()
    assert isinstance(caught.value.__cause__, DataError)
    line = error_line(caught.value)
    assert line is not None
    assert "\n" not in line
    return line


def test_weights_optimizer_and_compile_arguments_come_back(keras: Any, tmp_path: Path) -> None:
    model = make_model(keras)
    model.fit(X, X[:, :1], epochs=2, verbose=0)
    dataset = KerasModelDataset(filepath=str(tmp_path / "new" / "model.keras"))
    assert not dataset.exists()
    dataset.save(model)
    assert dataset.exists()
    loaded = dataset.load()
    assert np.array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    assert loaded.loss == "mse"
    for mine, other in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
        assert np.array_equal(mine.numpy(), other.numpy())
    assert int(loaded.optimizer.iterations) == 2
    assert not np.array_equal(make_model(keras, seed=2).predict(X, verbose=0), model.predict(X, verbose=0))


@pytest.mark.filterwarnings("ignore:Skipping variable loading")
def test_saving_again_replaces_the_file_and_leaves_nothing_beside_it(keras: Any, tmp_path: Path) -> None:
    dataset = KerasModelDataset(filepath=str(tmp_path / "model.keras"))
    dataset.save(make_model(keras, seed=1))
    dataset.save(make_model(keras, seed=2))
    assert np.array_equal(dataset.load().predict(X, verbose=0), make_model(keras, seed=2).predict(X, verbose=0))
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


@pytest.mark.fault
def test_fault_075_full_disk_while_a_model_is_saved(keras: Any, tmp_path: Path) -> None:
    dataset = KerasModelDataset(filepath=str(tmp_path / "model.keras"))
    dataset.save(make_model(keras))
    before = (tmp_path / "model.keras").read_bytes()
    large = make_model(keras, units=5000)
    with full_disk(50_000), pytest.raises(DatasetError) as caught:
        dataset.save(large)
    assert error_line(caught.value) == (
        f"{tmp_path}/model.keras: expected to write it, found: File too large. "
        "Make room or give the folder write permission; what stood there before is intact."
    )
    assert (tmp_path / "model.keras").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


@pytest.mark.fault
@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_fault_098_code_in_a_model(keras: Any, tmp_path: Path, monkeypatch: Any, ending: str) -> None:
    """The code inside the file makes a file of its own wherever it runs."""
    trace = tmp_path / "trace"
    inputs = keras.Input((5,))
    monkeypatch.setenv("TRACE", str(trace))
    hostile = lambda x: (__import__("pathlib").Path(__import__("os").environ["TRACE"]).touch(), x)[1]  # noqa: E731
    model = keras.Model(inputs, keras.layers.Lambda(hostile)(inputs))
    assert trace.exists()
    path = tmp_path / f"model{ending}"
    model.save(path)
    trace.unlink()
    line = refusal(KerasModelDataset(filepath=str(path)))
    assert line.startswith(f"{path}: expected a saved Keras model without code in it, found: Requested the deserializ")
    assert line.endswith("load no model of a source that you do not trust.")
    assert not trace.exists()
    keras.saving.load_model(path, safe_mode=False)  # the negative control
    assert trace.exists()


def test_no_file(tmp_path: Path) -> None:
    line = refusal(KerasModelDataset(filepath=str(tmp_path / "none.keras")))
    assert line.startswith(f"{tmp_path}/none.keras: expected a saved Keras model without code in it, found: ")


@pytest.mark.parametrize("content", ["", "text", "half", "without weights"])
def test_a_file_that_is_no_model(keras: Any, tmp_path: Path, content: str) -> None:
    path = tmp_path / "model.keras"
    dataset = KerasModelDataset(filepath=str(path))
    dataset.save(make_model(keras))
    whole = path.read_bytes()
    if content == "without weights":
        with zipfile.ZipFile(path) as old:
            parts = {name: old.read(name) for name in old.namelist() if not name.endswith(".h5")}
        with zipfile.ZipFile(path, "w") as new:
            for name, part in parts.items():
                new.writestr(name, part)
    else:
        path.write_bytes(whole[: len(whole) // 2] if content == "half" else content.encode())
    assert refusal(dataset).startswith(f"{path}: expected a saved Keras model")
