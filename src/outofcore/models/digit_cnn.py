"""The small convolutional net of the digit recipe."""

from outofcore.errors import ConfigurationError
from outofcore.models.compiling import classifier_head, compile_classifier
from outofcore.parameters.data import ImageParameters
from outofcore.parameters.models import DigitCnnParameters
from outofcore.parameters.training import TrainingParameters
from outofcore.types import Model


def build_digit_cnn(
    model: DigitCnnParameters,
    image: ImageParameters,
    training: TrainingParameters,
    label_map: dict[str, int],
    seed: int,
) -> Model:
    """Build and compile the net: convolutions with max-pooling, a dense layer, dropout, the head.

    Pixels are scaled by 1/255 in the first layer, so the saved model takes raw images.

    Args:
        model: Form of the net.
        image: Form of its input, uint8, shape `(batch, height, width, channels)`.
        training: Optimizer and precision.
        label_map: Code of each label; two labels give one sigmoid unit, more a softmax.
        seed: Root of the initial weights and of dropout.

    Returns:
        A compiled Keras model.

    Raises:
        ConfigurationError: The image is too small for so many convolutions.
    """
    _check_size(model, image)
    from outofcore.training.runtime import start_keras

    keras = start_keras(training.threads, training.precision, seed)
    inputs = keras.Input((image.height, image.width, image.channels), dtype="uint8", name="image")
    x = keras.layers.Rescaling(1.0 / 255.0, name="scale")(inputs)
    for number, filters in enumerate(model.filters, start=1):
        x = keras.layers.Conv2D(filters, model.kernel_size, activation="relu", name=f"conv_{number}")(x)
        x = keras.layers.MaxPool2D(name=f"pool_{number}")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(model.dense_units, activation="relu", name="dense")(x)
    x = keras.layers.Dropout(model.dropout, name="dropout")(x)
    net = keras.Model(inputs, classifier_head(len(label_map))(x), name="digit_cnn")
    return compile_classifier(net, training)


def _check_size(model: DigitCnnParameters, image: ImageParameters) -> None:
    smallest = 1
    for _ in model.filters:
        smallest = 2 * smallest + model.kernel_size - 1  # before the 2x2 pooling, before the convolution
    if min(image.height, image.width) < smallest:
        raise ConfigurationError(
            f"image: expected at least {smallest}x{smallest} pixels for {len(model.filters)} convolutions with "
            f"pooling, found {image.height}x{image.width}. Enlarge the image, or take filters out of model.filters."
        )
