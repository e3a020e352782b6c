"""The digit net: its layers, its input, its seed, and that it lives without this package."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parameter_values import mnist_parameters

from outofcore.errors import ConfigurationError
from outofcore.models.digit_cnn import build_digit_cnn
from outofcore.training.runtime import start_keras


@pytest.fixture(scope="module", autouse=True)
def keras() -> Any:
    return start_keras(2)


def build(classes: int = 2, seed: int = 3, image: Any = None, model: Any = None, **training: Any) -> Any:
    return build_digit_cnn(
        mnist_parameters("model", **(model or {})),
        mnist_parameters("image", **(image or {})),
        mnist_parameters("training", threads=2, **training),
        {f"c{code}": code for code in range(classes)},
        seed,
    )


def images(count: int = 5, shape: tuple[int, ...] = (28, 28, 1)) -> Any:
    return np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)


def test_the_layers_of_the_recipe() -> None:
    layers = [(type(layer).__name__, tuple(layer.output.shape[1:])) for layer in build().layers]
    assert layers == [
        ("InputLayer", (28, 28, 1)),
        ("Rescaling", (28, 28, 1)),
        ("Conv2D", (26, 26, 32)),
        ("MaxPooling2D", (13, 13, 32)),
        ("Conv2D", (11, 11, 32)),
        ("MaxPooling2D", (5, 5, 32)),
        ("Conv2D", (3, 3, 32)),
        ("MaxPooling2D", (1, 1, 32)),
        ("Flatten", (32,)),
        ("Dense", (32,)),
        ("Dropout", (32,)),
        ("Dense", (1,)),
    ]


def test_activations_dropout_loss_and_optimizer() -> None:
    net = build()
    named = {layer.name: layer for layer in net.layers}
    assert {named[f"conv_{number}"].activation.__name__ for number in (1, 2, 3)} == {"relu"}
    assert named["dense"].activation.__name__ == "relu"
    assert named["probability"].activation.__name__ == "sigmoid"
    assert named["dropout"].rate == 0.2
    assert (net.loss, type(net.optimizer).__name__) == ("binary_crossentropy", "SGD")


def test_the_form_follows_the_parameters() -> None:
    net = build(model={"filters": [4, 8], "kernel_size": 5, "dense_units": 7}, image={"height": 30, "channels": 3})
    assert net.input_shape == (None, 30, 28, 3)
    assert [layer.filters for layer in net.layers if hasattr(layer, "filters")] == [4, 8]
    assert net.get_layer("conv_1").kernel_size == (5, 5)
    assert net.get_layer("dense").units == 7


def test_it_takes_raw_bytes_and_scales_them() -> None:
    net = build()
    assert net.input.dtype == "uint8"
    scaled = net.get_layer("scale")(images())
    np.testing.assert_allclose(scaled, images() / 255.0, rtol=1e-6)
    assert net.predict(images(), verbose=0).shape == (5, 1)


def test_more_classes_have_a_softmax() -> None:
    net = build(classes=4)
    probabilities = net.predict(images(), verbose=0)
    assert (net.loss, probabilities.shape) == ("sparse_categorical_crossentropy", (5, 4))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-5)


def same_weights(one: Any, two: Any) -> list[bool]:
    pairs = zip(one.trainable_weights, two.trainable_weights, strict=True)
    return [np.array_equal(mine.numpy(), other.numpy()) for mine, other in pairs if "kernel" in mine.path]


def test_the_seed_decides_the_weights() -> None:
    assert all(same_weights(build(seed=3), build(seed=3)))
    assert not any(same_weights(build(seed=3), build(seed=4)))


def test_a_seed_of_any_size() -> None:
    assert not any(same_weights(build(seed=2**40), build(seed=2**40 + 1)))


def test_mixed_precision_gives_probabilities_in_float32(keras: Any) -> None:
    try:
        net = build(precision="mixed_bfloat16")
        assert net.get_layer("dense").compute_dtype == "bfloat16"
        assert net.predict(images(), verbose=0).dtype == np.float32
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(("filters", "smallest"), [([8], 4), ([8, 8], 10), ([8, 8, 8], 22)])
def test_an_image_that_is_too_small(filters: list[int], smallest: int) -> None:
    fits = {"height": smallest, "width": smallest}
    assert build(model={"filters": filters}, image=fits).output_shape == (None, 1)
    with pytest.raises(ConfigurationError) as caught:
        build(model={"filters": filters}, image={**fits, "width": smallest - 1})
    assert str(caught.value) == (
        f"image: expected at least {smallest}x{smallest} pixels for {len(filters)} convolutions with pooling, found "
        f"{smallest}x{smallest - 1}. Enlarge the image, or take filters out of model.filters."
    )


WITHOUT_US = """
import json, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "outofcore":
            raise ImportError("outofcore is not installed here")

sys.meta_path.insert(0, Refuse())
import keras, numpy as np
model = keras.saving.load_model(sys.argv[1], safe_mode=True)
print(json.dumps([model.predict(np.load(sys.argv[2]), verbose=0).tolist(), "outofcore" in sys.modules]))
import outofcore
"""


def test_the_saved_model_needs_nothing_of_this_package(tmp_path: Path) -> None:
    net = build(classes=3)
    net.save(tmp_path / "net.keras")
    np.save(tmp_path / "images.npy", images())
    command = [sys.executable, "-c", WITHOUT_US, tmp_path / "net.keras", tmp_path / "images.npy"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "outofcore is not installed here" in done.stderr  # the last line of the program: it works
    predictions, imported = json.loads(done.stdout)
    assert not imported
    np.testing.assert_allclose(np.float32(predictions), net.predict(images(), verbose=0), rtol=1e-6)
