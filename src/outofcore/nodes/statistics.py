"""Mean and variance of the training split, for the model's first layer."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.files import write_json
from outofcore.identity import digest
from outofcore.loaders.readers import open_reader
from outofcore.nodes.pack import made_from
from outofcore.parameters.training import LoaderParameters
from outofcore.parameters.volumes import VolumeParameters
from outofcore.progress_bar import progress
from outofcore.sources.base import Source
from outofcore.sources.specification import files_of, open_source
from outofcore.types import File

VERSION = 1
"""Raised when the same samples give other statistics than before."""

ITEM_BYTES = 8 << 20
"""Bytes that are read at once."""


def gather_statistics(
    file_loaders: dict[str, Any],
    record: File,
    data_summary: dict[str, Any],
    volume: VolumeParameters,
    loader: LoaderParameters,
) -> dict[str, Any]:
    """Gather each channel's mean and variance over the training split, in one streaming pass.

    Where nothing changed since the last time, its result is taken.

    Args:
        file_loaders: The specification of each split's loader of files.
        record: Where the result is remembered.
        data_summary: Digest of each split's files.
        volume: Whether statistics are wanted, and the form of the samples.
        loader: How files are read.

    Returns:
        `mean` and `variance` (a number per channel), `values` (how many of a channel were seen) and
        `fingerprint`; without numbers where no statistics are wanted.
    """
    if volume.normalize != "training_split":
        return {}
    source = file_loaders["train"]["source"]
    fingerprint = digest([VERSION, made_from(source, data_summary)])
    if record.path.exists():
        known: dict[str, Any] = json.loads(record.path.read_bytes())
        if known["fingerprint"] == fingerprint:
            return known
    mean, variance, values = moments(files_of(open_source(source)), loader)
    found = {"mean": mean.tolist(), "variance": variance.tolist(), "values": values, "fingerprint": fingerprint}
    write_json(record.path, found)
    return found


def moments(source: Source, loader: LoaderParameters) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Compute each channel's mean and variance, piece by piece in float64.

    Pieces are put together as by T. F. Chan, G. H. Golub and R. J. LeVeque, "Updating formulae and a
    pairwise algorithm for computing sample variances" (1979): sums of squares would cancel out.

    Args:
        source: A source of one field with its channels last.
        loader: How files are read.

    Returns:
        Mean and variance, float64, shape `(channels,)`, and the number of values of a channel.
    """
    ((name, field),) = source.fields.items()
    axes = tuple(range(len(field.shape)))
    step = max(1, ITEM_BYTES // field.nbytes)
    mean, squares, seen = np.zeros(field.shape[-1]), np.zeros(field.shape[-1]), 0
    reader = open_reader(source, None, loader.workers, loader.use_multiprocessing, loader.timeout_seconds)
    try:
        with progress("statistics", len(source)) as advance:
            for start in range(0, len(source), step):
                part = reader.read(np.arange(start, min(start + step, len(source))), 0)[name]
                count = part.size // part.shape[-1]
                part_mean = part.mean(axis=axes, dtype=np.float64)
                # to subtract first makes float64 of the values, a copy of the piece
                part_squares = np.square(part - part_mean).sum(axis=axes)
                apart = part_mean - mean
                squares += part_squares + apart**2 * (seen * count / (seen + count))
                mean += apart * (count / (seen + count))
                seen += count
                advance(len(part))
    finally:
        reader.close()
    return mean, squares / seen, seen
