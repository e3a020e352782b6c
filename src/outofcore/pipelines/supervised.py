"""The parts that every supervised pipeline is made of.

A pipeline is `prepare + fit_stage + assess` in a namespace of its own. It brings the functions that
acquire its sample, describe its loaders and build its model; all else is shared.
"""

from collections.abc import Callable, Sequence
from typing import Any

from kedro.pipeline import Node, Pipeline

from outofcore.nodes.evaluate import evaluate_classifier
from outofcore.nodes.evaluate_rows import evaluate_regression
from outofcore.nodes.label_map import make_label_map
from outofcore.nodes.pack import pack
from outofcore.nodes.partition import partition
from outofcore.nodes.report import CLASSIFIER_FIGURES, report_classifier
from outofcore.nodes.report_rows import REGRESSION_FIGURES, report_regression
from outofcore.nodes.scan import scan
from outofcore.nodes.summarize import summarize, summarize_regression
from outofcore.nodes.train import train

Function = Callable[..., Any]


def prepare(
    acquire: Function,
    validate: Function,
    load: Function,
    form: str,
    raw: Sequence[str] = (),
    files: str = "images",
    load_with: Sequence[str] = (),
    divide: Function = partition,
    divide_with: Sequence[str] = (),
) -> Pipeline:
    """Nodes from raw files to loaders.

    Args:
        acquire: Makes the raw data be there.
        validate: Looks at every file.
        load: Describes the loaders of the three splits.
        form: The parameter group with the form of a sample, such as `image`.
        raw: Further datasets that `acquire` takes after all others, such as a downloaded archive.
        files: The folder of the samples' files.
        load_with: Further inputs of `load`.
        divide: Assigns samples to splits.
        divide_with: Further inputs of `divide`.
    """
    loaders = ["train_loader", "validation_loader", "test_loader"]
    load_inputs = [files, "partition@file", "params:scan", f"params:{form}", "params:loader", "params:training"]
    return Pipeline(
        [
            Node(acquire, [files, "labels", "params:data", "params:seed", *raw], "acquired", name="acquire"),
            Node(scan, ["acquired", files, "labels", "params:scan"], "index", name="scan"),
            Node(
                validate,
                [
                    "index",
                    "acquired",
                    files,
                    "validation_record",
                    "params:scan",
                    f"params:{form}",
                    "params:validation",
                ],
                ["valid_index", "validation_report", "validation_summary"],
                name="validate",
            ),
            Node(make_label_map, "valid_index", "label_map", name="label_map"),
            Node(
                divide,
                ["valid_index", "label_map", "params:partition", "params:seed", *divide_with],
                ["partition@pandas", "data_summary"],
                name="partition",
            ),
            Node(load, [*load_inputs, "params:seed", *load_with], "file_loaders", name="load"),
            Node(pack, ["file_loaders", "packs", "data_summary", "params:loader"], loaders, name="pack"),
        ],
        tags="prepare",
    )


def fit_stage(build: Function, inputs: Sequence[str]) -> Pipeline:
    """Nodes from loaders to a trained model.

    Args:
        build: Builds and compiles the model.
        inputs: The datasets and parameters that `build` takes.
    """
    return Pipeline(
        [
            Node(build, list(inputs), "initial_model@keras", name="build_model"),
            Node(
                train,
                [
                    "initial_model@file",
                    "train_loader",
                    "validation_loader",
                    "training_folder",
                    "data_summary",
                    "params:loader",
                    "params:training",
                    "params:seed",
                ],
                ["model@keras", "last_model", "history", "training_trace", "training_summary"],
                name="train",
            ),
        ],
        tags="train",
    )


def assess_regression() -> Pipeline:
    """Nodes from a trained regression to figures of its quality and the report of the run."""
    return Pipeline(
        [
            Node(
                evaluate_regression,
                ["model@file", "test_loader", "params:training", "params:seed"],
                ["metrics", "test_predictions", "worst_rows"],
                name="evaluate",
            ),
            Node(summarize_regression, ["metrics", "training_summary", "data_summary"], "summary", name="summarize"),
            Node(
                report_regression,
                [
                    "training_trace",
                    "training_summary",
                    "metrics",
                    "test_predictions",
                    "worst_rows",
                    "data_summary",
                    "statistics",
                    "model@file",
                    "run_information",
                    "params:scan",
                ],
                ["report", *REGRESSION_FIGURES],
                name="report",
            ),
        ],
        tags="assess",
    )


def assess(extra_sections: Sequence[str] = ()) -> Pipeline:
    """Nodes from a trained classifier to figures of its quality and the report of the run.

    Args:
        extra_sections: The dataset with sections of the pipeline's own for the report, if there is one.
    """
    return Pipeline(
        [
            Node(
                evaluate_classifier,
                ["model@file", "test_loader", "label_map", "params:training"],
                ["metrics", "test_predictions"],
                name="evaluate",
            ),
            Node(summarize, ["metrics", "training_summary", "data_summary"], "summary", name="summarize"),
            Node(
                report_classifier,
                [
                    "training_trace",
                    "training_summary",
                    "metrics",
                    "test_predictions",
                    "data_summary",
                    "label_map",
                    "validation_summary",
                    "validation_report",
                    "train_loader",
                    "test_loader",
                    "model@file",
                    "run_information",
                    "params:report",
                    *extra_sections,
                ],
                ["report", *CLASSIFIER_FIGURES],
                name="report",
            ),
        ],
        tags="assess",
    )


def predict(function: Function, data: str, form: Sequence[str]) -> Pipeline:
    """The node from new data and a trained model to a table of predictions.

    Args:
        function: Predicts all samples of a source.
        data: Catalog entry of the new data.
        form: Parameter groups with the form of a sample.
    """
    inputs = [data, "predict_model", "predict_label_map", "prediction_folder", *form]
    return Pipeline(
        [
            Node(
                function,
                [*inputs, "params:loader", "params:training", "params:predict"],
                ["predictions@file", "bad_predictions@file", "prediction_summary"],
                name="predict",
            )
        ],
        tags="predict",
    )
