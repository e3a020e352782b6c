"""All parameters of each pipeline: one model per `conf/base/parameters_<pipeline>.yml`."""

from pydantic import NonNegativeInt

from outofcore.parameters.base import Group
from outofcore.parameters.data import (
    DataParameters,
    ImageParameters,
    ImageValidateParameters,
    PartitionParameters,
    ScanParameters,
)
from outofcore.parameters.models import DigitCnnParameters, RowMlpParameters
from outofcore.parameters.prediction import PredictParameters, PredictRowsParameters
from outofcore.parameters.reporting import ReportParameters
from outofcore.parameters.rows import (
    RowDataParameters,
    RowLoaderParameters,
    RowPartitionParameters,
    RowScanParameters,
)
from outofcore.parameters.tracking import RegistryParameters
from outofcore.parameters.training import LoaderParameters, TrainingParameters
from outofcore.parameters.transfer import (
    AugmentationParameters,
    FeaturesParameters,
    FineTuneParameters,
    PretrainingParameters,
    ShapesDataParameters,
    Vgg16Parameters,
)
from outofcore.parameters.volumes import VolumesParameters


class MnistParameters(Group):
    """All of `conf/base/parameters_mnist.yml`, below its top key.

    Attributes:
        seed: Root of every random draw: sample, split, order, initial weights, dropout.
        data: Where the raw data comes from.
        scan: How file names and labels become an index.
        validation: How files are looked at before training.
        partition: How samples are split.
        image: The form in which images reach the model.
        loader: How batches are read.
        model: The net.
        training: How it is trained.
        predict: How it is used on new data.
        report: What the report shows, and whether it is opened.
        registry: Under which name it is registered in MLflow.
    """

    seed: NonNegativeInt
    data: DataParameters
    scan: ScanParameters
    validation: ImageValidateParameters
    partition: PartitionParameters
    image: ImageParameters
    loader: LoaderParameters
    model: DigitCnnParameters
    training: TrainingParameters
    predict: PredictParameters
    report: ReportParameters
    registry: RegistryParameters


class CsvRegressionParameters(Group):
    """All of `conf/base/parameters_csv_regression.yml`, below its top key.

    Attributes:
        seed: Root of every random draw: split, order, initial weights.
        data: Where the rows come from.
        scan: What the columns of the file are, and what is done about bad rows.
        partition: How rows are split.
        loader: How batches are read.
        model: The net.
        training: How it is trained.
        predict: How it is used on new rows.
        report: What the report shows, and whether it is opened.
        registry: Under which name it is registered in MLflow.
    """

    seed: NonNegativeInt
    data: RowDataParameters
    scan: RowScanParameters
    partition: RowPartitionParameters
    loader: RowLoaderParameters
    model: RowMlpParameters
    training: TrainingParameters
    predict: PredictRowsParameters
    report: ReportParameters
    registry: RegistryParameters


class Vgg16TransferParameters(Group):
    """All of `conf/base/parameters_vgg16_transfer.yml`, below its top key.

    Attributes:
        seed: Root of every random draw: sample, split, order, initial weights, dropout, augmentation.
        data: Where the raw data comes from.
        scan: How file names and labels become an index.
        validation: How files are looked at before training.
        partition: How samples are split.
        image: The form in which images reach the model.
        augmentation: How training images are changed.
        loader: How batches are read.
        model: The net, and where its base's weights come from.
        pretraining: How a base of this project's own is trained.
        features: How the frozen base is run while the head is trained.
        training: How the head is trained, and in all but rate and epochs the second stage.
        fine_tune: How the base is tuned afterwards.
        predict: How the net is used on new data.
        report: What the report shows, and whether it is opened.
        registry: Under which name it is registered in MLflow.
    """

    seed: NonNegativeInt
    data: ShapesDataParameters
    scan: ScanParameters
    validation: ImageValidateParameters
    partition: PartitionParameters
    image: ImageParameters
    augmentation: AugmentationParameters
    loader: LoaderParameters
    model: Vgg16Parameters
    pretraining: PretrainingParameters
    features: FeaturesParameters
    training: TrainingParameters
    fine_tune: FineTuneParameters
    predict: PredictParameters
    report: ReportParameters
    registry: RegistryParameters


NAMESPACES: dict[str, type[Group]] = {
    "mnist": MnistParameters,
    "csv_regression": CsvRegressionParameters,
    "volumes": VolumesParameters,
    "vgg16_transfer": Vgg16TransferParameters,
}
"""The model of each top-level key that parameter files may have."""

EXECUTION_ONLY = frozenset(
    {
        "data.download.url",
        "data.download.timeout_seconds",
        "model.imagenet",
        "loader.steps_per_call",
        "loader.mode",  # the digest of the data covers the order that comes of these two
        "loader.shuffle_within",
        "loader.packed",
        "loader.workers",
        "loader.use_multiprocessing",
        "loader.timeout_seconds",
        "predict.bad_samples",
        "predict.part_samples",
        "report",
        "registry",
        "training.checkpoint",
        "training.resume",
        "training.log_every_steps",
        "validation",
    }
)
"""Parameters below a namespace that change how a run is carried out, never its results."""
