"""Make the weights of a convolutional base be there: fetched, given, trained first, or none."""

import hashlib
import json
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from outofcore.errors import DataError
from outofcore.files import replacing, write_json
from outofcore.identity import digest
from outofcore.nodes.acquire import IN_CLASS_FOLDER, acquire
from outofcore.parameters.data import ImageParameters
from outofcore.parameters.training import OptimizerParameters, TrainingParameters
from outofcore.parameters.transfer import PretrainingParameters, Vgg16Parameters
from outofcore.samples.coloured_shapes import SOURCE, write_shapes
from outofcore.samples.download import fetch
from outofcore.types import File, Folder, Model, ModelStore, TrainingFolder

log = logging.getLogger(__name__)

VERSION = 1
"""Raised when the same parameters give another pretrained base than before."""

IMAGENET = "the ImageNet weights of VGG16 (59 MB)"
"""What is downloaded, as messages name it."""

NINTH_OF = 10
"""Every tenth image of the source task is for validation."""

BuildSource = Callable[[Vgg16Parameters, ImageParameters, TrainingParameters, int, int], Model]


def base_provider(build: BuildSource) -> Callable[..., dict[str, Any]]:
    """Make the node that provides a base's weights.

    Args:
        build: Builds a net to train a base with, from the groups model, image and training, the number
            of classes and the seed.
    """

    def provide_base(
        model: Vgg16Parameters,
        image: ImageParameters,
        pretraining: PretrainingParameters,
        training: TrainingParameters,
        seed: int,
        imagenet: File,
        folder: TrainingFolder,
        source_images: Folder,
        models: ModelStore,
        label_map: dict[str, int],
    ) -> dict[str, Any]:
        """Make the weights be there that `model.weights` names; nothing takes their place.

        Args:
            model: Form of the base, and which weights.
            image: Form of its input.
            pretraining: How a base of our own is trained.
            training: Threads and precision.
            seed: Root of all draws.
            imagenet: Where the ImageNet weights lie, put there by hand or by their download.
            folder: Where a base is trained, kept, and put when it comes from MLflow.
            source_images: Folder of the source task's images.
            models: Fetches models from MLflow.
            label_map: Not used, but it is made once the run's own files have been looked at, and a bad one
                shall show before a base is trained.

        Returns:
            `weights` (what was asked for), `file` (where they lie, `None` for random ones) and `sha256`.

        Raises:
            DataError: The weights are not to be had; the message says where to put them.
        """
        del label_map
        if model.weights == "random":
            return {"weights": "random", "file": None, "sha256": None}
        if model.weights == "imagenet":
            fetch(imagenet.path, model.imagenet, IMAGENET)
            path = imagenet.path
        elif model.weights == "pretrained":
            path = _pretrained(build, model, image, pretraining, training, seed, folder.path, source_images)
        elif model.weights.startswith("mlflow:"):
            reference = model.weights.removeprefix("mlflow:")
            path = models.fetch(reference, folder.path / "mlflow" / digest(reference))
        else:
            path = Path(model.weights).expanduser().resolve()
        try:
            found = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise DataError(
                f"{path}: expected the weights of a base (model.weights), found "
                f"{(error.strerror or 'an error').lower()}. Correct the path, "
                "or choose imagenet, pretrained, random or mlflow:URI."
            ) from error
        return {"weights": model.weights, "file": str(path), "sha256": found}

    return provide_base


def _pretrained(
    build: BuildSource,
    model: Vgg16Parameters,
    image: ImageParameters,
    pretraining: PretrainingParameters,
    training: TrainingParameters,
    seed: int,
    folder: Path,
    images: Folder,
) -> Path:
    """Train a base on the source task, or find the one that was trained so before."""
    identity = {
        "version": VERSION,
        "seed": seed,
        "model": model.model_dump(include={"width", "scaling"}),
        "image": image.model_dump(),
        "pretraining": pretraining.model_dump(),
        "training": training.model_dump(include={"threads", "precision"}),
    }
    path, manifest = folder / "base.keras", folder / "base.json"
    known = json.loads(manifest.read_bytes()) if manifest.exists() else {}
    if known.get("fingerprint") == digest(identity) and path.exists() and known["sha256"] == _sha256(path):
        log.info("a base with these parameters was trained before: %s", path)
        return path
    from outofcore.training.fit import fit

    recipe = {"version": VERSION, "sample": "source_shapes", "count": pretraining.samples, "side": image.height}
    labels = File(images.path.with_name("source_labels.csv"))
    write = partial(_write_source, images.path, count=pretraining.samples, side=image.height, seed=seed)
    acquire(images, labels, "sample", {**recipe, "seed": seed}, IN_CLASS_FOLDER, write)
    how = _training(pretraining, training)
    train, validation = _loaders(images.path, image, pretraining, seed)
    log.info("training a base on %d images of %d other shapes", pretraining.samples, len(SOURCE))
    net = build(model, image, how, len(SOURCE), seed)
    result = fit(net, train, validation, how, folder, identity, remedy="Lower pretraining.learning_rate")
    with replacing(path) as temporary:
        net.save(temporary)
    last = {name: values[-1] for name, values in result.history.items()}
    write_json(manifest, {"fingerprint": digest(identity), "sha256": _sha256(path), "metrics": last})
    return path


def _write_source(images: Path, table: Path, count: int, side: int, seed: int) -> None:
    write_shapes(images, table, count, side, seed, "source")


def _training(pretraining: PretrainingParameters, training: TrainingParameters) -> TrainingParameters:
    """The parameters of training, with those of the pretraining in their place."""
    adam = OptimizerParameters(name="Adam", learning_rate=pretraining.learning_rate, schedule=None, arguments={})
    plain = dict.fromkeys(("steps_per_epoch", "max_seconds", "validation_steps", "early_stopping", "best"))
    own = {"epochs": pretraining.epochs, "optimizer": adam, "class_weights": "none", "callbacks": (), "resume": "auto"}
    return training.model_copy(update={**plain, **own})


def _loaders(root: Path, image: ImageParameters, pretraining: PretrainingParameters, seed: int) -> tuple[Any, Any]:
    """Open loaders of the source task: every tenth image of each class is for validation."""
    from outofcore.loaders.batch_loader import BatchLoader
    from outofcore.loaders.selection import Chosen
    from outofcore.sources.columns import Columns
    from outofcore.sources.image_decoding import ImageForm
    from outofcore.sources.image_files import ImageFiles
    from outofcore.sources.names import Names

    classes = list(SOURCE)
    numbers = np.arange(pretraining.samples)
    names = Names.from_texts(f"{classes[number % len(classes)]}/img_{number}.jpg" for number in numbers)
    files = ImageFiles(str(root), names, "{id}", ImageForm(**image.model_dump()))
    source = Columns(files, {"label": (numbers % len(classes)).astype(np.int32)})
    validates = numbers // len(classes) % NINTH_OF == NINTH_OF - 1
    arguments: dict[str, Any] = {"x": "image", "y": "label", "batch_size": pretraining.batch_size, "seed": seed}
    train = BatchLoader(source, selection=Chosen(numbers[~validates]), shuffle=True, steps_per_call=16, **arguments)
    return train, BatchLoader(source, selection=Chosen(numbers[validates]), steps_per_call=16, **arguments)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
