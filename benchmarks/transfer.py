"""Transfer learning's parts side by side: images from 224x224 JPGs, augmentation, and epochs of head training.

    uv run python benchmarks/transfer.py [--images 400] [--rounds 5] [--side 224] [--epochs-of 60]

Shapes are drawn as JPGs into a temporary folder. All contenders take their turn within each round, so
that a change in the machine's speed meets all alike; medians of the rounds are printed, and ratios.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from side_by_side import Run, print_table, read_pass, speeds, take_turns

from outofcore.backend import keras, tf
from outofcore.loaders.batch_loader import BatchLoader, open_loader
from outofcore.loaders.image_augmentation import ImageAugmentation
from outofcore.loaders.specification import LoaderSpecification
from outofcore.models.vgg16 import build_vgg16
from outofcore.parameters.pipelines import NAMESPACES
from outofcore.samples.coloured_shapes import COLUMNS, TARGET, write_shapes
from outofcore.sources.columns import Columns
from outofcore.sources.image_decoding import ImageForm
from outofcore.sources.image_files import ImageFiles
from outofcore.sources.names import Names
from outofcore.training.features import FeaturePack, cached_features, split_at
from outofcore.training.predicting import predicted_items
from outofcore.training.runtime import start_keras
from outofcore.training.schedule import stretches
from outofcore.training.steps import build_state, train_call

BATCH = 32
RECIPE = {"rotation": 0.0, "shift": 0.0, "shear": 0.2, "zoom": 0.2, "horizontal_flip": True, "fill": "edge"}


def measure(title: str, count: int, runs: dict[str, Run], rounds: int) -> None:
    """Run all in turn, round by round, and print a table of medians, with the processor's time."""
    turns = take_turns(runs, rounds, count)
    print(f"\n{title}, {count} images, medians of {rounds} rounds\n")
    processor = {"processor, ms/image": lambda name: f"{1e3 * turns.work(name):.3f}"}
    print_table(turns, "what", speeds(turns, "images", "ratio") | processor)


def loaders(root: Path, paths: list[str], side: int) -> dict[str, Run]:
    """The recipe's loop, Keras's folder reader and this project's loader, each one pass."""
    names = Names.from_texts(path.removeprefix(f"{root}/") for path in paths)
    source = Columns(ImageFiles(str(root), names, "{id}", ImageForm(side, side, 3)), {"label": np.zeros(len(paths))})
    plain: dict[str, Any] = {"x": "image", "y": "label", "batch_size": BATCH, "steps_per_call": 8, "shuffle": True}
    augmentation = ImageAugmentation(seed=1, **RECIPE)  # type: ignore[arg-type]
    ours = {
        "outofcore, one thread": BatchLoader(source, **plain),
        "outofcore, 2 threads": BatchLoader(source, **plain, workers=2),
        "outofcore, 2 processes": BatchLoader(source, **plain, workers=2, use_multiprocessing=True),
        "outofcore, 2 threads, augmented": BatchLoader(source, **plain, workers=2, transform=augmentation),
    }

    def recipe() -> None:
        for start in range(0, len(paths), BATCH):
            np.array([cv2.imread(path) for path in paths[start : start + BATCH]]) / 255.0

    def folder() -> None:
        data = keras.utils.image_dataset_from_directory(
            root, image_size=(side, side), batch_size=BATCH, shuffle=False, verbose=False
        )
        for _ in data:
            pass

    others: dict[str, Run] = {"recipe, cv2.imread": recipe, "image_dataset_from_directory": folder}
    return {**others, **{name: lambda loader=loader: read_pass(loader) for name, loader in ours.items()}}


def augmentations(images: Any) -> dict[str, Run]:
    """The recipe's augmentation by Keras's layers and by one affine map."""
    layers = keras.Sequential(
        [keras.layers.RandomFlip("horizontal"), keras.layers.RandomShear(0.2, 0.0), keras.layers.RandomZoom(0.2, 0.2)]
    )
    call = tf.function(lambda x: layers(x, training=True))
    augmentation = ImageAugmentation(seed=1, **RECIPE)  # type: ignore[arg-type]
    positions = np.arange(len(images))

    def by_layers() -> None:
        for start in range(0, len(images), BATCH):
            call(images[start : start + BATCH]).numpy()

    return {
        "Keras's layers": by_layers,
        "one affine map": lambda: augmentation({"image": images.copy()}, positions, 0),
    }


def parameters(group: str, **changes: Any) -> Any:
    """A group of the pipeline's own parameters."""
    import yaml

    base = Path(__file__).parents[1] / "conf/base/parameters_vgg16_transfer.yml"
    values = yaml.safe_load(base.read_text())["vgg16_transfer"][group]
    model: Any = NAMESPACES["vgg16_transfer"].model_fields[group].annotation
    return model.model_validate({**values, **changes})


def epochs(folder: Path, root: Path, paths: list[str], side: int) -> tuple[dict[str, Run], dict[str, Run]]:
    """An epoch of head training online and cached; and feature extraction against `predict`. VGG16 at full width."""
    import pandas as pd

    codes = {name: code for code, name in enumerate(TARGET)}
    ids = [path.removeprefix(f"{root}/") for path in paths]
    labels = np.array([codes[name.partition("/")[0]] for name in ids], np.int32)
    table = pd.DataFrame({"sample_id": ids, "split": "train", "label": labels, "weight": np.float32(1.0)})
    table.to_parquet(folder / "partition.parquet")
    image = parameters("image", height=side, width=side)
    source = {"kind": "image_files", "root": str(root), "table": str(folder / "partition.parquet"), "split": "train"}
    source |= {"file_pattern": "{id}", "form": image.model_dump(), "weighted": False, "class_weights": None}
    arguments = {"x": "image", "y": "label", "sample_weight": None, "batch_size": 20, "steps_per_call": 32}
    images = LoaderSpecification(source, {**arguments, "shuffle": True, "seed": 1})
    groups = parameters("model", width=1.0), image, parameters("training")
    whole = build_vgg16(*groups, codes, 1, {"file": None})
    base, head = split_at(whole, "block5_pool")
    features = cached_features(base, images, FeaturePack("train", folder / "features", "f", 0, "float32", 64))

    def epoch(model: Any, specification: LoaderSpecification) -> Run:
        loader = open_loader(specification)
        build_state(model, loader.read(0, 0, 1))
        call, steps = train_call(model, loader), loader.steps_per_pass

        def run() -> None:
            for part in stretches(0, steps, steps, loader.steps_per_call):
                call(loader.read(0, part.start, part.stop))

        return run

    pixels = open_loader(images, shuffle=False).read(0, 0, len(paths))[0]
    extraction = {
        "model.predict on an array": lambda: base.predict(pixels, batch_size=64, verbose=0),
        "extraction from files": lambda: [
            np.asarray(output) for *_, output in predicted_items(base, open_loader(images, shuffle=False), 64)
        ],
    }
    return {"online": epoch(whole, images), "cached": epoch(head, features)}, extraction


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--epochs-of", type=int, default=60, help="images of the epochs, at the same side")
    arguments = parser.parse_args()
    start_keras(2)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "images")
        write_shapes(root, Path(scratch, "labels.csv"), arguments.images, arguments.side, 1)
        rows = Path(scratch, "labels.csv").read_text().splitlines()
        assert rows[0] == ",".join(COLUMNS)
        paths = [f"{root}/{row.partition(',')[0]}" for row in rows[1:]]
        side, rounds = arguments.side, arguments.rounds
        measure(f"{side}x{side} JPGs", len(paths), loaders(root, paths, side), rounds)
        images = np.stack([cv2.imread(path) for path in paths[:256]])
        measure("augmentation", len(images), augmentations(images), rounds)
        few = paths[: arguments.epochs_of]
        training, extraction = epochs(Path(scratch), root, few, side)
        measure("extraction of features", len(few), extraction, rounds)
        measure("an epoch of head training", len(few), training, rounds)


if __name__ == "__main__":
    main()
