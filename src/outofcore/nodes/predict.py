"""Predict all samples of a source with a trained model, into a table."""

import contextlib
import functools
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from outofcore.errors import DataError
from outofcore.nodes.prediction_log import say_where_it_stands, say_why_anew
from outofcore.parameters.prediction import PredictionParameters
from outofcore.parameters.training import TrainingParameters
from outofcore.types import File, LoaderSettings, Model, ModelFile

VERSION = 1
"""Raised when the same samples and model give another table."""

FORMS = {
    "image": "image.height, image.width and image.channels",
    "volume": "volume.shape (or volume.patch), volume.channels and volume.dtype",
    "form": "scan.features",
}
"""Parameters that decide on the form of samples, by the name under which they stand among that on which rows depend."""


def classify_source(
    source: Any,
    x: str,
    about: dict[str, Any],
    model: ModelFile,
    label_map: dict[str, int],
    folder: Path,
    loader: LoaderSettings,
    training: TrainingParameters,
    predict: PredictionParameters,
) -> tuple[File, File, dict[str, Any]]:
    """Predict the classes of all samples of a source.

    Args:
        source: An `outofcore.sources.base.Source`.
        x: Its field that is the model's input.
        about: All on which the samples depend, as JSON values; with other ones it starts over.
        model: The trained classifier.
        label_map: Code of each label.
        folder: Where the table is written in parts.
        loader: How batches are read.
        training: Threads, precision, and the time between two saves.
        predict: What is done about bad samples.

    Returns:
        As `predict_source`. The columns are `predicted` and `probability_<label>` of every class
        (float32); the summary has `classes` too, the number of samples by label.

    Raises:
        DataError: A sample cannot be read, or the model does not fit the samples or the labels.
    """
    from outofcore.training.class_columns import class_columns

    labels = sorted(label_map, key=label_map.__getitem__)
    table, bad, summary = predict_source(
        source,
        x,
        {**about, "labels": labels},
        model,
        functools.partial(check_classes, model=model, labels=labels),
        functools.partial(class_columns, labels=labels),
        folder,
        loader,
        training,
        predict,
    )
    return table, bad, {**summary, "classes": _class_counts(table.path, labels)}


def predict_source(
    source: Any,
    x: str,
    about: dict[str, Any],
    model: ModelFile,
    check: Callable[[Model], None],
    columns: Callable[[Any], dict[str, Any]],
    folder: Path,
    loader: LoaderSettings,
    training: TrainingParameters,
    predict: PredictionParameters,
) -> tuple[File, File, dict[str, Any]]:
    """Predict all samples of a source, going on where an earlier run was.

    Args:
        source: An `outofcore.sources.base.Source`.
        x: Its field that is the model's input.
        about: All on which the samples and columns depend, as JSON values; with other ones it starts over.
        model: The trained model.
        check: Refuses a model whose outputs are not what `columns` takes.
        columns: Turns the model's outputs into columns of the table, by name.
        folder: Where the table is written in parts.
        loader: How batches are read.
        training: Threads, precision, and the time between two saves.
        predict: What is done about bad samples.

    Returns:
        The table, a row per sample in the source's order, with `sample_id` and the columns; the table
        of bad samples, with `sample_id` and `problem`; and a summary: `model`, `samples`,
        `bad_samples`, and `samples_per_second`, null where all was done before.

    Raises:
        DataError: A sample cannot be read, or the model does not fit the samples.
    """

    def work(parts: Any, net: Model) -> float:
        from outofcore.training.sample_prediction import predict_into

        return predict_into(
            parts,
            source,
            net,
            columns,
            x=x,
            loader=loader,
            part_samples=predict.part_samples,
            every_seconds=training.checkpoint.every_seconds,
            skip_bad=predict.bad_samples == "skip",
        )

    whole = {**about, "batch_size": loader.batch_size}
    return predict_table(folder, len(source), whole, source.fields[x], model, check, work, training, predict)


def predict_table(
    folder: Path,
    total: int | None,
    about: Mapping[str, Any],
    field: Any,
    model: ModelFile,
    check: Callable[[Model], None],
    work: Callable[[Any, Model], float],
    training: TrainingParameters,
    predict: PredictionParameters,
) -> tuple[File, File, dict[str, Any]]:
    """Write a table of predictions in parts, going on where an earlier run was.

    Args:
        folder: Where the table is written in parts.
        total: Rows that there are to be, or `None` where that shows at the end.
        about: All on which the rows depend beside the model, as JSON values.
        field: The `outofcore.sources.base.Field` that is the model's input.
        model: The trained model.
        check: Refuses a model whose outputs do not fit.
        work: Predicts what an `outofcore.table_parts.TableParts` does not hold yet; samples per second.
        training: Threads and precision.
        predict: What is done about bad samples.

    Returns:
        As `predict_source`.

    Raises:
        DataError: A sample cannot be read, or the model does not fit the samples.
    """
    import pyarrow.parquet as pq

    from outofcore.table_parts import TableParts

    execution = {"threads": training.threads, "precision": training.precision}
    identity = {**about, **execution, "model": _digest(model.path), "version": VERSION}
    rate = None
    with contextlib.closing(TableParts(folder, identity, total)) as parts:
        say_where_it_stands(parts)
        if predict.bad_samples == "stop" and (problem := next(parts.bad(), None)):
            raise DataError(f"{problem[1]} Or set predict.bad_samples=skip, as it was before.")
        if not parts.finished and parts.done != total:
            form = next((text for name, text in FORMS.items() if name in about), "the form of the samples")
            net = _open(model, identity["model"], field, form, training)
            check(net)
            say_why_anew(parts)
            parts.begin()  # a model that does not fit costs nothing of what stands here
            rate = work(parts, net)
        parts.finish(predict.part_samples)
        samples, bad = (pq.read_metadata(path).num_rows for path in (parts.table, parts.problems))
    summary = {"model": model.origin, "samples": samples, "bad_samples": bad, "samples_per_second": rate}
    return File(parts.table), File(parts.problems), summary


def check_model_is_there(model: ModelFile) -> None:
    """Refuse to begin without a model.

    Raises:
        DataError: There is none.
    """
    if not model.path.is_file():
        raise DataError(
            f"{model.path}: expected a trained model, found no such file. "
            "Train one first, or give predict.model a .keras file or a model in MLflow."
        )


def label_map_of(model: ModelFile, labels: File) -> dict[str, int]:
    """Give the label map that a model brings, or else that of the last training.

    Raises:
        DataError: There is neither.
    """
    if model.label_map is not None:
        return model.label_map
    try:
        label_map: dict[str, int] = json.loads(labels.path.read_bytes())
    except FileNotFoundError:
        raise DataError(
            f"{labels.path}: expected the label map of the model, found no such file. "
            "Train here first, or take a model from MLflow, which brings its own."
        ) from None
    return label_map


def check_classes(net: Model, model: ModelFile, labels: list[str]) -> None:
    """Refuse a model that gives another number of classes than there are labels.

    Raises:
        DataError: It does, or it is no classifier.
    """
    outputs = net.output_shape
    classes = max(2, outputs[-1]) if isinstance(outputs, tuple) and len(outputs) == 2 else None
    if classes != len(labels):
        some = ", ".join(labels[:5]) + (", ..." if len(labels) > 5 else "")
        found = f"one of {classes}" if classes else "no classifier"
        raise DataError(
            f"{model.origin}: expected a model of {len(labels)} classes ({some}), found {found}. "
            "Give predict.model the model that was trained with these labels."
        )


def _open(model: ModelFile, expected: str, field: Any, form: str, training: TrainingParameters) -> Model:
    """Load a model and check that it takes the samples."""
    from outofcore.saved_model import load_model
    from outofcore.training.runtime import start_keras

    start_keras(training.threads, training.precision)
    net = load_model(model.path)
    if _digest(model.path) != expected:
        raise DataError(
            f"{model.path}: expected it to stay while it is read, found it changed. "
            "Run again when its training has ended."
        )
    inputs = [(tuple(part.shape[1:]), part.dtype) for part in net.inputs]
    if len(inputs) != 1 or inputs[0][1] != field.dtype or not _fits(inputs[0][0], field.shape):
        found = " and ".join(f"{shape} of {dtype}" for shape, dtype in inputs)
        raise DataError(
            f"{model.origin}: expected a model that takes {field.shape} of {field.dtype}, the form of the samples, "
            f"found one that takes {found}. Give predict.model another, or set {form} to the model's."
        )
    return net


def _fits(shape: tuple[int | None, ...], wanted: tuple[int, ...]) -> bool:
    return len(shape) == len(wanted) and all(a in (None, b) for a, b in zip(shape, wanted, strict=True))


def _class_counts(table: Path, labels: list[str]) -> dict[str, int]:
    """Count the samples of each class, a row group at a time."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    counts: Counter[str] = Counter()
    with pq.ParquetFile(table) as file:
        for batch in file.iter_batches(columns=["predicted"]):
            counts.update({str(pair["values"]): pair["counts"].as_py() for pair in pc.value_counts(batch[0])})
    return {label: counts[label] for label in labels}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
