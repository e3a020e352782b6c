"""Predict any folder of images with a trained classifier."""

import hashlib
import logging
from typing import Any

from outofcore.errors import ConfigurationError, DataError
from outofcore.nodes.predict import check_model_is_there, classify_source, label_map_of
from outofcore.parameters.data import ImageParameters, ImageValidateParameters, ScanParameters
from outofcore.parameters.prediction import PredictParameters
from outofcore.parameters.training import LoaderParameters, TrainingParameters
from outofcore.types import File, Folder, ModelFile

log = logging.getLogger(__name__)


def predict_images(
    images: Folder,
    model: ModelFile,
    labels: File,
    folder: Folder,
    scan: ScanParameters,
    validation: ImageValidateParameters,
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
        See `classify_source`.

    Raises:
        DataError: There are no images, one cannot be read, or the model does not fit them.
    """
    check_model_is_there(model)
    source, about = open_images(images, scan, image, validation.smallest_side)
    codes = label_map_of(model, labels)
    table, bad, summary = classify_source(source, "image", about, model, codes, folder.path, loader, training, predict)
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
