"""The ID recipe: one array per file, splits and labels by ID, a small 3-D convolutional net."""

from kedro.pipeline import Node, Pipeline

from outofcore.models.volume_cnn import build_volume_cnn
from outofcore.nodes.given_partition import partition_as_given
from outofcore.nodes.predict_volumes import predict_volumes
from outofcore.nodes.statistics import gather_statistics
from outofcore.nodes.volumes import acquire_volumes, load_volumes, validate_volumes
from outofcore.pipelines.supervised import assess, fit_stage, predict, prepare


def create_pipeline() -> Pipeline:
    """Make the `volumes` pipeline."""
    statistics = Node(
        gather_statistics,
        ["file_loaders", "statistics_record", "data_summary", "params:volume", "params:loader"],
        "statistics",
        name="statistics",
        tags="prepare",
    )
    build_inputs = ["params:model", "params:volume", "params:training", "label_map", "params:seed", "statistics"]
    parts = (
        prepare(
            acquire_volumes,
            validate_volumes,
            load_volumes,
            "volume",
            files="volumes",
            load_with=["params:augmentation"],
            divide=partition_as_given,
            divide_with=["given_partition", "validation_report"],
        )
        + Pipeline([statistics])
        + fit_stage(build_volume_cnn, build_inputs)
        + assess()
    )
    return Pipeline(parts, namespace="volumes")


def create_prediction() -> Pipeline:
    """Make the `volumes.predict` pipeline."""
    form = ["params:scan", "params:volume"]
    return Pipeline(predict(predict_volumes, "predict_volumes", form), namespace="volumes")
