"""Where a classifier looks: class activation maps by gradients.

Grad-CAM: R. R. Selvaraju et al., "Grad-CAM: visual explanations from deep networks via gradient-based
localization", ICCV 2017.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from outofcore.backend import keras, tf
from outofcore.training.features import split_at


def grad_cam(
    model: "keras.Model", images: NDArray[np.uint8], layer: str, codes: NDArray[np.int64] | None = None
) -> NDArray[np.float32]:
    """Show for each image which places speak for a class.

    The maps of a layer are weighed by the mean gradient of the class's score, before the softmax or the
    sigmoid, with respect to them; what speaks against the class counts as nothing.

    Args:
        model: A classifier whose layers from `layer` on form a chain that ends in a dense layer.
        images: Its input, shape `(count, height, width, channels)`.
        layer: Name of a convolution, such as `block5_conv3`.
        codes: Class of each image, shape `(count,)`; by default the one that is predicted.

    Returns:
        Maps from 0 to 1, the largest value of each image being 1 unless nothing speaks for the class,
        float32, shape `(count, height, width)`.
    """
    first, rest = split_at(model, layer)
    *between, last = rest.layers[1:]
    maps = tf.convert_to_tensor(first(images, training=False))
    with tf.GradientTape() as tape:
        tape.watch(maps)
        x = maps
        for following in between:
            x = following(x, training=False)
        scores = _of_each_class(keras.ops.matmul(keras.ops.cast(x, "float32"), last.kernel) + last.bias)
        chosen = keras.ops.argmax(scores, axis=1) if codes is None else codes
        total = keras.ops.sum(keras.ops.take_along_axis(scores, keras.ops.reshape(chosen, (-1, 1)), axis=1))
    weights = keras.ops.mean(tape.gradient(total, maps), axis=(1, 2), keepdims=True)
    heat = np.maximum(np.asarray(keras.ops.sum(weights * maps, axis=-1), np.float32), 0.0)
    size = (images.shape[2], images.shape[1])
    enlarged = np.stack([cv2.resize(each, size, interpolation=cv2.INTER_LINEAR) for each in heat])
    peaks = enlarged.max(axis=(1, 2), keepdims=True)
    return np.asarray(np.divide(enlarged, peaks, out=np.zeros_like(enlarged), where=peaks > 0), np.float32)


def _of_each_class(scores: Any) -> Any:
    """A single score speaks for the second class and against the first."""
    return keras.ops.concatenate([-scores, scores], axis=1) if scores.shape[1] == 1 else scores
