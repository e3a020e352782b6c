"""A training ends where its numbers are no longer numbers, before they reach a checkpoint."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import ArraySource, rows

from outofcore.errors import TrainingError
from outofcore.loaders.batch_loader import BatchLoader


def loader(spoilt: int | None) -> Any:
    """Images of 6x6, one of them with a value that is no number."""
    images = np.random.default_rng(0).normal(size=(60, 6, 6, 1)).astype(np.float32)
    if spoilt is not None:
        images[spoilt, 2, 3] = np.nan
    source = ArraySource(x=images, y=rows(60)["y"])
    return BatchLoader(source, x="x", y="y", batch_size=20, seed=1, shuffle=False, steps_per_call=1)


def net(keras: Any) -> Any:
    keras.utils.set_random_seed(3)
    layers = [keras.Input((6, 6, 1)), keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.GlobalMaxPooling2D()]
    model = keras.Sequential([*layers, keras.layers.Dense(1, activation="sigmoid")])
    model.compile(optimizer="sgd", loss="binary_crossentropy")
    return model


@pytest.mark.parametrize("epochs", [1, 2])
def test_weights_that_are_no_numbers_end_the_training(keras: Any, run_loop: Any, tmp_path: Path, epochs: int) -> None:
    with pytest.raises(TrainingError, match=r"expected finite weights, found others in .*kernel, since step 0\. "):
        run_loop(net(keras), loader(spoilt=50), None, epochs=epochs)
    assert not list((tmp_path / "run").rglob("*.keras"))


def test_the_loss_alone_would_not_have_shown_it(keras: Any) -> None:
    model = net(keras)
    images, labels = loader(spoilt=50)[2]
    assert np.isfinite(model.train_on_batch(images, labels))
    assert not np.isfinite(model.get_weights()[0]).all()


def test_a_checkpoint_before_stays_the_last(keras: Any, run_loop: Any, tmp_path: Path) -> None:
    every = {"every_steps": 1, "every_seconds": 1e9, "keep": 3}
    with pytest.raises(TrainingError, match=r"step 3: expected finite weights, .* since step 2\. "):
        run_loop(net(keras), loader(spoilt=50), None, epochs=1, checkpoint=every)
    run_loop(net(keras), loader(spoilt=None), None, epochs=1, checkpoint=every)  # goes on from there


def test_numbers_are_left_in_peace(keras: Any, run_loop: Any) -> None:
    run_loop(net(keras), loader(spoilt=None), None, epochs=2)
