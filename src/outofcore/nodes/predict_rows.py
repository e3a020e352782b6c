"""Predict the rows of any CSV with a trained regression."""

import logging
from typing import Any

from outofcore.errors import DataError
from outofcore.nodes.predict import check_model_is_there, predict_table
from outofcore.parameters.prediction import PredictRowsParameters
from outofcore.parameters.rows import RowScanParameters
from outofcore.parameters.training import TrainingParameters
from outofcore.types import File, Folder, Model, ModelFile

log = logging.getLogger(__name__)

ROWS_PER_CALL = 16_384
"""Rows that the model takes at once; it changes the last bits of predictions."""


def predict_rows(
    table: File,
    model: ModelFile,
    folder: Folder,
    scan: RowScanParameters,
    training: TrainingParameters,
    predict: PredictRowsParameters,
) -> tuple[File, File, dict[str, Any]]:
    """Predict all rows of a CSV, in one pass over it; it needs the columns of features alone.

    Args:
        table: The CSV, plain or gzip.
        model: The trained model.
        folder: Where the table is written in parts.
        scan: Features, targets, and how the file is written.
        training: Threads, precision, and the time between two saves.
        predict: What is done about bad rows.

    Returns:
        As `outofcore.nodes.predict.predict_source`; the columns are `row`, its number in the file from 1
        (int64), and `predicted_<target>` of each target (float32) in the user's units, and the
        summary has `source` too.

    Raises:
        DataError: A row cannot be read, there are none, or the model does not fit the columns.
    """
    from outofcore.sources.base import Field
    from outofcore.sources.row_file import BLOCK_BYTES, opened
    from outofcore.sources.row_format import read_format

    check_model_is_there(model)
    form = read_format(
        table.path, scan.features, (), delimiter=scan.delimiter, decimal_comma=scan.decimal_comma,
        header=scan.header, columns=scan.columns, group=None, skip_bad=False,
    )  # fmt: skip
    log.info("Predicting the rows of %s", table.path)
    with opened(table.path, form.compressed) as file:

        def work(parts: Any, net: Model) -> float:
            from outofcore.training.row_prediction import predict_rows_into

            return predict_rows_into(
                parts,
                file,
                form,
                net,
                lambda outputs: target_columns(outputs, scan.targets),
                rows_per_call=ROWS_PER_CALL,
                part_rows=predict.part_samples,
                every_seconds=training.checkpoint.every_seconds,
                skip_bad=predict.bad_samples == "skip",
            )

        about = {
            "table": [str(table.path), file.size, file.mtime_ns],
            "form": form.to_json(),
            "targets": list(scan.targets),
            "batches": [BLOCK_BYTES, ROWS_PER_CALL],
        }
        predictions, bad, summary = predict_table(
            folder.path, None, about, Field((len(form.features),), "float32"), model,
            lambda net: check_columns(net, model, scan), work, training, predict,
        )  # fmt: skip
    return predictions, bad, {"source": str(table.path), **summary}


def target_columns(outputs: Any, targets: tuple[str, ...]) -> dict[str, Any]:
    """Name the predictions of each target, float32, shape `(rows,)`."""
    named = outputs if isinstance(outputs, dict) else {targets[0]: outputs}
    return {f"predicted_{name}": named[name][:, 0].astype("float32") for name in targets}


def check_columns(net: Model, model: ModelFile, scan: RowScanParameters) -> None:
    """Refuse a model that was trained on other columns.

    A model that was not saved here may know neither its features nor the name of a single target.

    Raises:
        DataError: It was, or it gives more than one number for a target.
    """
    from outofcore.saved_model import columns_of

    known, targets = columns_of(net), scan.targets
    if known is not None and known.features != scan.features:
        raise DataError(
            f"{model.origin}: expected a model of the features {', '.join(scan.features)}, in this order "
            f"(scan.features), found one that was trained on {', '.join(known.features)}. Set scan.features to the "
            "model's, or give predict.model another."
        )
    shapes = net.compute_output_shape((None, *net.input_shape[1:]))  # by name, as the outputs are
    single = known.targets[0] if known is not None else targets[0] if len(targets) == 1 else "one target"
    named = shapes if isinstance(shapes, dict) else {single: shapes}
    if sorted(named) != sorted(targets) or any(len(shape) != 2 or shape[1] != 1 for shape in named.values()):
        found = " and ".join(f"{name} {tuple(shape[1:])}" for name, shape in named.items())
        raise DataError(
            f"{model.origin}: expected a model that predicts one number each for {', '.join(targets)} (scan.targets), "
            f"found one that predicts {found}. Give predict.model the model that was trained with these targets."
        )
