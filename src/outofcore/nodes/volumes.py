"""What the nodes from raw files to loaders need to know of volumes."""

import re
from functools import partial
from pathlib import Path
from typing import Any

from outofcore.nodes.acquire import acquire
from outofcore.nodes.load import describe_loaders
from outofcore.nodes.validate import validate
from outofcore.parameters.data import ScanParameters, ValidateParameters
from outofcore.parameters.training import LoaderParameters, TrainingParameters
from outofcore.parameters.volumes import FlipAndShiftParameters, VolumeDataParameters, VolumeParameters
from outofcore.samples.shapes3d import write_shapes
from outofcore.types import File, Folder, Table

SAMPLE_VERSION = 1
"""Raised when the same parameters give other sample data than before."""

VALIDATION_VERSION = 1
"""Raised when files would be judged otherwise than before; all are looked at again then."""

SHAPE = re.compile(r"id-(\d+)\.npy")
"""Names of drawn volumes."""


def acquire_volumes(volumes: Folder, labels: File, data: VolumeDataParameters, seed: int) -> dict[str, Any]:
    """Make volumes be there: six shapes drawn on this machine, or the user's own arrays.

    Args:
        volumes: Folder of the arrays.
        labels: Label table.
        data: Where the data comes from.
        seed: Root of all draws.

    Returns:
        What the data is and where it lies.
    """

    def draw(table: Path) -> None:
        write_shapes(volumes.path, table, data.samples, data.side, data.noise, seed)

    form = {"side": data.side, "noise": data.noise}
    recipe = {"sample": "shapes3d", "version": SAMPLE_VERSION, "count": data.samples, "seed": seed, **form}
    return acquire(volumes, labels, data.source, recipe, SHAPE, draw)


def validate_volumes(
    index: Table,
    acquired: dict[str, Any],
    volumes: Folder,
    record: Folder,
    scan: ScanParameters,
    volume: VolumeParameters,
    parameters: ValidateParameters,
) -> tuple[Table, Table, dict[str, Any]]:
    """Look at every array that is new or has changed since it was last looked at.

    Args:
        index: The index of samples.
        acquired: What the data is; findings on other data are forgotten.
        volumes: Folder of the arrays.
        record: Folder in which findings are remembered.
        scan: How an ID becomes a file name.
        volume: The form that arrays must have.
        parameters: What is allowed.

    Returns:
        The index without bad samples and with a column `content`, the report and a summary, as of
        `outofcore.nodes.validate.validate`.

    Raises:
        DataError: There are more bad samples than allowed, an array is of a form that is not taken,
            or a file's content is not what was recorded.
    """
    from outofcore.sources.npy_layout import VolumeForm
    from outofcore.sources.npy_validation import inspect_volumes

    form = file_form(volume)
    inspect = partial(inspect_volumes, form=VolumeForm(**form))
    return validate(index, acquired, volumes, record, scan, inspect, [VALIDATION_VERSION, form], parameters)


def load_volumes(
    volumes: Folder,
    partition: File,
    scan: ScanParameters,
    volume: VolumeParameters,
    loader: LoaderParameters,
    training: TrainingParameters,
    seed: int,
    augmentation: FlipAndShiftParameters,
) -> dict[str, Any]:
    """Describe a loader of `.npy` files for each split.

    Training is shuffled, augmented, and reads patches from places that are drawn; validation and test
    are read in order, from the middle.

    Args:
        volumes: Folder of the arrays.
        partition: The partition table.
        scan: How an ID becomes a file name.
        volume: Form of the arrays.
        loader: How batches are read.
        training: Whether classes are weighted.
        seed: Root of the order, of patches and of augmentation.
        augmentation: How training samples are changed.

    Returns:
        The specification of each split's loader, ready for JSON.
    """
    changes = bool(augmentation.flip_axes or augmentation.largest_shift)
    transform = {"kind": "flip_and_shift", "field": "volume", "seed": seed, **augmentation.model_dump(mode="json")}
    source = {
        "kind": "npy_files",
        "root": str(volumes.path),
        "file_pattern": scan.file_pattern,
        "form": file_form(volume),
        "patch": volume.patch and {"shape": volume.patch, "seed": None},
    }
    return describe_loaders(
        partition,
        source,
        "volume",
        {"volume": volume.model_dump(mode="json"), "augmentation": augmentation.model_dump(mode="json")},
        loader,
        training,
        seed,
        train_source={"patch": volume.patch and {"shape": volume.patch, "seed": seed}},
        transform=transform if changes else None,
    )


def file_form(volume: VolumeParameters) -> dict[str, Any]:
    """Give the part of the parameters that says how a file lies on disk and is cast."""
    return volume.model_dump(include={"shape", "channels", "dtype", "cast"})
