"""Run a model over all that a loader reads, one item after the other."""

from collections.abc import Iterator
from typing import Any

from outofcore.backend import keras
from outofcore.loaders.batch_loader import BatchLoader, Item
from outofcore.training.prefetch import read_ahead
from outofcore.training.schedule import Stretch
from outofcore.training.steps import predict_call
from outofcore.training.stopping import STOP


def predicted_items(
    model: "keras.Model", loader: BatchLoader, samples_per_call: int | None = None
) -> Iterator[tuple[Stretch, Item, Any]]:
    """Read a loader's first pass, predict each item, and hand both out.

    Only two items are held at a time. The loader is closed at the end.

    Args:
        model: A model whose input is the loader's `x`.
        loader: What to read.
        samples_per_call: Samples that the model takes at once; the loader's batch size by default.

    Yields:
        The batches that an item holds, the item, and the model's outputs as arrays, by name where
        there are several.

    Raises:
        SystemExit: A signal asked to stop.
        DataError: A sample cannot be read.
    """
    call = predict_call(model, samples_per_call or loader.batch_size)
    ahead = read_ahead(loader)
    try:
        with STOP:
            for part, item in ahead.results(lambda: STOP.pending):
                yield part, item, call(item)
    finally:
        ahead.close()
        loader.close()
    if STOP.pending:
        raise SystemExit(STOP.exit_status)
