"""Run a frozen base once over a split, and keep its features in a pack."""

import contextlib
import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np

from outofcore.backend import keras
from outofcore.loaders.batch_loader import open_loader
from outofcore.loaders.selection import Range
from outofcore.loaders.specification import LoaderSpecification
from outofcore.progress_bar import progress
from outofcore.sources.base import Field
from outofcore.sources.pack_files import PackWriter, is_current, verify
from outofcore.training.predicting import predicted_items

CHECKPOINT_SECONDS = 30.0
"""Seconds of work that a kill can cost."""

FIELD = "features"


@dataclasses.dataclass(frozen=True)
class FeaturePack:
    """A pack of the features of a split.

    Attributes:
        split: Name of the split, for the progress bar.
        folder: Where the pack goes.
        fingerprint: All on which the features depend.
        passes: How many passes of the loader's transform to write; 0 writes the images as they are.
        dtype: Type of the features in the pack.
        batch_size: Images that the base takes at once.
    """

    split: str
    folder: Path
    fingerprint: str
    passes: int
    dtype: str
    batch_size: int


def cached_features(base: "keras.Model", images: LoaderSpecification, pack: FeaturePack) -> LoaderSpecification:
    """Write the features of all images that a loader reads, or find them written.

    Args:
        base: Images in, features out.
        images: The loader of the images; its order, batches and weights become those of the features.
        pack: Where features go, and in which form.

    Returns:
        The loader of the features.

    Raises:
        DataError: An image cannot be read, the disk has no room, or the pack is damaged.
        SystemExit: A signal asked to stop; the same call goes on from the last checkpoint.
    """
    if not is_current(pack.folder, pack.fingerprint):
        _write(base, images, pack)
    verify(pack.folder)
    source = {"kind": "features", "folder": str(pack.folder), "fingerprint": pack.fingerprint, "of": images.source}
    return LoaderSpecification(
        source={**source, "passes": max(pack.passes, 1)}, loader={**images.loader, "x": FIELD, "transform": None}
    )


def _write(base: "keras.Model", images: LoaderSpecification, pack: FeaturePack) -> None:
    count, passes = len(open_loader(images).source), max(pack.passes, 1)
    fields = {FIELD: Field(tuple(base.output_shape[1:]), pack.dtype)}
    transform = images.loader.get("transform")
    with contextlib.ExitStack() as stack:
        total = count * passes
        writer = stack.enter_context(contextlib.closing(PackWriter(pack.folder, fields, total, pack.fingerprint)))
        advance = stack.enter_context(progress(f"features {pack.split}", total, done=writer.done))
        saved = time.monotonic()
        for pass_ in range(writer.done // count, passes):
            drawn = {**transform, "first_pass": pass_} if transform and pack.passes else None
            loader = open_loader(
                images,
                **{"shuffle": False, "drop_last": False, "sample_weight": None, "transform": drawn},
                selection=Range(writer.done - pass_ * count, count),
            )
            for _, item, features in predicted_items(base, loader, pack.batch_size):
                writer.write({FIELD: np.asarray(features).astype(pack.dtype)})
                advance(len(item[0]))
                if time.monotonic() - saved > CHECKPOINT_SECONDS:
                    writer.checkpoint()
                    saved = time.monotonic()
        writer.finish()


def split_at(model: "keras.Model", layer: str) -> tuple["keras.Model", "keras.Model"]:
    """Cut a chain of layers in two, which share their weights with it.

    Args:
        model: A compiled model whose layers from `layer` on form a chain.
        layer: Name of the last layer of the first part.

    Returns:
        Both parts; the second is compiled as the whole is.
    """
    cut = model.get_layer(layer)
    first = keras.Model(model.input, cut.output)
    inputs = keras.Input(cut.output.shape[1:], name=FIELD)
    x = inputs
    for following in model.layers[model.layers.index(cut) + 1 :]:
        x = following(x)
    second = keras.Model(inputs, x, name=f"{model.name}_head")
    second.compile_from_config(model.get_compile_config())
    return first, second


def without_transform(images: LoaderSpecification) -> LoaderSpecification:
    """The same loader of images as they are."""
    return dataclasses.replace(images, loader={**images.loader, "transform": None})


def weights_digest(model: "keras.Model") -> dict[str, Any]:
    """Hash all weights of a model."""
    import hashlib

    hashed = hashlib.blake2b(digest_size=16)
    for array in model.get_weights():
        hashed.update(np.ascontiguousarray(array).data)
    return {"weights": hashed.hexdigest()}
