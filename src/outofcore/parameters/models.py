"""The form of each net."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from outofcore.parameters.base import Group


class DigitCnnParameters(Group):
    """The recipe's small convolutional net.

    Attributes:
        filters: Filters of each convolution, each followed by a 2x2 max-pooling.
        kernel_size: Side of the convolution kernels in pixels.
        dense_units: Units of the hidden dense layer.
        dropout: Share of hidden units dropped while training.
    """

    filters: tuple[PositiveInt, ...]
    kernel_size: PositiveInt
    dense_units: PositiveInt
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)]


class RowMlpParameters(Group):
    """A dense net for rows of numbers.

    Attributes:
        units: Units of each hidden layer.
        activation: Activation of the hidden layers, by Keras's name.
        loss: What is made small, on standardised targets.
    """

    units: tuple[PositiveInt, ...]
    activation: str
    loss: Literal["mean_absolute_error", "mean_squared_error"]
