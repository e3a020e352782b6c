"""Samples of any number of axes and channels as pictures."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from outofcore.reporting.pictures import LARGEST_RATIO, LONGEST_SIDE, as_picture


def test_an_image_of_bytes_is_shown_as_it_is() -> None:
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    np.testing.assert_array_equal(as_picture(image), image)
    grey = as_picture(image[..., :1])
    assert grey.shape == (4, 4, 3) and (grey == image[..., :1]).all()


def test_other_samples_are_spread_and_large_ones_thinned_out() -> None:
    spread = as_picture(np.array([[[-1.0], [0.0]], [[1.0], [np.nan]]], np.float32))
    assert spread[..., 0].tolist() == [[0, 127], [255, 0]]
    assert as_picture(np.full((3, 3, 1), 7.0)).max() == 0
    large = as_picture(np.full((225, 449, 3), 9, np.uint8))
    assert large.shape == (45, 89, 3) and (large == 9).all()


def test_a_volume_shows_its_three_central_slices() -> None:
    volume = np.zeros((8, 6, 4, 1), np.uint8)
    volume[4, :, :], volume[:, 3, :], volume[:, :, 2] = 10, 20, 30
    picture = as_picture(volume)[..., 0]
    assert picture.shape == (8, 4 + 4 + 6)
    assert picture[0, 0] == 10  # beside the first slice, which is lower: the lowest value
    assert {10, 20, 30} <= set(np.unique(picture))


def test_what_stands_around_lower_slices_does_not_change_how_values_are_spread() -> None:
    volume = np.random.default_rng(1).uniform(500, 501, (4, 6, 6, 1))
    picture = as_picture(volume)
    assert 100 < picture[:, :6].mean() < 155


@pytest.mark.parametrize("channels", [2, 4, 7])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_of_channels_that_are_no_colours_the_first_is_shown(channels: int, axes: int) -> None:
    sample = np.random.default_rng(1).normal(0, 1, (*(6, 7, 8)[:axes], channels))
    sample[..., 1:] *= 100  # would change how the first is spread
    np.testing.assert_array_equal(as_picture(sample), as_picture(sample[..., :1]))


def test_a_series_is_a_curve() -> None:
    picture = as_picture(np.linspace(0, 1, 960)[:, None])[..., 0]
    rows, columns = np.nonzero(picture == 0)
    assert set(columns) == set(range(LONGEST_SIDE))
    means = [rows[columns == column].mean() for column in range(LONGEST_SIDE)]
    assert means == sorted(means, reverse=True) and means[0] - means[-1] > picture.shape[0] * 0.9


def peak(shape: tuple[int, int]) -> NDArray[Any]:
    image = np.zeros((*shape, 1), np.float32)
    image[shape[0] // 2 :, shape[1] // 2 :] = 1
    return image


@pytest.mark.parametrize("shape", [(13, 5000), (64, 10_000), (10_000, 64), (1, 300), (300, 1), (2, 3)])
def test_a_long_image_keeps_its_short_side(shape: tuple[int, int]) -> None:
    """Rows of a spectrogram are few, and its columns many."""
    picture = as_picture(peak(shape))
    assert max(picture.shape[:2]) <= min(LONGEST_SIDE, LARGEST_RATIO * min(picture.shape[:2]))
    assert picture[-1, -1, 0] == 255
    assert min(shape) == 1 or picture[0, 0, 0] == 0
