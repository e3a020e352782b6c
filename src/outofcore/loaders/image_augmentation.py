"""Augmentation of images: all changes of an image as one affine map, in one interpolation.

The map's numbers are keyed draws of seed, pass and sample (see `outofcore.draws`), so whoever reads a
sample, and however often, makes the same image of it in the same pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from outofcore.draws import uniform
from outofcore.sources.base import Positions

BORDERS = {"edge": cv2.BORDER_REPLICATE, "mirror": cv2.BORDER_REFLECT_101, "background": cv2.BORDER_CONSTANT}
FLAGS = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
DRAWS = 7


@dataclass(frozen=True)
class ImageAugmentation:
    """Turns, shifts, slants, scales and mirrors images in place.

    Attributes:
        seed: Root of all draws.
        rotation: Largest turn to either side, in degrees.
        shift: Largest way along each side, as a share of it.
        shear: Largest slant, as a share of the height.
        zoom: Largest change of the scale of each axis, as a share.
        horizontal_flip: Whether every other image is mirrored, on average.
        fill: What lies outside of the image.
        background: Grey level from 0 to 255, for `fill="background"`.
        first_pass: Added to the pass.
    """

    seed: int
    rotation: float
    shift: float
    shear: float
    zoom: float
    horizontal_flip: bool
    fill: Literal["edge", "mirror", "background"]
    background: int = 255
    first_pass: int = 0

    def __call__(self, samples: Mapping[str, NDArray[Any]], positions: Positions, pass_: int) -> None:
        """Change the field `image` of samples, uint8, shape `(count, height, width, channels)`, in place."""
        images = samples["image"]
        height, width = images.shape[1:3]
        border, level = BORDERS[self.fill], (self.background,) * 4
        shape = images.shape[1:] if images.shape[3] > 1 else images.shape[1:3]
        changed = np.empty(shape, np.uint8)
        for image, matrix in zip(images, self.maps(positions, pass_, height, width), strict=True):
            cv2.warpAffine(image, matrix, (width, height), changed, FLAGS, border, level)
            image[...] = changed.reshape(image.shape)

    def maps(self, positions: Positions, pass_: int, height: int, width: int) -> NDArray[np.float64]:
        """Draw the maps from a pixel's new place to the one that it is taken from.

        Returns:
            One matrix for each sample, float64, shape `(count, 2, 3)`, for `(x, y, 1)` in pixels.
        """
        draws = uniform(self.seed, self.first_pass + pass_, "image augmentation", positions, DRAWS)
        spread = 2.0 * draws - 1.0  # from -1 to 1
        angle = np.deg2rad(self.rotation) * spread[:, 0]
        cosine, sine = np.cos(angle), np.sin(angle)
        turn = np.stack([cosine, -sine, sine, cosine], axis=1).reshape(-1, 2, 2)
        slant = np.zeros_like(turn)
        slant[:, 0, 0] = slant[:, 1, 1] = 1.0
        slant[:, 0, 1] = self.shear * spread[:, 1]
        scale = 1.0 + self.zoom * spread[:, 2:4]
        if self.horizontal_flip:
            scale[:, 0] *= np.where(draws[:, 6] < 0.5, -1.0, 1.0)
        linear = np.linalg.inv((turn @ slant) * scale[:, None, :])
        centre = np.array([(width - 1) / 2.0, (height - 1) / 2.0])
        moved = centre + self.shift * spread[:, 4:6] * (width, height)
        return np.concatenate([linear, (centre - np.einsum("nij,nj->ni", linear, moved))[..., None]], axis=2)
