"""The rows recipe: one CSV that is larger than memory, a small dense net."""

from kedro.pipeline import Node, Pipeline

from outofcore.models.row_mlp import build_row_mlp
from outofcore.nodes.predict_rows import predict_rows
from outofcore.pipelines.rows import prepare_rows
from outofcore.pipelines.supervised import assess_regression, fit_stage


def create_pipeline() -> Pipeline:
    """Make the `csv_regression` pipeline."""
    parts = (
        prepare_rows()
        + fit_stage(build_row_mlp, ["params:model", "params:scan", "statistics", "params:training", "params:seed"])
        + assess_regression()
    )
    return Pipeline(parts, namespace="csv_regression")


def create_prediction() -> Pipeline:
    """Make the `csv_regression.predict` pipeline."""
    inputs = ["predict_table", "predict_model", "prediction_folder", "params:scan", "params:training", "params:predict"]
    outputs = ["predictions@file", "bad_predictions@file", "prediction_summary"]
    return Pipeline([Node(predict_rows, inputs, outputs, name="predict")], namespace="csv_regression", tags="predict")
