"""VGG16 without its top, and the classifiers on it.

The base has the 13 convolutions of configuration D in K. Simonyan and A. Zisserman, "Very deep
convolutional networks for large-scale image recognition" (ICLR 2015), under the names that
`keras.applications.VGG16` gives them. All layers are Keras's own, so a saved model needs no code.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import ConfigurationError
from outofcore.models.compiling import classifier_head, compile_classifier
from outofcore.parameters.data import ImageParameters
from outofcore.parameters.training import TrainingParameters
from outofcore.parameters.transfer import FineTuneParameters, Vgg16Parameters
from outofcore.types import File, Model

if TYPE_CHECKING:
    import keras

BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""Filters and convolutions of each block, which ends with a 2x2 max-pooling."""

BASE_OUTPUT = "block5_pool"

MEANS_BGR = (103.939, 116.779, 123.68)
"""Means of ImageNet in blue, green and red, as in `keras.applications.vgg16.preprocess_input`."""

SMALLEST_SIDE = 32


def build_vgg16(
    model: Vgg16Parameters,
    image: ImageParameters,
    training: TrainingParameters,
    label_map: dict[str, int],
    seed: int,
    base: dict[str, Any],
) -> Model:
    """Build and compile the recipe's net: a frozen base, a dense layer on each place, the mean, dropout, the head.

    Args:
        model: Form of the net.
        image: Form of its input, uint8, shape `(batch, height, width, 3)`.
        training: Optimizer and precision.
        label_map: Code of each label; two labels give one sigmoid unit, more a softmax.
        seed: Root of the initial weights and of dropout.
        base: Where the base's weights lie: `file`, a path, or `None` for random ones.

    Returns:
        A compiled Keras model; its base is not trainable.

    Raises:
        ConfigurationError: The images are too small or not RGB.
        DataError: The file does not hold weights of such a base.
    """
    from outofcore.training.runtime import start_keras

    keras = start_keras(training.threads, training.precision, seed)
    net = build_base(model, image, base["file"])
    net.trainable = False
    x = keras.layers.Dense(model.dense_units, activation="sigmoid", name="dense")(net.output)
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    # a seed of its own, for one drawn when a file is loaded depends on what else is in the file
    x = keras.layers.Dropout(model.dropout, seed=seed % 2**31, name="dropout")(x)
    whole = keras.Model(net.input, classifier_head(len(label_map))(x), name="vgg16_transfer")
    return compile_classifier(whole, training)


def build_vgg16_source(
    model: Vgg16Parameters, image: ImageParameters, training: TrainingParameters, classes: int, seed: int
) -> Model:
    """Build and compile a net to train a base with: the base, the mean of its features, a softmax.

    The last layer begins with zeros: features on the scale of ImageNet's pixels would begin with a
    loss in the hundreds.

    Args:
        model: Form of the base.
        image: Form of its input.
        training: Optimizer and precision.
        classes: Classes of the source task.
        seed: Root of the initial weights.
    """
    from outofcore.training.runtime import start_keras

    keras = start_keras(training.threads, training.precision, seed)
    net = build_base(model, image)
    x = keras.layers.GlobalAveragePooling2D(name="mean")(net.output)
    head = keras.layers.Dense(
        classes, activation="softmax", kernel_initializer="zeros", dtype="float32", name="probability"
    )
    return compile_classifier(keras.Model(net.input, head(x), name="vgg16_source"), training)


def build_base(model: Vgg16Parameters, image: ImageParameters, file: str | None = None) -> "keras.Model":
    """Build the base: raw RGB images in, the feature map of the last block out.

    Args:
        model: Its width and the scale of its input.
        image: Form of the images.
        file: Where its weights lie; `None` leaves random ones.

    Raises:
        ConfigurationError: The images are too small or not RGB.
        DataError: The file does not hold weights of such a base.
    """
    if image.channels != 3 or min(image.height, image.width) < SMALLEST_SIDE:
        raise ConfigurationError(
            f"image: expected RGB images of at least {SMALLEST_SIDE}x{SMALLEST_SIDE} pixels for VGG16, found "
            f"{image.height}x{image.width} with {image.channels} channels. Enlarge them, or set image.channels=3."
        )
    from outofcore.backend import keras
    from outofcore.models.base_weights import load_base_weights

    inputs = keras.Input((image.height, image.width, 3), dtype="uint8", name="image")
    x = _scaled(inputs, model.scaling)
    for layer in _blocks(model.width):
        x = layer(x)
    net = keras.Model(inputs, x, name="vgg16_base")
    if file is not None:
        # files of weights go by the order of layers, so they are loaded without the layers of the scale
        convolutions = keras.Sequential([keras.Input((image.height, image.width, 3)), *_blocks(model.width)])
        load_base_weights(convolutions, file)
        for layer in convolutions.layers:
            net.get_layer(layer.name).set_weights(layer.get_weights())
    return net


def standardise(net: Model, images: NDArray[np.uint8]) -> None:
    """Bring the features of random weights to mean 0 and deviation 1, in place, so that a head can learn from them.

    As they are drawn they lie far from 0, beside small differences, and a sigmoid takes nothing from them. The
    last convolution is divided by the deviation of each channel, which its ReLU lets through; the mean goes
    into the bias of the dense layer.

    Args:
        net: From `build_vgg16`, with a base of random weights.
        images: Images to measure on, shape `(count, height, width, 3)`.
    """
    from outofcore.backend import keras

    base = keras.Model(net.input, net.get_layer(BASE_OUTPUT).output)
    features = np.asarray(base.predict(images, verbose=0), np.float32)
    values = features.reshape(-1, features.shape[-1])
    deviation = values.std(axis=0)
    scale = np.divide(1.0, deviation, out=np.ones_like(deviation), where=deviation > 0)  # some are never active
    convolution, dense = net.get_layer("block5_conv3"), net.get_layer("dense")
    kernel, bias = convolution.get_weights()
    convolution.set_weights([kernel * scale, bias * scale])
    kernel, bias = dense.get_weights()
    dense.set_weights([kernel, bias - (values.mean(axis=0) * scale) @ kernel])


def _blocks(width: float) -> "Iterator[keras.layers.Layer]":
    from outofcore.backend import keras

    for block, (filters, convolutions) in enumerate(BLOCKS, start=1):
        for number in range(1, convolutions + 1):
            yield keras.layers.Conv2D(
                max(1, round(filters * width)),
                3,
                padding="same",
                activation="relu",
                kernel_initializer="he_normal",
                name=f"block{block}_conv{number}",
            )
        yield keras.layers.MaxPooling2D(name=f"block{block}_pool")


def _scaled(inputs: Any, scaling: str) -> Any:
    from outofcore.backend import keras

    if scaling == "recipe":
        return keras.layers.Rescaling(1.0 / 255.0, name="scale")(inputs)
    # a product with a fixed matrix: keras.ops.flip would be numbered by what the process built before, and
    # the same net would not be the same in a run that goes on
    flip = keras.layers.EinsumDense("bhwc,cd->bhwd", tuple(inputs.shape[1:]), trainable=False, name="bgr")
    flipped = flip(inputs)
    flip.set_weights([np.eye(3)[::-1]])
    return keras.layers.Normalization(mean=MEANS_BGR, variance=(1.0, 1.0, 1.0), name="centre")(flipped)


def join_and_unfreeze(
    initial_model: File, head_model: File, fine_tune: FineTuneParameters, training: TrainingParameters, seed: int
) -> Model:
    """Put a trained head on the whole net, and make the blocks trainable that are to be tuned.

    Args:
        initial_model: The whole net, with the head as it was before.
        head_model: The trained head: alone, or with the base.
        fine_tune: From which block on the base is trained, and at which rate.
        training: Optimizer and precision.
        seed: Root of dropout.

    Returns:
        The whole net, compiled anew, with a fresh optimizer.
    """
    from outofcore.saved_model import load_model
    from outofcore.training.runtime import start_keras

    start_keras(training.threads, training.precision, seed)
    whole, head = load_model(initial_model.path), load_model(head_model.path)
    for layer in head.layers:
        if layer.weights and not layer.name.startswith("block"):
            whole.get_layer(layer.name).set_weights(layer.get_weights())
    if fine_tune.unfreeze_from is not None:
        for layer in whole.layers:
            if layer.name.startswith("block"):
                layer.trainable = layer.name >= fine_tune.unfreeze_from
    rate = training.optimizer.model_copy(update={"learning_rate": fine_tune.learning_rate, "schedule": None})
    return compile_classifier(whole, training.model_copy(update={"optimizer": rate}))
