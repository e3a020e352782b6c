"""Tiny nets and a way to run the loop on them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from parameter_values import THREADS, training_parameters
from support import ArraySource, rows


@pytest.fixture(scope="session")
def keras() -> Any:
    from outofcore.training.runtime import start_keras

    return start_keras(THREADS)


@pytest.fixture
def make_model(keras: Any) -> Callable[..., Any]:
    """Makes a small net with dropout and batch norm; the same seed gives the same net."""

    def make(optimizer: Any = "sgd", dropout: float = 0.3, precision: str = "float32", **compile_arguments: Any) -> Any:
        keras.utils.set_random_seed(7)
        keras.config.set_dtype_policy(precision)
        inputs = keras.Input((5,))
        x = keras.layers.Dense(8, activation="relu", kernel_regularizer="l2")(inputs)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.Dropout(dropout)(x)
        model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid", dtype="float32")(x))
        arguments = {"loss": "binary_crossentropy", "metrics": ["accuracy", keras.metrics.AUC(name="auc")]}
        model.compile(optimizer=optimizer() if callable(optimizer) else optimizer, **{**arguments, **compile_arguments})
        keras.config.set_dtype_policy("float32")
        return model

    return make


@pytest.fixture
def make_loader(keras: Any) -> Callable[..., Any]:
    """Makes a loader over generated rows in memory."""
    from outofcore.loaders.batch_loader import BatchLoader

    def make(count: int = 107, seed: int = 3, weighted: bool = False, **changes: Any) -> Any:
        arguments = {"batch_size": 20, "seed": seed, "shuffle": True, "steps_per_call": 3}
        weight = "w" if weighted else None
        return BatchLoader(ArraySource(**rows(count)), x="x", y="y", sample_weight=weight, **{**arguments, **changes})

    return make


@pytest.fixture
def run_loop(tmp_path: Path) -> Callable[..., Any]:
    """Runs `fit` of the project in a folder of the test's own."""
    from outofcore.training.fit import fit

    def run(model: Any, train: Any, validation: Any, folder: Path | None = None, **changes: Any) -> Any:
        return fit(model, train, validation, training_parameters(**changes), folder or tmp_path / "run", {"test": 1})

    return run
