"""A sample as a picture, whatever its axes: images, volumes and series."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

LONGEST_SIDE = 96
"""Pixels; larger samples are thinned out to keep a report small."""

LARGEST_RATIO = 4
"""How many times longer than the other a side of a picture may be."""

Picture = NDArray[np.uint8]
"""Red, green, blue, shape `(height, width, 3)`."""


def as_picture(sample: NDArray[Any]) -> Picture:
    """Turn a sample into a picture.

    Args:
        sample: An image, shape `(height, width, channels)`; a volume, `(depth, height, width, channels)`,
            of which the three central slices are taken; or a series, `(length, channels)`, drawn as a
            curve. Three channels are colours, of any other number the first is shown. uint8 is taken as
            it is, all else spread over black to white.

    Returns:
        Red, green, blue, uint8, shape `(height, width, 3)`, no longer than 96 pixels a side.
    """
    values = sample if sample.shape[-1] == 3 else sample[..., :1]
    if values.ndim == 2:
        return _curve(values[:, 0].astype(np.float64))
    if values.ndim == 4:
        depth, height, width = (size // 2 for size in values.shape[:3])
        values = _beside([values[depth], values[:, height], values[:, :, width]])
    if values.dtype != np.uint8:
        values = (_spread(values.astype(np.float64)) * 255).astype(np.uint8)
    picture = _thinned(values)
    return np.ascontiguousarray(np.broadcast_to(picture, (*picture.shape[:2], 3)))


def _spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bring values to the range from 0 to 1; what is not a number becomes 0."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    return np.nan_to_num((values - low) / ((high - low) or 1.0))


def _curve(series: NDArray[np.float64]) -> Picture:
    """Draw a series, dark on white, over three times its height; a column spans the values that fall on it."""
    parts = np.array_split(_spread(series), min(len(series), LONGEST_SIDE))
    height = max(LONGEST_SIDE // 3, 2)
    ends = np.array([part[-1] for part in parts])
    before = np.concatenate([parts[0][:1], ends[:-1]])  # columns join
    low = np.minimum([part.min() for part in parts], before)
    high = np.maximum([part.max() for part in parts], before)
    rows = np.arange(height)[:, None]
    drawn = (rows >= np.floor((1.0 - high) * (height - 1))) & (rows <= np.ceil((1.0 - low) * (height - 1)))
    return np.repeat(np.where(drawn, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def _thinned(picture: NDArray[Any]) -> NDArray[Any]:
    """Take means over blocks, to 96 pixels a side at most, and widen what would be a thread."""
    longest = max(picture.shape[:2])
    step = math.ceil(longest / LONGEST_SIDE)
    # a side is not thinned out below a quarter of the longest: spectrograms have few rows and many columns
    steps = [min(step, max(1, size * LARGEST_RATIO // LONGEST_SIDE)) for size in picture.shape[:2]]
    height, width = (size // by for size, by in zip(picture.shape[:2], steps, strict=True))
    blocks = picture[: height * steps[0], : width * steps[1]].reshape(height, steps[0], width, steps[1], -1)
    thin = blocks.mean(axis=(1, 3)).astype(picture.dtype) if max(steps) > 1 else picture
    for axis, size in enumerate((height, width)):
        thin = np.repeat(thin, math.ceil(max(height, width) / (LARGEST_RATIO * size)), axis=axis)
    return thin


def _beside(slices: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Put slices beside each other, those that are lower in the middle, with their lowest value around them."""
    height = max(each.shape[0] for each in slices)
    lowest = min(each.min() for each in slices)  # any other value could change how they are spread
    padded = []
    for each in slices:
        above = (height - each.shape[0]) // 2
        around = [(above, height - each.shape[0] - above), *[(0, 0)] * (each.ndim - 1)]
        padded.append(np.pad(each, around, constant_values=lowest))
    return np.concatenate(padded, axis=1)
