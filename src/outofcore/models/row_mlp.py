"""A dense net for rows of numbers, with the scales of the data inside.

Columns of raw numbers have any magnitude, and a net learns on none but a standardised one. So the
first layer standardises the features, and the last brings each target back to the user's units, by
the mean and standard deviation of the training split. The loss of a target is weighted by the inverse
of its standard deviation (squared for a squared loss), which is exactly the loss on standardised
targets: `|y - f| / s = |(y - m) / s - (f - m) / s|`. So the model is plain Keras, takes and gives the
user's units, and its metrics are in them.
"""

from typing import Any

from outofcore.models.compiling import make_optimizer
from outofcore.parameters.models import RowMlpParameters
from outofcore.parameters.rows import RowScanParameters
from outofcore.parameters.training import TrainingParameters
from outofcore.saved_model import ColumnNames, set_columns
from outofcore.types import Model


def build_row_mlp(
    model: RowMlpParameters,
    scan: RowScanParameters,
    statistics: dict[str, Any],
    training: TrainingParameters,
    seed: int,
) -> Model:
    """Build and compile the net.

    Args:
        model: Form of the net.
        scan: Which columns are features and which are targets.
        statistics: `mean` and `std` of each of these columns over the training split.
        training: Optimizer and precision.
        seed: Root of the initial weights.

    Returns:
        A compiled Keras model from float32 rows, shape `(batch, features)`, to the target, shape
        `(batch, 1)`, or to such an array for each target by name. It knows its columns.
    """
    from outofcore.training.runtime import start_keras

    keras = start_keras(training.threads, training.precision, seed)
    features = [statistics[name] for name in scan.features]
    targets = {name: statistics[name] for name in scan.targets}
    inputs = keras.Input((len(features),), name="features")
    x = keras.layers.Normalization(
        mean=[column["mean"] for column in features],
        variance=[_scale(column) ** 2 for column in features],
        name="standardise",
    )(inputs)
    for number, units in enumerate(model.units, start=1):
        x = keras.layers.Dense(units, activation=model.activation, name=f"dense_{number}")(x)
    outputs = {}
    for number, (name, column) in enumerate(targets.items(), start=1):
        raw = keras.layers.Dense(1, name=f"standardised_{number}")(x)
        layer = keras.layers.Rescaling(_scale(column), column["mean"], dtype="float32", name=f"target_{number}")
        outputs[name] = layer(raw)
    single = next(iter(outputs.values())) if len(outputs) == 1 else None
    net = keras.Model(inputs, outputs if single is None else single, name="row_mlp")
    power = 2 if model.loss == "mean_squared_error" else 1
    weights = {name: _scale(column) ** -power / len(targets) for name, column in targets.items()}
    metrics = [keras.metrics.MeanAbsoluteError(name="mae"), keras.metrics.MeanSquaredError(name="mse")]
    net.compile(
        optimizer=make_optimizer(training.optimizer),
        loss=model.loss if single is not None else dict.fromkeys(targets, model.loss),
        loss_weights=list(weights.values()) if single is not None else weights,
        metrics=metrics if single is not None else {name: ["mae", "mse"] for name in targets},
        jit_compile=False,  # XLA is the training step's business, see outofcore.training.steps
    )
    set_columns(net, ColumnNames(scan.features, scan.targets))
    return net


def _scale(column: dict[str, float]) -> float:
    """A column's standard deviation; 1 for a constant one, which has no scale of its own."""
    return column["std"] or 1.0
