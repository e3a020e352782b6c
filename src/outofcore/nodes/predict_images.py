"""Predict any folder of images with a trained classifier."""

from typing import Any

from outofcore.nodes.predict_files import classify_files
from outofcore.parameters.data import ImageParameters, ImageValidateParameters, ScanParameters
from outofcore.parameters.prediction import PredictParameters
from outofcore.parameters.training import LoaderParameters, TrainingParameters
from outofcore.types import File, Folder, ModelFile


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
        See `outofcore.nodes.predict_files.classify_files`.

    Raises:
        DataError: There are no images, one cannot be read, or the model does not fit them.
    """

    def open_images(names: Any, pattern: str) -> Any:
        from outofcore.sources.checked_image_files import CheckedImageFiles
        from outofcore.sources.image_decoding import ImageForm

        form = ImageForm(**image.model_dump())
        return CheckedImageFiles(str(images.path), names, pattern, form, validation.smallest_side)

    form = {"image": image.model_dump(), "smallest_side": validation.smallest_side}
    return classify_files(images, "images", open_images, form, model, labels, folder, scan, loader, training, predict)
