"""Coloured, textured shapes as JPG files in class folders, with a label table beside them.

Two tasks of the same kind: `target`, ten shapes, and `source`, twelve others, on which a base can be
trained that then serves the first. A class is a shape; its size, place, turn, colours and textures,
and those of the background, are drawn anew for each image and tell nothing of the class.
"""

import math
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from outofcore.samples.writing import label_table, write_jpg

COLUMNS = ("tile_name", "y")

FINE = 4
"""Pixels drawn for the side of each pixel kept, so that edges are smooth."""

LEAST_CONTRAST = 90.0
"""Smallest distance of the shape's mean colour from the background's, in levels of 0 to 255."""

TEXTURES = 4

Points = NDArray[np.float64]


def _around(radii: list[float], turn: float = 0.0) -> Points:
    """Corners at equal angles around the centre, at the radii given."""
    angles = turn + 2.0 * math.pi * np.arange(len(radii)) / len(radii)
    corners: Points = np.stack([np.sin(angles), -np.cos(angles)], axis=1) * np.array(radii)[:, None]
    return corners


def _arc(radius: float, start: float, stop: float) -> Points:
    angles = np.linspace(start, stop, 48)
    outline: Points = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return outline


def _crescent() -> Points:
    return np.concatenate([_arc(1.0, 0.9, 2.0 * math.pi - 0.9), _arc(0.785, -1.48, -4.8) + np.array([0.55, 0.0])])


def _blocks(*corners: tuple[float, float]) -> Points:
    return np.array(corners)


TARGET: dict[str, Points] = {
    "arrow": _blocks((0, -1), (0.8, 0), (0.3, 0), (0.3, 1), (-0.3, 1), (-0.3, 0), (-0.8, 0)),
    "circle": _arc(0.85, 0.0, 2.0 * math.pi),
    "crescent": _crescent(),
    "cross": _blocks(*((a * x, a * y) for a in (1, -1) for x, y in ((0.3, -1), (0.3, -0.3), (1, -0.3),
                                                                    (1, 0.3), (0.3, 0.3), (0.3, 1)))),
    "hexagon": _around([0.95] * 6),
    "hourglass": _blocks((-0.8, -0.9), (0.8, -0.9), (0.12, 0), (0.8, 0.9), (-0.8, 0.9), (-0.12, 0)),
    "petals": np.stack([(0.62 + 0.38 * np.cos(3 * a)) * f(a) for a in [np.linspace(0, 2 * math.pi, 96)]
                        for f in (np.cos, np.sin)], axis=1),
    "square": _around([1.0] * 4, math.pi / 4),
    "star": _around([1.0, 0.42] * 5),
    "triangle": _around([1.0] * 3),
}  # fmt: skip
"""Outlines of the target task, in a circle of radius 1."""

SOURCE: dict[str, Points] = {
    "bar": _blocks((-0.25, -1), (0.25, -1), (0.25, 1), (-0.25, 1)),
    "bolt": _blocks((0.2, -1), (-0.6, 0.15), (-0.05, 0.15), (-0.25, 1), (0.6, -0.2), (0.08, -0.2)),
    "burst": _around([1.0, 0.55] * 8),
    "chevron": _blocks((-0.9, -0.2), (0, -0.9), (0.9, -0.2), (0.9, 0.4), (0, -0.3), (-0.9, 0.4)),
    "clover": np.stack([(0.68 + 0.3 * np.cos(4 * a)) * f(a) for a in [np.linspace(0, 2 * math.pi, 96)]
                        for f in (np.cos, np.sin)], axis=1),
    "diamond": _around([1.0, 0.55] * 2),
    "ell": _blocks((-0.7, -0.9), (-0.1, -0.9), (-0.1, 0.35), (0.75, 0.35), (0.75, 0.9), (-0.7, 0.9)),
    "ellipse": _arc(1.0, 0.0, 2.0 * math.pi) * [0.95, 0.55],
    "half": _arc(0.95, 0.0, math.pi) - [0.0, 0.4],
    "pentagon": _around([0.95] * 5),
    "tee": _blocks((-0.85, -0.9), (0.85, -0.9), (0.85, -0.35), (0.28, -0.35), (0.28, 0.9), (-0.28, 0.9),
                   (-0.28, -0.35), (-0.85, -0.35)),
    "trapezium": _blocks((-0.4, -0.7), (0.4, -0.7), (0.95, 0.7), (-0.95, 0.7)),
}  # fmt: skip
"""Outlines of the source task."""

TASKS = {"target": TARGET, "source": SOURCE}


def write_shapes(images: Path, table: Path, count: int, side: int, seed: int, task: str = "target") -> None:
    """Draw shapes and write them as `<class>/img_<number>.jpg` and a CSV.

    Args:
        images: Folder of the class folders.
        table: CSV to write, columns `tile_name,y`: the path below the folder, and the class.
        count: Number of images, in equal shares of the classes.
        side: Pixels of an image's side.
        seed: Root of all draws; a task has draws of its own.
        task: `target` or `source`.

    Raises:
        DataError: The disk is full or the folder cannot be written to.
    """
    outlines = TASKS[task]
    names = list(outlines)
    rng = np.random.default_rng([seed, *task.encode()])
    for name in names:
        (images / name).mkdir(parents=True, exist_ok=True)
    with label_table(table, COLUMNS) as add_row:
        for number in range(count):
            name = names[number % len(names)]
            path = f"{name}/img_{number}.jpg"
            write_jpg(images / path, draw_shape(outlines[name], side, rng))
            add_row((path, name))


def draw_shape(outline: Points, side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw one shape on a background.

    Args:
        outline: Corners of the shape, shape `(corners, 2)`, in a circle of radius 1.
        side: Pixels of the image's side.
        rng: Where all that is left to chance comes from.

    Returns:
        The image, uint8, shape `(side, side, 3)`.
    """
    size = side * FINE
    scale, (x, y) = rng.uniform(0.26, 0.42) * size, size * (0.5 + rng.uniform(-0.1, 0.1, 2))
    turn = cv2.getRotationMatrix2D((0.0, 0.0), rng.uniform(-25.0, 25.0), scale)[:, :2]
    corners = np.round(outline @ turn.T + (x, y)).astype(np.int32)
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [corners], 255)
    inside = np.asarray(cv2.resize(mask, (side, side), interpolation=cv2.INTER_AREA), np.float32)[..., None] / 255.0
    ground = rng.uniform(30.0, 225.0, 3)
    colour = ground
    while np.abs(colour - ground).mean() < LEAST_CONTRAST:
        colour = rng.uniform(0.0, 255.0, 3)
    image = inside * _textured(side, colour, rng) + (1.0 - inside) * _textured(side, ground, rng)
    image += rng.normal(0.0, 8.0, image.shape)
    return np.clip(image, 0.0, 255.0).astype(np.uint8)


def _textured(side: int, colour: Points, rng: np.random.Generator) -> NDArray[np.float32]:
    """Fill a square with a colour that a texture makes lighter and darker: plain, stripes, checks or dots."""
    kind, period, angle = rng.integers(TEXTURES), rng.uniform(0.15, 0.35) * side, rng.uniform(0.0, math.pi)
    rows, columns = np.mgrid[:side, :side] * (2.0 * math.pi / period)
    along = math.cos(angle) * columns + math.sin(angle) * rows
    across = math.cos(angle) * rows - math.sin(angle) * columns
    wave: Callable[[Points], Points] = np.sin
    light = (np.zeros_like(along), wave(along), wave(along) * wave(across), np.maximum(wave(along) + wave(across), 0.0))
    return (colour + 40.0 * light[kind][..., None]).astype(np.float32)
