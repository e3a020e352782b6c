"""The net over volumes: its form for each rank, and how it normalises raw values."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parameter_values import parameters

from outofcore.errors import ConfigurationError
from outofcore.models.volume_cnn import build_volume_cnn
from outofcore.saved_model import load_model

RNG = np.random.default_rng(0)
STATISTICS = {"mean": [5.0, -2.0], "variance": [4.0, 0.25]}
LABELS = {name: code for code, name in enumerate("abcdef")}


def build(shape: tuple[int, ...] = (8, 8, 8), labels: Any = None, **volume: Any) -> Any:
    values = {"shape": shape, "channels": 2, "normalize": "training_split", **volume}
    return build_volume_cnn(
        parameters("volumes", "model"),
        parameters("volumes", "volume", **values),
        parameters("volumes", "training"),
        labels or LABELS,
        1,
        STATISTICS if values["normalize"] == "training_split" else {},
    )


def normalised(net: Any, x: Any) -> Any:
    import keras

    names = {layer.name: layer for layer in net.layers}
    return np.asarray(keras.Model(net.input, (names.get("normalize") or names["to_float"]).output)(x))


@pytest.mark.parametrize(("shape", "layer"), [((16,), "Conv1D"), ((16, 8), "Conv2D"), ((8, 9, 10), "Conv3D")])
def test_it_takes_one_two_and_three_axes(shape: tuple[int, ...], layer: str) -> None:
    net = build(shape)
    assert {type(part).__name__ for part in net.layers if part.name.startswith("conv")} == {layer}
    probabilities = np.asarray(net(RNG.normal(size=(3, *shape, 2)).astype(np.float32)))
    assert probabilities.shape == (3, 6)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-5)


def test_four_axes_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="expected one, two or three axes for this net, found 4"):
        build((4, 4, 4, 4))


def test_it_takes_patches_where_patches_are_read() -> None:
    assert build((8, 8, 8), patch=(4, 5, 6)).input_shape == (None, 4, 5, 6, 2)


@pytest.mark.parametrize("dtype", ["float32", "uint8", "float64", "int16"])
def test_statistics_of_the_training_split_bring_channels_to_unit_scale(dtype: str) -> None:
    x = RNG.integers(0, 100, (3, 8, 8, 8, 2)).astype(dtype)
    expected = (x.astype(np.float64) - [5.0, -2.0]) / [2.0, 0.5]
    np.testing.assert_allclose(normalised(build(dtype=dtype), x), expected, rtol=1e-5)


def test_per_sample_each_channel_of_each_sample_is_for_itself() -> None:
    x = (RNG.normal(size=(3, 8, 8, 8, 2)) * [3.0, 0.1] + [[[[[7.0, -1.0]]]]]).astype(np.float32)
    x[1] *= 10
    expected = (x - x.mean(axis=(1, 2, 3), keepdims=True)) / x.std(axis=(1, 2, 3), keepdims=True)
    found = normalised(build(normalize="per_sample"), x)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    np.testing.assert_allclose(normalised(build(normalize="per_sample"), x[1:2])[0], found[1], atol=1e-5)


def test_none_leaves_the_values() -> None:
    x = RNG.normal(size=(3, 8, 8, 8, 2)).astype(np.float32)
    np.testing.assert_array_equal(normalised(build(normalize="none"), x), x)


@pytest.mark.parametrize("normalize", ["none", "per_sample", "training_split"])
def test_the_saved_model_is_plain_keras_and_predicts_the_same(tmp_path: Path, normalize: str) -> None:
    net = build(normalize=normalize)
    net.save(tmp_path / "net.keras")
    x = RNG.normal(size=(3, 8, 8, 8, 2)).astype(np.float32)
    loaded = load_model(tmp_path / "net.keras")  # in safe mode
    np.testing.assert_array_equal(np.asarray(loaded(x)), np.asarray(net(x)))
    assert all(type(layer).__module__.startswith("keras.") for layer in loaded.layers)


def test_two_labels_give_one_sigmoid_unit() -> None:
    assert build(labels={"a": 0, "b": 1}).output_shape == (None, 1)
