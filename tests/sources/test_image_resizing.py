"""Images of another size: the ratio of their sides changed, kept on a background, or kept and cut off."""

from typing import Any

import cv2
import numpy as np
import pytest
from images_support import encoded
from numpy.typing import NDArray

from outofcore.sources.image_decoding import ImageForm, decode, fit_into


def decoded(pixels: NDArray[Any], height: int, width: int, **form: Any) -> NDArray[np.uint8]:
    image = np.empty((height, width, 3), np.uint8)
    wanted = ImageForm(height, width, 3, **form)
    fit_into(decode(encoded(pixels), wanted, b"image.png"), image, wanted)
    return image


def test_stretching_fills_the_whole_image() -> None:
    assert (decoded(np.full((8, 4, 3), 9, np.uint8), 8, 8, background=77) == 9).all()


@pytest.mark.parametrize(("height", "width"), [(4, 8), (8, 4)])
def test_padding_keeps_all_of_it_on_the_background(height: int, width: int) -> None:
    found = decoded(np.full((height, width, 3), 9, np.uint8), 16, 16, aspect="pad", background=77)
    expected = np.full((16, 16, 3), 77, np.uint8)
    expected[(slice(4, 12), slice(None)) if height < width else (slice(None), slice(4, 12))] = 9
    np.testing.assert_array_equal(found, expected)


def test_cropping_keeps_the_middle() -> None:
    pixels = np.zeros((8, 24, 3), np.uint8)
    pixels[:, 8:16] = 200
    np.testing.assert_array_equal(decoded(pixels, 8, 8, aspect="crop"), np.full((8, 8, 3), 200))


@pytest.mark.parametrize("aspect", ["stretch", "pad", "crop"])
def test_an_image_of_the_size_wanted_stays_what_it_is(aspect: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)
    np.testing.assert_array_equal(decoded(pixels, 6, 9, aspect=aspect), pixels)


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("nearest", cv2.INTER_NEAREST),
        ("linear", cv2.INTER_LINEAR),
        ("cubic", cv2.INTER_CUBIC),
        ("lanczos", cv2.INTER_LANCZOS4),
        ("area", cv2.INTER_AREA),
    ],
)
def test_the_filter_is_the_one_that_was_asked_for(name: str, flag: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 12, 3), np.uint8)
    expected = cv2.resize(pixels, (7, 7), interpolation=flag)
    np.testing.assert_array_equal(decoded(pixels, 7, 7, filter=name), expected)
    others = [cv2.resize(pixels, (7, 7), interpolation=other) for other in (0, 1, 2, 3, 4) if other != flag]
    assert all((expected != other).any() for other in others)


@pytest.mark.parametrize("aspect", ["pad", "crop"])
@pytest.mark.parametrize(("height", "width"), [(1, 300), (300, 1), (31, 33), (5, 5)])
def test_extreme_ratios(aspect: str, height: int, width: int) -> None:
    assert (decoded(np.full((height, width, 3), 9, np.uint8), 32, 32, aspect=aspect) == 9).any()
