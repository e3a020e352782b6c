"""Six shapes: distinguishable, reproducible, and unchanged by how many there are."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from outofcore.samples.shapes3d import SHAPES, draw_shape, write_shapes


def drawn(root: Path, **changes: Any) -> dict[str, bytes]:
    arguments: dict[str, Any] = {"count": 14, "side": 12, "noise": 0.2, "seed": 5, **changes}
    write_shapes(root / "volumes", root / "labels.csv", **arguments)
    return {path.name: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_it_writes_float32_volumes_and_a_table(tmp_path: Path) -> None:
    files = drawn(tmp_path)
    assert set(files) == {"labels.csv", *(f"id-{number}.npy" for number in range(14))}
    volume = np.load(tmp_path / "volumes/id-3.npy")
    assert (volume.shape, volume.dtype) == ((12, 12, 12), np.float32)
    lines = files["labels.csv"].decode().splitlines()
    assert lines[:3] == ["sample_id,label", "id-0,ball", "id-1,cube"]
    assert {line.split(",")[1] for line in lines[1:]} == set(SHAPES)


def test_more_of_them_leave_the_first_ones_as_they_are(tmp_path: Path) -> None:
    few, many = drawn(tmp_path / "few"), drawn(tmp_path / "many", count=20)
    assert {name: many[name] for name in few if name.endswith(".npy")} == {
        name: content for name, content in few.items() if name.endswith(".npy")
    }


@pytest.mark.parametrize("changes", [{"seed": 6}, {"noise": 0.3}])
def test_seed_and_noise_change_every_volume(tmp_path: Path, changes: dict[str, Any]) -> None:
    one, other = drawn(tmp_path / "one"), drawn(tmp_path / "other", **changes)
    assert all(one[name] != other[name] for name in one if name.endswith(".npy"))


def test_golden_volume() -> None:
    """Raise `SAMPLE_VERSION` in nodes/volumes.py when this changes."""
    volume = draw_shape("torus", 16, 0.0, np.random.default_rng([42, 4]))
    assert [int(volume.sum()), *(int(places.sum()) for places in volume.nonzero())] == GOLDEN


GOLDEN = [212, 1424, 1921, 1263]


def test_shapes_fill_unlike_parts_of_the_volume() -> None:
    """Without noise every place is in or out; a torus has a hole, a cross thin arms."""
    sizes = {}
    for label in SHAPES:
        volumes = np.stack([draw_shape(label, 24, 0.0, np.random.default_rng([1, number])) for number in range(20)])
        assert set(np.unique(volumes)) == {0.0, 1.0}
        sizes[label] = volumes.mean()
    assert sizes["cross"] < sizes["cone"] < sizes["ball"]
    assert sizes["cross"] < sizes["torus"] < sizes["ball"]
