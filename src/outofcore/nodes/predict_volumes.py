"""Predict any folder of arrays with a trained classifier."""

from typing import Any

from outofcore.nodes.predict_files import classify_files
from outofcore.nodes.volumes import file_form
from outofcore.parameters.data import ScanParameters
from outofcore.parameters.training import LoaderParameters, TrainingParameters
from outofcore.parameters.volumes import PredictVolumesParameters, VolumeParameters
from outofcore.types import File, Folder, ModelFile


def predict_volumes(
    volumes: Folder,
    model: ModelFile,
    labels: File,
    folder: Folder,
    scan: ScanParameters,
    volume: VolumeParameters,
    loader: LoaderParameters,
    training: TrainingParameters,
    predict: PredictVolumesParameters,
) -> tuple[File, File, dict[str, Any]]:
    """Predict all arrays below a folder, or the middle of each where a patch is declared.

    Args:
        volumes: Folder of the `.npy` files, nested or not.
        model: The trained model.
        labels: The label map of the last training, for a model without one of its own.
        folder: Where the table is written in parts.
        scan: Endings of the files, and how a file is named after its sample ID.
        volume: Form of the arrays.
        loader: How batches are read.
        training: Threads, precision, and the time between two saves.
        predict: What is done about bad samples.

    Returns:
        See `outofcore.nodes.predict_files.classify_files`.

    Raises:
        DataError: There are no arrays, one cannot be read, or the model does not fit them.
    """

    def open_volumes(names: Any, pattern: str) -> Any:
        from outofcore.sources.checked_npy_files import CheckedNpyFiles
        from outofcore.sources.npy_layout import VolumeForm
        from outofcore.sources.patches import Patches

        files = CheckedNpyFiles(str(volumes.path), names, pattern, VolumeForm(**file_form(volume)))
        return files if volume.patch is None else Patches(files, volume.patch, seed=None)

    form = {"volume": volume.model_dump(mode="json", exclude={"normalize"})}
    return classify_files(
        volumes, "volumes", open_volumes, form, model, labels, folder, scan, loader, training, predict
    )
