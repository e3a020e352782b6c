"""The evaluation of a saved model on a loader, against Keras's own predictions."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parameter_values import mnist_parameters
from support import ArraySource

from outofcore.errors import DataError
from outofcore.nodes.evaluate import classification_metrics, evaluate_classifier
from outofcore.training.runtime import start_keras
from outofcore.types import File

ROWS = 53
TRAINING = mnist_parameters("training", threads=2, precision="float32")


@pytest.fixture(scope="module")
def keras() -> Any:
    return start_keras(2, seed=1)


def make_model(keras: Any, folder: Path, classes: int) -> File:
    units, activation = (1, "sigmoid") if classes == 2 else (classes, "softmax")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(units, activation=activation)(inputs))
    model.compile("sgd", "binary_crossentropy" if classes == 2 else "sparse_categorical_crossentropy")
    model.save(folder / "model.keras")
    return File(folder / "model.keras")


def make_loader(classes: int, weighted: bool = False, **changes: Any) -> Any:
    from outofcore.loaders.batch_loader import BatchLoader

    rng = np.random.default_rng(2)
    source = ArraySource(
        x=rng.normal(size=(ROWS, 4)).astype(np.float32),
        y=rng.integers(0, classes, ROWS).astype(np.int32),
        w=rng.uniform(0.5, 2.0, ROWS).astype(np.float32),
    )
    arguments = {"batch_size": 10, "steps_per_call": 2, "sample_weight": "w" if weighted else None}
    return BatchLoader(source, x="x", y="y", **{**arguments, **changes})


def label_map(classes: int) -> dict[str, int]:
    return {f"c{code}": code for code in range(classes)}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("classes", [2, 3])
def test_it_predicts_what_keras_predicts(keras: Any, tmp_path: Path, classes: int, weighted: bool) -> None:
    model, loader = make_model(keras, tmp_path, classes), make_loader(classes, weighted)
    metrics, table = evaluate_classifier(model, loader, label_map(classes), TRAINING)
    columns = loader.source.columns
    expected = keras.saving.load_model(model.path).predict(columns["x"], batch_size=10, verbose=0)
    if classes == 2:
        expected = np.concatenate([1 - expected, expected], axis=1)
    names = [f"probability_c{code}" for code in range(classes)]
    assert table.columns.tolist() == ["sample_id", "label", "predicted", *names]
    assert table["sample_id"].tolist() == [f"row {row}" for row in range(ROWS)]
    assert table["label"].tolist() == [f"c{code}" for code in columns["y"]]
    assert table["predicted"].tolist() == [f"c{code}" for code in expected.argmax(axis=1)]
    np.testing.assert_allclose(table[names], expected, rtol=1e-6)
    np.testing.assert_allclose(table[names].sum(axis=1), 1.0, rtol=1e-6)
    assert (table[names].dtypes == np.float32).all()
    weights = columns["w"] if weighted else None
    again = classification_metrics(columns["y"], table[names].to_numpy(), weights, list(label_map(classes)))
    assert metrics == again
    assert metrics["samples"] == ROWS


def test_calls_of_other_sizes_change_nothing(keras: Any, tmp_path: Path) -> None:
    model = make_model(keras, tmp_path, 3)
    one, table = evaluate_classifier(model, make_loader(3), label_map(3), TRAINING)
    two, other = evaluate_classifier(model, make_loader(3, steps_per_call=6, workers=2), label_map(3), TRAINING)
    assert one == two
    assert table.equals(other)


def test_the_order_of_the_label_map_plays_no_part(keras: Any, tmp_path: Path) -> None:
    model = make_model(keras, tmp_path, 3)
    one, table = evaluate_classifier(model, make_loader(3), label_map(3), TRAINING)
    turned = dict(reversed(label_map(3).items()))
    two, other = evaluate_classifier(model, make_loader(3), turned, TRAINING)
    assert one == two
    assert table.equals(other[table.columns])


@pytest.mark.fault
@pytest.mark.parametrize(("made_for", "labels"), [(2, 3), (3, 2), (3, 4)])
def test_fault_033_labels_and_model_of_other_numbers_of_classes(
    keras: Any, tmp_path: Path, made_for: int, labels: int
) -> None:
    model = make_model(keras, tmp_path, made_for)
    with pytest.raises(DataError) as caught:
        evaluate_classifier(model, make_loader(labels), label_map(labels), TRAINING)
    assert str(caught.value) == (
        f"{model.path}: expected a model of {labels} classes, one for each label, found one of {made_for}. "
        "Build and train it anew: run the pipeline from build_model."
    )


def test_no_model(keras: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none.keras: expected a saved Keras model"):
        evaluate_classifier(File(tmp_path / "none.keras"), make_loader(2), label_map(2), TRAINING)
