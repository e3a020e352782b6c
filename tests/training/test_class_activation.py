"""Class activation maps point at what decides the class."""

from typing import Any

import numpy as np
import pytest


def net(keras: Any, classes: int) -> Any:
    """Red speaks for the last class, green for the one before; the place is left to the picture."""
    inputs = keras.Input((32, 32, 3), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(2, 3, padding="same", activation="relu", name="colours")(x)
    x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    activation = "sigmoid" if classes == 1 else "softmax"
    model = keras.Model(inputs, keras.layers.Dense(classes, activation=activation)(x))
    kernel = np.zeros((3, 3, 3, 2))
    kernel[1, 1, 0, 0] = kernel[1, 1, 1, 1] = 1.0
    model.get_layer("colours").set_weights([kernel, np.zeros(2)])
    weights = np.array([[1.0], [-1.0]]) if classes == 1 else np.array([[0.0, -1.0, 1.0], [0.0, 1.0, -1.0]])
    model.layers[-1].set_weights([weights, np.zeros(classes)])
    model.compile(loss="binary_crossentropy")
    return model


@pytest.fixture
def pictures() -> Any:
    """A red patch above on the left, a green one below on the right."""
    images = np.zeros((2, 32, 32, 3), np.uint8)
    images[:, 2:8, 2:8, 0], images[:, 20:30, 20:30, 1] = 255, 200
    return images


@pytest.mark.parametrize(("classes", "red", "green"), [(3, 2, 1), (1, 1, 0)])
def test_the_map_of_a_class_lies_on_its_colour(keras: Any, pictures: Any, classes: int, red: int, green: int) -> None:
    from outofcore.training.class_activation import grad_cam

    found = grad_cam(net(keras, classes), pictures, "colours", np.array([red, green]))
    assert (found.shape, found.dtype) == ((2, 32, 32), np.float32)
    np.testing.assert_allclose(found[0], pictures[0, ..., 0] / 255.0, atol=1e-6)
    np.testing.assert_allclose(found[1], pictures[0, ..., 1] / 200.0, atol=1e-6)


def test_by_default_the_class_is_the_predicted_one(keras: Any, pictures: Any) -> None:
    from outofcore.training.class_activation import grad_cam

    model = net(keras, 3)
    codes = model.predict(pictures, verbose=0).argmax(axis=1)
    np.testing.assert_array_equal(grad_cam(model, pictures, "colours"), grad_cam(model, pictures, "colours", codes))


def test_where_nothing_speaks_for_the_class_there_is_nothing(keras: Any, pictures: Any) -> None:
    from outofcore.training.class_activation import grad_cam

    assert not grad_cam(net(keras, 3), pictures, "colours", np.array([0, 0])).any()


def test_a_frozen_base_has_maps_too(keras: Any) -> None:
    from parameter_values import transfer_parameters

    from outofcore.models.vgg16 import build_vgg16
    from outofcore.training.class_activation import grad_cam

    groups = transfer_parameters("model", width=0.0625), transfer_parameters("image"), transfer_parameters("training")
    model = build_vgg16(*groups, {str(code): code for code in range(10)}, 1, {"file": None})
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    found = np.concatenate([grad_cam(model, images, "block3_conv3", np.full(3, code)) for code in range(10)])
    assert found.max() == 1.0
