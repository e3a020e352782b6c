"""Describe the loaders of the splits."""

import logging
from typing import Any

import numpy as np

from outofcore.loaders.specification import LoaderSpecification
from outofcore.nodes.partition import SPLITS, tested_split
from outofcore.parameters.data import ImageParameters, ScanParameters
from outofcore.parameters.training import LoaderParameters, TrainingParameters
from outofcore.parameters.transfer import AugmentationParameters
from outofcore.types import File, Folder

log = logging.getLogger(__name__)


def load_images(
    images: Folder,
    partition: File,
    scan: ScanParameters,
    image: ImageParameters,
    loader: LoaderParameters,
    training: TrainingParameters,
    seed: int,
) -> dict[str, Any]:
    """Describe a loader of image files for each split.

    Training is shuffled and weighted by class where the parameters say so; validation and test are
    read in order, whole.

    Args:
        images: Folder of the images.
        partition: The partition table.
        scan: How an ID becomes a file name.
        image: Form of the images.
        loader: How batches are read.
        training: Whether classes are weighted.
        seed: Root of the order.

    Returns:
        The specification of each split's loader, ready for JSON.
    """
    import pyarrow.parquet as pq

    form = image.model_dump()
    source = {"kind": "image_files", "root": str(images.path), "file_pattern": scan.file_pattern, "form": form}
    first = next(pq.ParquetFile(partition.path).iter_batches(1, columns=["sample_id"]))
    _say_what_is_lost(source, first["sample_id"][0].as_py())
    return describe_loaders(partition, source, "image", {"image": form}, loader, training, seed)


def describe_loaders(
    partition: File,
    source: dict[str, Any],
    x: str,
    sample: dict[str, Any],
    loader: LoaderParameters,
    training: TrainingParameters,
    seed: int,
    train_source: dict[str, Any] | None = None,
    transform: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Describe a loader of labelled files for each split.

    A partition without a test split, as somebody can give one, has the validation split tested.

    Args:
        partition: The partition table.
        source: Specification of the source but for table, split and weights.
        x: Name of the source's field that is the model's input.
        sample: Parameters on which samples depend; they become part of a training's identity.
        loader: How batches are read.
        training: Whether classes are weighted.
        seed: Root of the order.
        train_source: What differs in the source of the training split.
        transform: Specification of what changes training samples; see `outofcore.loaders.augmentation`.

    Returns:
        The specification of each split's loader, ready for JSON.
    """
    import pyarrow.parquet as pq

    table = pq.read_table(partition.path, columns=["split", "label", "weight"]).to_pandas()
    weighted_rows = bool((table["weight"] != 1.0).any())

    def describe(split: str) -> LoaderSpecification:
        trains = split == "train"
        own = train_source if trains and train_source else {}
        rows = tested_split(table["split"]) if split == "test" else split
        labels = table["label"][table["split"] == split].to_numpy()
        weights = balanced_weights(labels) if trains and training.class_weights == "balanced" else None
        weighted = weighted_rows or weights is not None
        where = {"table": str(partition.path), "split": rows, "weighted": weighted, "class_weights": weights}
        arguments = loader_arguments(loader, seed, trains, x, weighted)
        return LoaderSpecification(
            source={**source, **own, **where},
            loader={**arguments, "sample": sample, "transform": transform if trains else None},
        )

    return {split: describe(split).to_json() for split in SPLITS}


def load_augmented_images(
    images: Folder,
    partition: File,
    scan: ScanParameters,
    image: ImageParameters,
    loader: LoaderParameters,
    training: TrainingParameters,
    seed: int,
    augmentation: AugmentationParameters,
) -> dict[str, Any]:
    """Describe loaders as `load_images` does, with training images changed anew in every pass.

    Args:
        images: Folder of the images.
        partition: The partition table.
        scan: How an ID becomes a file name.
        image: Form of the images.
        loader: How batches are read.
        training: Whether classes are weighted.
        seed: Root of the order and of the changes.
        augmentation: How training images are changed.

    Returns:
        The specification of each split's loader, ready for JSON.
    """
    loaders = load_images(images, partition, scan, image, loader, training, seed)
    values = augmentation.model_dump()
    changes = {"kind": "image_augmentation", "seed": seed, "background": image.background, **values}
    arguments = loaders["train"]["loader"]
    arguments |= {"transform": changes, "sample": {**arguments["sample"], "augmentation": values}}
    return loaders


def _say_what_is_lost(source: dict[str, Any], sample_id: str) -> None:
    """Log when images lose size or colour on their way to the model, by the look of one of them."""
    from outofcore.sources.image_decoding import own_form, read_file

    name = source["file_pattern"].replace("{id}", sample_id)
    height, width, channels = own_form(read_file(f"{source['root']}/{name}".encode()))
    form = source["form"]
    if (height, width, channels) != (form["height"], form["width"], form["channels"]):
        log.info(
            "images such as %s, %dx%d %s, are read as %dx%d %s (image.height, image.width, image.channels)",
            name,
            *(height, width, "RGB" if channels == 3 else "grey"),
            *(form["height"], form["width"], "RGB" if form["channels"] == 3 else "grey"),
        )


def loader_arguments(parameters: LoaderParameters, seed: int, trains: bool, x: str, weighted: bool) -> dict[str, Any]:
    """Turn parameters into the arguments of `BatchLoader`."""
    arguments = parameters.model_dump(exclude={"packed"})
    arguments["shuffle"] = parameters.shuffle and trains
    arguments["drop_last"] = parameters.drop_last and trains
    return {"x": x, "y": "label", "sample_weight": "weight" if weighted else None, "seed": seed, **arguments}


def balanced_weights(labels: Any) -> list[float]:
    """Weigh classes by the inverse of their frequency: `samples / (classes * count)`.

    The form of scikit-learn's `class_weight="balanced"` (King and Zeng 2001).
    """
    counts = np.bincount(labels)
    return [float(weight) for weight in len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))]
