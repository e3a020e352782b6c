"""Training from JPG files end to end: the recipe's `fit` and this project's loop, in turn.

    uv run python benchmarks/image_training.py FOLDER

Both train the recipe's net at batch 20 with SGD on the same grey 28x28 JPGs, one epoch a round.
"""

import argparse
from pathlib import Path

import numpy as np
from image_loaders import SIDE, RecipeSequence
from side_by_side import print_table, speeds, take_turns

from outofcore.backend import keras
from outofcore.loaders.batch_loader import BatchLoader
from outofcore.sources.columns import Columns
from outofcore.sources.image_decoding import ImageForm
from outofcore.sources.image_files import ImageFiles
from outofcore.sources.names import Names
from outofcore.training.prefetch import read_ahead
from outofcore.training.runtime import start_keras
from outofcore.training.steps import build_state, train_call

BATCH = 20


def recipe_net(scaled: bool) -> "keras.Model":
    """Build the recipe's net; ours scales pixels in its first layer, the recipe's loader has done so."""
    inputs = keras.Input((SIDE, SIDE, 1))
    x = inputs if scaled else keras.layers.Rescaling(1.0 / 255.0)(inputs)
    for _ in range(3):
        x = keras.layers.MaxPool2D()(keras.layers.Conv2D(32, 3, activation="relu")(x))
    x = keras.layers.Dropout(0.2)(keras.layers.Dense(32, activation="relu")(keras.layers.Flatten()(x)))
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(x))
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"], jit_compile=False)
    return model


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    start_keras(threads=2)
    root = arguments.folder.resolve()
    paths = sorted(str(path) for path in root.glob("*.jpg"))
    labels = np.arange(len(paths), dtype=np.int32) % 2
    names = Names.from_texts(path.removeprefix(f"{root}/") for path in paths)
    files = Columns(ImageFiles(str(root), names, "{id}", ImageForm(SIDE, SIDE, 1)), {"label": labels})
    loader = BatchLoader(files, x="image", y="label", batch_size=BATCH, shuffle=True, steps_per_call=32)
    recipe, theirs, ours = RecipeSequence(paths, labels, BATCH), recipe_net(True), recipe_net(False)
    build_state(ours, loader.read(0, 0, 1))
    call = train_call(ours, loader)

    def fit_epoch() -> None:
        theirs.fit(recipe, epochs=1, verbose=0)

    def loop_epoch() -> None:
        ahead = read_ahead(loader)
        for _, item in ahead.results():
            call(item)
        ahead.close()

    turns = take_turns({"recipe, fit": fit_epoch, "outofcore, loop": loop_epoch}, arguments.rounds, len(paths))
    print(f"{len(paths)} images, batch {BATCH}, medians of {arguments.rounds} epochs each, in turn\n")
    print_table(turns, "training", speeds(turns, "images"))


if __name__ == "__main__":
    main()
