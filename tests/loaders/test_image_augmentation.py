"""Augmented images: drawn by seed, pass and sample alone, within their magnitudes, in place."""

import copy
from typing import Any

import numpy as np
import pytest

from outofcore.loaders.augmentation import open_transform

NONE = {"rotation": 0.0, "shift": 0.0, "shear": 0.0, "zoom": 0.0, "horizontal_flip": False, "fill": "edge"}
COUNT, SIDE = 400, 17


def augmentation(seed: int = 1, **changes: Any) -> Any:
    return open_transform({"kind": "image_augmentation", "seed": seed, **NONE, **changes})


def pictures(count: int = 6, channels: int = 3) -> Any:
    return np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE, channels), np.uint8)


def changed(transform: Any, images: Any, positions: Any = None, pass_: int = 0) -> Any:
    images = images.copy()
    transform({"image": images}, np.arange(len(images)) if positions is None else positions, pass_)
    return images


def maps(**changes: Any) -> Any:
    """Maps from old places to new ones, about the centre."""
    matrices = augmentation(**changes).maps(np.arange(COUNT), 0, SIDE, SIDE)
    return np.linalg.inv(matrices[:, :, :2])


def test_without_magnitudes_nothing_changes() -> None:
    np.testing.assert_array_equal(changed(augmentation(), pictures()), pictures())


def test_a_sample_s_image_depends_on_seed_pass_and_sample_alone() -> None:
    transform, images = augmentation(shear=0.2, zoom=0.2, horizontal_flip=True), pictures()
    whole = changed(transform, images)
    np.testing.assert_array_equal(changed(transform, images[4:5], np.array([4])), whole[4:5])
    np.testing.assert_array_equal(changed(copy.deepcopy(transform), images), whole)
    for other in (
        changed(transform, images, pass_=1),
        changed(augmentation(seed=2, shear=0.2, zoom=0.2, horizontal_flip=True), images),
        changed(transform, images, np.arange(6) + 1),
    ):
        assert (other != whole).any(axis=(1, 2, 3)).all()


def test_the_first_pass_is_added() -> None:
    later = changed(augmentation(zoom=0.2, first_pass=3), pictures(), pass_=1)
    np.testing.assert_array_equal(later, changed(augmentation(zoom=0.2), pictures(), pass_=4))


def test_flips_mirror_half_of_the_images() -> None:
    images = pictures(COUNT)
    flipped = changed(augmentation(horizontal_flip=True), images)
    same, mirrored = ((flipped == other).all(axis=(1, 2, 3)) for other in (images, images[:, :, ::-1]))
    assert (same ^ mirrored).all()
    assert 0.4 < mirrored.mean() < 0.6


@pytest.mark.parametrize(
    ("magnitudes", "low", "high"),
    [
        ({"zoom": 0.2}, [[0.8, 0.0], [0.0, 0.8]], [[1.2, 0.0], [0.0, 1.2]]),
        ({"shear": 0.2}, [[1.0, -0.2], [0.0, 1.0]], [[1.0, 0.2], [0.0, 1.0]]),
        ({"rotation": 30.0}, [[0.866, -0.5], [-0.5, 0.866]], [[1.0, 0.5], [0.5, 1.0]]),
    ],
)
def test_magnitudes_are_reached_and_kept(magnitudes: dict[str, float], low: Any, high: Any) -> None:
    found = maps(**magnitudes)
    np.testing.assert_allclose(found.min(axis=0), low, atol=0.01)
    np.testing.assert_allclose(found.max(axis=0), high, atol=0.01)


def test_shifts_are_shares_of_the_side() -> None:
    moved = augmentation(shift=0.25).maps(np.arange(COUNT), 0, SIDE, 2 * SIDE)[:, :, 2]
    np.testing.assert_allclose(np.abs(moved).max(axis=0), [0.25 * 2 * SIDE, 0.25 * SIDE], rtol=0.02)


@pytest.mark.parametrize(("fill", "level"), [("background", 77), ("edge", 200)])
def test_what_lies_outside_is_filled(fill: str, level: int) -> None:
    images = np.full((20, SIDE, SIDE, 3), 200, np.uint8)
    found = changed(augmentation(shift=0.5, fill=fill, background=77), images)
    assert (found == level).any()
    assert set(np.unique(found)) <= set(range(77, 201)) if fill == "background" else {200}


def test_grey_images_have_one_channel() -> None:
    grey = pictures(channels=1)
    colour = changed(augmentation(zoom=0.2), np.repeat(grey, 3, axis=3))
    np.testing.assert_array_equal(changed(augmentation(zoom=0.2), grey)[..., 0], colour[..., 0])


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="kind of transform"):
        open_transform({"kind": "noise"})
