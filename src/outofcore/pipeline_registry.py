"""The pipelines of the project, by name."""

from kedro.pipeline import Pipeline

from outofcore.pipelines.csv_regression.pipeline import create_pipeline as create_csv_regression
from outofcore.pipelines.csv_regression.pipeline import create_prediction as create_csv_prediction
from outofcore.pipelines.mnist.pipeline import create_pipeline as create_mnist
from outofcore.pipelines.mnist.pipeline import create_prediction as create_mnist_prediction
from outofcore.pipelines.vgg16_transfer.pipeline import create_pipeline as create_vgg16_transfer
from outofcore.pipelines.vgg16_transfer.pipeline import create_prediction as create_vgg16_prediction
from outofcore.pipelines.volumes.pipeline import create_pipeline as create_volumes
from outofcore.pipelines.volumes.pipeline import create_prediction as create_volumes_prediction


def register_pipelines() -> dict[str, Pipeline]:
    """Return all pipelines; `kedro run` without a name runs `__default__`."""
    mnist = create_mnist()
    return {
        "mnist": mnist,
        "mnist.predict": create_mnist_prediction(),
        "csv_regression": create_csv_regression(),
        "csv_regression.predict": create_csv_prediction(),
        "volumes": create_volumes(),
        "volumes.predict": create_volumes_prediction(),
        "vgg16_transfer": create_vgg16_transfer(),
        "vgg16_transfer.predict": create_vgg16_prediction(),
        "__default__": mnist,
    }
