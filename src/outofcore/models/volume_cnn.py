"""A small convolutional net over arrays of one, two or three axes."""

from typing import TYPE_CHECKING, Any

from outofcore.errors import ConfigurationError
from outofcore.models.compiling import classifier_head, compile_classifier
from outofcore.parameters.training import TrainingParameters
from outofcore.parameters.volumes import VolumeCnnParameters, VolumeParameters
from outofcore.types import Model

if TYPE_CHECKING:
    import keras


def build_volume_cnn(
    model: VolumeCnnParameters,
    volume: VolumeParameters,
    training: TrainingParameters,
    label_map: dict[str, int],
    seed: int,
    statistics: dict[str, Any],
) -> Model:
    """Build and compile the net: convolutions in steps of two, a dense layer, dropout, the head.

    Values are normalised in the first layers, so the saved model takes raw arrays.

    Args:
        model: Form of the net.
        volume: Form of its input, shape `(batch, *sizes, channels)`.
        training: Optimizer and precision.
        label_map: Code of each label; two labels give one sigmoid unit, more a softmax.
        seed: Root of the initial weights and of dropout.
        statistics: Mean and variance of each channel where `volume.normalize` is `training_split`.

    Returns:
        A compiled Keras model.

    Raises:
        ConfigurationError: There is no convolution over so many axes.
    """
    rank = len(volume.shape)
    if rank > 3:
        raise ConfigurationError(
            f"volume.shape: expected one, two or three axes for this net, found {rank}. "
            "Bring a model of your own (see docs/pipelines/volumes.md), or take slices."
        )
    from outofcore.training.runtime import start_keras

    keras = start_keras(training.threads, training.precision, seed)
    layers = keras.layers
    convolution = (layers.Conv1D, layers.Conv2D, layers.Conv3D)[rank - 1]
    inputs = keras.Input(volume.model_shape, dtype=volume.dtype, name="volume")
    x = _normalised(inputs, volume.normalize, statistics)
    for number, filters in enumerate(model.filters, start=1):
        x = convolution(
            filters, model.kernel_size, strides=2, padding="same", activation="relu", name=f"conv_{number}"
        )(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(model.dense_units, activation="relu", name="dense")(x)
    x = layers.Dropout(model.dropout, name="dropout")(x)
    net = keras.Model(inputs, classifier_head(len(label_map))(x), name="volume_cnn")
    return compile_classifier(net, training)


def _normalised(inputs: "keras.KerasTensor", normalize: str, statistics: dict[str, Any]) -> "keras.KerasTensor":
    """Turn raw values into floats of about unit scale, with layers of Keras alone."""
    from outofcore.backend import keras

    floats = keras.layers.Rescaling(1.0, dtype="float32", name="to_float")(inputs)
    if normalize == "training_split":
        # as plain lists: they stand in the saved model's configuration
        layer = keras.layers.Normalization(
            axis=-1, mean=statistics["mean"], variance=statistics["variance"], dtype="float32", name="normalize"
        )
        return layer(floats)
    if normalize == "per_sample":
        layer = keras.layers.GroupNormalization(
            groups=-1, center=False, scale=False, epsilon=1e-6, dtype="float32", name="normalize"
        )  # a group per channel: each channel of each sample by itself
        return layer(floats)
    return floats
