"""Predict any folder with a trained model, into a table."""

import contextlib
import functools
import hashlib
import json
import logging
from collections import Counter
from pathlib import Path
from typing import Any

from outofcore.errors import ConfigurationError, DataError
from outofcore.parameters.data import ImageParameters, ScanParameters, ValidateParameters
from outofcore.parameters.prediction import PredictParameters
from outofcore.parameters.training import LoaderParameters, TrainingParameters
from outofcore.types import File, Folder, Model, ModelFile, Table

log = logging.getLogger(__name__)

VERSION = 1
"""Raised when the same samples and model give another table."""


def predict_images(
    images: Folder,
    model: ModelFile,
    labels: File,
    folder: Folder,
    scan: ScanParameters,
    validation: ValidateParameters,
    image: ImageParameters,
    loader: LoaderParameters,
    training: TrainingParameters,
    predict: PredictParameters,
) -> tuple[File, File, dict[str, Any]]:
    """Predict all images below a folder; none needs a label.

    Args:
        images: Folder of the images, nested or not.
        model: The trained model.
        labels: The label map of the last training, for a model without one of its own.
        folder: Where the table is written in parts.
        scan: Endings of image files, and how a file is named after its sample ID.
        validation: The smallest image that is taken.
        image: Form of the images.
        loader: How batches are read.
        training: Threads, precision, and the time between two saves.
        predict: What is done about bad samples.

    Returns:
        See `predict_source`.

    Raises:
        DataError: There are no images, one cannot be read, or the model does not fit them.
    """
    check_model_is_there(model)
    source, about = open_images(images, scan, image, validation.smallest_side)
    codes = label_map_of(model, labels)
    table, bad, summary = predict_source(source, "image", about, model, codes, folder.path, loader, training, predict)
    return table, bad, {"source": str(images.path), **summary}


def open_images(
    images: Folder, scan: ScanParameters, image: ImageParameters, smallest_side: int
) -> tuple[Any, dict[str, Any]]:
    """Open all images below a folder.

    Args:
        images: The folder.
        scan: Endings of image files, and how a file is named after its sample ID.
        image: Form of the images.
        smallest_side: Pixels below which a side is too short.

    Returns:
        A source with the field `image`, sorted by file name, and all that it depends on.

    Raises:
        DataError: There are no images.
    """
    from outofcore.sources.checked_image_files import CheckedImageFiles
    from outofcore.sources.image_decoding import ImageForm
    from outofcore.sources.listing import list_files

    files = list_files(images.path, scan.extensions)
    if not len(files):
        raise DataError(
            f"{images.path}: expected files ending in {', '.join(scan.extensions)}, found none. "
            "Correct predict.images, the filepath of predict_images in the catalog, or scan.extensions."
        )
    names, pattern = sample_names(files["name"], scan.file_pattern)
    listed = hashlib.blake2b(digest_size=16)
    for column in (names.blob, names.offsets, files["size"].to_numpy(), files["mtime_ns"].to_numpy()):
        listed.update(column)
    about = {
        "images": [str(images.path), pattern, listed.hexdigest()],
        "image": image.model_dump(),
        "smallest_side": smallest_side,
    }
    form = ImageForm(**image.model_dump())
    return CheckedImageFiles(str(images.path), names, pattern, form, smallest_side), about


def predict_source(
    source: Any,
    x: str,
    about: dict[str, Any],
    model: ModelFile,
    label_map: dict[str, int],
    folder: Path,
    loader: LoaderParameters,
    training: TrainingParameters,
    predict: PredictParameters,
) -> tuple[File, File, dict[str, Any]]:
    """Predict all samples of a source with a classifier, going on where an earlier run was.

    Args:
        source: An `outofcore.sources.base.Source`.
        x: Its field that is the model's input.
        about: All on which the samples depend, as JSON values; with other ones it starts over.
        model: The trained model.
        label_map: Code of each label.
        folder: Where the table is written in parts.
        loader: How batches are read.
        training: Threads, precision, and the time between two saves.
        predict: What is done about bad samples.

    Returns:
        The table, a row per sample in the source's order, with `sample_id`, `predicted`,
        `probability_<label>` of every class (float32); the table of bad samples, with `sample_id`
        and `problem`; and a summary: `model`, `samples`, `bad_samples`, `classes` (samples by label),
        and `samples_per_second`, null where all was done before.

    Raises:
        DataError: A sample cannot be read, or the model does not fit the samples or the labels.
    """
    from outofcore.table_parts import TableParts

    labels = sorted(label_map, key=label_map.__getitem__)
    execution = {"batch_size": loader.batch_size, "threads": training.threads, "precision": training.precision}
    identity = {**about, **execution, "model": _digest(model.path), "labels": labels, "version": VERSION}
    rate = None
    with contextlib.closing(TableParts(folder, identity, len(source))) as parts:
        _say_where_it_stands(parts)
        if predict.bad_samples == "stop" and (problem := next(parts.bad(), None)):
            raise DataError(f"{problem[1]} Or set predict.bad_samples=skip, as it was before.")
        if parts.done < parts.total:
            from outofcore.training.class_columns import class_columns
            from outofcore.training.table_prediction import predict_into

            net = open_classifier(model, source.fields[x], labels, training)
            if _digest(model.path) != identity["model"]:
                raise DataError(
                    f"{model.path}: expected it to stay while it is read, found it changed. Run again when its "
                    "training has ended."
                )
            rate = predict_into(
                parts,
                source,
                net,
                functools.partial(class_columns, labels=labels),
                x=x,
                loader=loader,
                part_samples=predict.part_samples,
                every_seconds=training.checkpoint.every_seconds,
                skip_bad=predict.bad_samples == "skip",
            )
        parts.finish(predict.part_samples)
        summary = _summary(parts.table, parts.problems, labels)
    return File(parts.table), File(parts.problems), {"model": model.origin, **summary, "samples_per_second": rate}


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


def sample_names(names: Any, pattern: str) -> tuple[Any, str]:
    """Give the sample IDs of files: those of the training where all files are named by its pattern.

    Args:
        names: File names below the folder, as an Arrow column.
        pattern: How an ID becomes a file name in training, such as `{id}.jpg`.

    Returns:
        The IDs as `outofcore.sources.names.Names`, and the pattern that makes file names of them.
    """
    import pyarrow.compute as pc

    from outofcore.sources.names import Names

    if pattern.count("{id}") != 1:
        raise ConfigurationError(
            f"scan.file_pattern: expected {{id}} once, as in '{{id}}.jpg', found {pattern!r}. "
            "Correct it in the parameters."
        )
    before, after = pattern.split("{id}")
    around = len(before.encode()) + len(after.encode())
    fits = pc.and_(pc.starts_with(names, before), pc.ends_with(names, after))
    if pc.all(pc.and_(fits, pc.greater(pc.binary_length(names), around))).as_py():
        ids = pc.utf8_slice_codeunits(names, len(before), -len(after) or None) if around else names
        return Names.from_arrow(ids), pattern
    log.info("Not all files are named by scan.file_pattern=%s: the file names are the sample IDs", pattern)
    return Names.from_arrow(names), "{id}"


def open_classifier(model: ModelFile, field: Any, labels: list[str], training: TrainingParameters) -> Model:
    """Load a classifier and check that it fits the samples and the labels.

    Args:
        model: The trained model.
        field: Form of the samples, an `outofcore.sources.base.Field`.
        labels: Name of each class.
        training: Threads and precision.

    Raises:
        DataError: It takes other samples, or gives another number of classes.
    """
    from outofcore.saved_model import load_model
    from outofcore.training.runtime import start_keras

    start_keras(training.threads, training.precision)
    net = load_model(model.path)
    inputs = [(tuple(part.shape[1:]), part.dtype) for part in net.inputs]
    shape, dtype = inputs[0]
    fits = len(shape) == len(field.shape) and all(
        side in (None, wanted) for side, wanted in zip(shape, field.shape, strict=True)
    )
    if len(inputs) != 1 or not fits or dtype != field.dtype:
        found = " and ".join(f"{shape} of {dtype}" for shape, dtype in inputs)
        raise DataError(
            f"{model.origin}: expected a model that takes {field.shape} of {field.dtype}, the form of the samples, "
            f"found one that takes {found}. Give predict.model another, or set the form of the samples to the model's."
        )
    outputs = net.output_shape
    classes = max(2, outputs[-1]) if isinstance(outputs, tuple) and len(outputs) == 2 else None
    if classes != len(labels):
        raise DataError(
            f"{model.origin}: expected a model of {len(labels)} classes ({', '.join(labels[:5])}"
            f"{', ...' if len(labels) > 5 else ''}), found {f'one of {classes}' if classes else 'no classifier'}. "
            "Give predict.model the model that was trained with these labels."
        )
    return net


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _say_where_it_stands(parts: Any) -> None:
    if parts.differences:
        log.info("Predicting from the start, for these are not as before: %s", ", ".join(parts.differences))
    elif parts.finished:
        log.info("Nothing has changed since the last prediction: its table stands")
    elif parts.done:
        log.info("Going on after %d of %d samples", parts.done, parts.total)


def _summary(table: Path, problems: Path, labels: list[str]) -> dict[str, Any]:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    counts: Counter[str] = Counter()
    with pq.ParquetFile(table) as file:
        for batch in file.iter_batches(columns=["predicted"]):
            counts.update({str(pair["values"]): pair["counts"].as_py() for pair in pc.value_counts(batch[0])})
        samples = file.metadata.num_rows
    bad: Table = pq.read_metadata(problems)
    return {
        "samples": samples,
        "bad_samples": bad.num_rows,
        "classes": {label: counts[label] for label in labels},
    }
