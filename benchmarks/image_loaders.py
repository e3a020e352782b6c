"""Image loaders side by side: the recipe's, tf.data's, and this project's from files and from a pack.

    uv run python benchmarks/image_loaders.py FOLDER

The folder holds grey 28x28 JPGs (the digits of `kedro run`, in data/01_raw/mnist/images, will do).
Every loader reads whole batches in a bare loop, all in turn within each round, so that a change in
the machine's speed meets all alike; medians of the rounds are printed, and ratios to the recipe.
"""

import argparse
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from side_by_side import Run, print_table, read_pass, speeds, take_turns

from outofcore.backend import keras, tf
from outofcore.loaders.batch_loader import BatchLoader
from outofcore.sources.columns import Columns
from outofcore.sources.image_decoding import ImageForm
from outofcore.sources.image_files import ImageFiles
from outofcore.sources.names import Names
from outofcore.sources.pack_files import PackWriter
from outofcore.sources.packed_columns import PackedColumns

SIDE = 28


class RecipeSequence(keras.utils.PyDataset):
    """The published recipe: one image after the other through PIL, as floats, 32 to a batch."""

    def __init__(self, paths: list[str], labels: Any, batch_size: int) -> None:
        """Hold paths and labels."""
        super().__init__()
        self.paths, self.labels, self.batch_size = paths, labels, batch_size

    def __len__(self) -> int:
        """Batches in an epoch."""
        return (len(self.paths) + self.batch_size - 1) // self.batch_size

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Load a batch."""
        chosen = slice(index * self.batch_size, (index + 1) * self.batch_size)
        images = [
            keras.utils.img_to_array(keras.utils.load_img(path, color_mode="grayscale")) / 255.0
            for path in self.paths[chosen]
        ]
        return np.array(images), self.labels[chosen]


def tf_data(paths: list[str], labels: Any, batch_size: int) -> Any:
    """Build the usual tf.data pipeline by hand, with everything tuned by itself."""

    def load(path: Any, label: Any) -> tuple[Any, Any]:
        return tf.io.decode_jpeg(tf.io.read_file(path), channels=1), label

    data = tf.data.Dataset.from_tensor_slices((paths, labels))
    return data.map(load, tf.data.AUTOTUNE).batch(batch_size).prefetch(tf.data.AUTOTUNE)


def ours(source: Any, steps_per_call: int, **reading: Any) -> BatchLoader:
    """Make this project's loader, shuffled, 32 to a batch."""
    arguments: dict[str, Any] = {"batch_size": 32, "shuffle": True, "steps_per_call": steps_per_call, **reading}
    return BatchLoader(source, x="image", y="label", **arguments)


def packed(files: Columns, folder: Path) -> Columns:
    """Pack the images of a source."""
    writer = PackWriter(folder, files.source.fields, len(files), "benchmark")
    out = {name: field.empty(len(files)) for name, field in files.source.fields.items()}
    files.source.read(np.arange(len(files)), out)
    writer.write(out)
    writer.finish()
    return Columns(PackedColumns(str(folder), files.source), files.columns)


def consume(batches: Iterable[Any]) -> None:
    """Take every batch and drop it."""
    for _ in batches:
        pass


def bare(paths: list[str]) -> Run:
    """Make the least that a pass from files can be: open, read, close, decode, and no check."""

    def run() -> None:
        for path in paths:
            descriptor = os.open(path, os.O_RDONLY)
            data = os.read(descriptor, 1 << 16)
            os.close(descriptor)
            cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)

    return run


def contenders(paths: list[str], root: Path, scratch: Path) -> dict[str, Run]:
    """Name every loader and what one pass of it is."""
    labels = np.zeros(len(paths), np.int32)
    names = Names.from_texts(path.removeprefix(f"{root}/") for path in paths)
    files = Columns(ImageFiles(str(root), names, "{id}", ImageForm(SIDE, SIDE, 1)), {"label": labels})
    recipe = RecipeSequence(paths, labels, 32)
    pack = packed(files, scratch / "pack")
    loaders: dict[str, Any] = {
        "recipe, one worker": recipe,
        "tf.data, batch 32": tf_data(paths, labels, 32),
        "tf.data, batch 256": tf_data(paths, labels, 256),
        "files, one process": ours(files, 8),
        "files, 2 threads": ours(files, 32, workers=2),
        "files, 2 processes": ours(files, 256, workers=2, use_multiprocessing=True),
        "pack": ours(pack, 64),
    }

    def a_pass(loader: Any) -> Run:
        if isinstance(loader, BatchLoader):
            return lambda: read_pass(loader)
        if isinstance(loader, RecipeSequence):
            return lambda: consume(loader[index] for index in range(len(loader)))
        return lambda: consume(iter(loader))

    runs = {name: a_pass(loader) for name, loader in loaders.items()}
    return {**runs, "bare calls, one thread": bare(paths)}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    root = arguments.folder.resolve()
    paths = sorted(str(path) for path in root.glob("*.jpg"))
    with tempfile.TemporaryDirectory() as scratch:
        turns = take_turns(contenders(paths, root, Path(scratch)), arguments.rounds, len(paths))
    print(f"{len(paths)} images, medians of {arguments.rounds} rounds\n")
    print_table(turns, "loader", speeds(turns, "images"))


if __name__ == "__main__":
    main()
