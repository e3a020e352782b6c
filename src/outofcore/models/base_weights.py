"""Weights of a convolutional base from a file, whoever wrote it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from outofcore.errors import DataError

if TYPE_CHECKING:
    import keras


def load_base_weights(base: "keras.Model", file: str) -> None:
    """Put the weights of a file into a base.

    Args:
        base: A model of convolutions.
        file: A `.keras` file, of which the first convolutions are taken, in order; a `.weights.h5` file of
            such a base; or an `.h5` file of the older form, such as Keras's `notop.h5`.

    Raises:
        DataError: The file is missing, or holds no weights of this form.
    """
    from outofcore.saved_model import load_model

    path = Path(file)
    if path.suffix == ".keras":
        _copy(list(_convolutions(load_model(path))), base, path)
        return
    try:
        base.load_weights(path)
    except Exception as error:  # Keras and h5py raise of all kinds for a file that is not what it should be
        found = " ".join(str(error).split())[:160] or type(error).__name__
        raise _other(path, base, found) from error


def _copy(found: list[Any], base: "keras.Model", path: Path) -> None:
    wanted = list(_convolutions(base))
    shapes = [[tuple(part.shape) for part in layer.weights] for layer in (*found, *wanted)]
    if len(found) < len(wanted) or shapes[: len(wanted)] != shapes[len(found) :]:
        text = f"{len(found)} convolutions" + (f", the first of {shapes[0][0]}" if found else "")
        raise _other(path, base, text)
    for target, origin in zip(wanted, found, strict=False):
        target.set_weights(origin.get_weights())


def _convolutions(model: "keras.Model") -> Iterator[Any]:
    """All convolutions in order, those of nested models too."""
    from outofcore.backend import keras

    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _convolutions(layer)
        elif isinstance(layer, keras.layers.Conv2D):
            yield layer


def _other(path: Path, base: "keras.Model", found: str) -> DataError:
    wanted = list(_convolutions(base))
    return DataError(
        f"{path}: expected weights of {len(wanted)} convolutions from {tuple(wanted[0].kernel.shape)} to "
        f"{tuple(wanted[-1].kernel.shape)}, found {found}. Set model.width to that of the file, or "
        "correct model.weights."
    )
