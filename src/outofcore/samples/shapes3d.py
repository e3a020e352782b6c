"""Six shapes in noise, as `.npy` volumes and a label table.

Ball, cube, cylinder, cone, torus and cross: each of a size and at a place of its own, with its axis
along any of the three directions. A shape is 1 and what is around it 0, before the noise.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from outofcore.progress_bar import progress
from outofcore.samples.writing import label_table, write_npy

COLUMNS = ("sample_id", "label")

Places = NDArray[np.float64]


def _ball(x: Places, y: Places, z: Places) -> NDArray[np.bool_]:
    return x**2 + y**2 + z**2 < 1.0


def _cube(x: Places, y: Places, z: Places) -> NDArray[np.bool_]:
    return np.maximum(np.maximum(abs(x), abs(y)), abs(z)) < 0.8


def _cylinder(x: Places, y: Places, z: Places) -> NDArray[np.bool_]:
    return (x**2 + y**2 < 0.45**2) & (abs(z) < 1.0)


def _cone(x: Places, y: Places, z: Places) -> NDArray[np.bool_]:
    return (np.sqrt(x**2 + y**2) < (1.0 - z) / 2.0) & (abs(z) < 1.0)


def _torus(x: Places, y: Places, z: Places) -> NDArray[np.bool_]:
    return (np.sqrt(x**2 + y**2) - 0.7) ** 2 + z**2 < 0.3**2


def _cross(x: Places, y: Places, z: Places) -> NDArray[np.bool_]:
    thin = np.stack(np.broadcast_arrays(abs(x) < 0.25, abs(y) < 0.25, abs(z) < 0.25))
    inside = np.maximum(np.maximum(abs(x), abs(y)), abs(z)) < 1.0
    return np.asarray((thin.sum(axis=0) >= 2) & inside)


SHAPES: dict[str, Callable[[Places, Places, Places], NDArray[np.bool_]]] = {
    "ball": _ball,
    "cube": _cube,
    "cylinder": _cylinder,
    "cone": _cone,
    "torus": _torus,
    "cross": _cross,
}
"""Whether a place, in units of the shape's size from its middle, is inside."""


def write_shapes(folder: Path, table: Path, count: int, side: int, noise: float, seed: int) -> None:
    """Draw volumes and write them as `id-<number>.npy` and a CSV.

    A volume depends on its number, its side, the noise and the seed alone: more of them leave the
    first ones as they are.

    Args:
        folder: Folder of the volumes, float32, shape `(side, side, side)`.
        table: CSV to write, columns `sample_id,label`; the label is the shape's name.
        count: Number of volumes, in equal shares of the shapes.
        side: Voxels of a side.
        noise: Standard deviation of the noise.
        seed: Root of all draws.

    Raises:
        DataError: The disk is full or the folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    labels = list(SHAPES)
    with label_table(table, COLUMNS) as add_row, progress("draw volumes", count, "volumes") as advance:
        for number in range(count):
            label = labels[number % len(labels)]
            rng = np.random.default_rng([seed, number])
            write_npy(folder / f"id-{number}.npy", draw_shape(label, side, noise, rng))
            add_row((f"id-{number}", label))
            advance(1)


def draw_shape(label: str, side: int, noise: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw one shape, float32, shape `(side, side, side)`."""
    size = side * rng.uniform(0.25, 0.38)
    middle = (side - 1) / 2 + rng.uniform(-0.1, 0.1, 3) * side
    axes = np.ogrid[:side, :side, :side]
    x, y, z = ((axis - at) / size for axis, at in zip(axes, middle, strict=True))
    sign = rng.choice([-1.0, 1.0])
    shape = SHAPES[label](*[(x, y, z * sign), (y, z, x * sign), (z, x, y * sign)][rng.integers(3)])
    values = rng.standard_normal((side, side, side), np.float32)
    return np.asarray(shape + np.float32(noise) * values, np.float32)
