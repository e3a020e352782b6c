"""Predict the samples of any folder of files with a trained classifier."""

import hashlib
import logging
from collections.abc import Callable
from typing import Any

from outofcore.errors import ConfigurationError, DataError
from outofcore.nodes.predict import check_model_is_there, classify_source, label_map_of
from outofcore.parameters.data import ScanParameters
from outofcore.parameters.prediction import PredictionParameters
from outofcore.parameters.training import LoaderParameters, TrainingParameters
from outofcore.types import File, Folder, ModelFile

log = logging.getLogger(__name__)


def classify_files(
    files: Folder,
    kind: str,
    open_files: Callable[[Any, str], Any],
    form: dict[str, Any],
    model: ModelFile,
    labels: File,
    folder: Folder,
    scan: ScanParameters,
    loader: LoaderParameters,
    training: TrainingParameters,
    predict: PredictionParameters,
) -> tuple[File, File, dict[str, Any]]:
    """Predict all files below a folder, sorted by name; none needs a label.

    Args:
        files: The folder, nested or not.
        kind: What the files are, such as `images`: `predict.images` and `predict_images` name the folder.
        open_files: Makes a source of one field from the samples' names (`outofcore.sources.names.Names`)
            and the pattern that makes file names of them.
        form: All else on which the samples depend, as JSON values.
        model: The trained model.
        labels: The label map of the last training, for a model without one of its own.
        folder: Where the table is written in parts.
        scan: Endings of the files, and how a file is named after its sample ID.
        loader: How batches are read.
        training: Threads, precision, and the time between two saves.
        predict: What is done about bad samples.

    Returns:
        See `outofcore.nodes.predict.classify_source`; the summary has the folder too, as `source`.

    Raises:
        DataError: There are no files, one cannot be read, or the model does not fit them.
    """
    check_model_is_there(model)
    names, pattern, digest = list_samples(files, kind, scan)
    log.info("Predicting %s %s of %s", f"{len(names):,}", kind, files.path)
    source = open_files(names, pattern)
    (x,) = source.fields
    about = {kind: [str(files.path), pattern, digest], **form}
    codes = label_map_of(model, labels)
    table, bad, summary = classify_source(source, x, about, model, codes, folder.path, loader, training, predict)
    return table, bad, {"source": str(files.path), **summary}


def list_samples(files: Folder, kind: str, scan: ScanParameters) -> tuple[Any, str, str]:
    """List the files below a folder as samples.

    Args:
        files: The folder.
        kind: What the files are, such as `images`.
        scan: Endings of the files, and how a file is named after its sample ID.

    Returns:
        The IDs as `outofcore.sources.names.Names`, the pattern that makes file names of them, and a
        digest of all names, sizes and times of change.

    Raises:
        DataError: There is no such folder, or there are no files in it.
    """
    from outofcore.sources.listing import list_files

    if not files.path.is_dir():
        raise DataError(
            f"{files.path}: expected the folder to predict, found none. "
            f"Name it with predict.{kind}, or in the catalog, as the filepath of this pipeline's predict_{kind}."
        )
    found = list_files(files.path, scan.extensions)
    if not len(found):
        raise DataError(
            f"{files.path}: expected files ending in {', '.join(scan.extensions)}, found none. "
            f"Correct predict.{kind}, the filepath of predict_{kind} in the catalog, or scan.extensions."
        )
    names, pattern = sample_names(found["name"], scan.file_pattern)
    digest = hashlib.blake2b(digest_size=16)
    for column in (names.blob, names.offsets, found["size"].to_numpy(), found["mtime_ns"].to_numpy()):
        digest.update(column)
    return names, pattern, digest.hexdigest()


def sample_names(names: Any, pattern: str) -> tuple[Any, str]:
    """Give the sample IDs of files: those of the training where all files are named by its pattern.

    Args:
        names: File names below the folder, as an Arrow column.
        pattern: How an ID becomes a file name in training, such as `{id}.jpg`.

    Returns:
        The IDs as `outofcore.sources.names.Names`, and the pattern that makes file names of them.
    """
    import pyarrow.compute as pc

    from outofcore.sources.listing import ids_of
    from outofcore.sources.names import Names

    if pattern.count("{id}") != 1:
        raise ConfigurationError(
            f"scan.file_pattern: expected {{id}} once, as in '{{id}}.jpg', found {pattern!r}. "
            "Correct it in the parameters."
        )
    fits, ids = ids_of(names, pattern)
    if pc.all(fits).as_py():
        return Names.from_arrow(ids), pattern
    log.info("Not all files are named by scan.file_pattern=%s: the file names are the sample IDs", pattern)
    return Names.from_arrow(names), "{id}"
