"""The generated shapes: reproducible, of any number and side, and of two different tasks."""

import csv
from pathlib import Path

import cv2
import pytest

from outofcore.samples.coloured_shapes import SOURCE, TARGET, write_shapes


def draw(folder: Path, count: int = 20, side: int = 24, seed: int = 3, task: str = "target") -> dict[str, bytes]:
    write_shapes(folder, folder / "labels.csv", count, side, seed, task)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}


def test_every_class_has_a_folder_and_the_table_names_it(tmp_path: Path) -> None:
    draw(tmp_path)
    with (tmp_path / "labels.csv").open() as file:
        header, *rows = csv.reader(file)
    assert header == ["tile_name", "y"]
    assert [name.partition("/")[0] for name, _ in rows] == [label for _, label in rows] == 2 * list(TARGET)
    assert all((tmp_path / name).is_file() for name, _ in rows)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == sorted(TARGET)


@pytest.mark.parametrize("side", [8, 24, 61])
def test_images_have_the_side_that_was_asked_for(tmp_path: Path, side: int) -> None:
    draw(tmp_path, count=10, side=side)
    assert {cv2.imread(str(path)).shape for path in tmp_path.rglob("*.jpg")} == {(side, side, 3)}


def test_the_seed_decides_the_bytes(tmp_path: Path) -> None:
    first = draw(tmp_path / "a")
    assert draw(tmp_path / "b") == first
    assert draw(tmp_path / "c", seed=4) != first


def test_the_tasks_share_no_class(tmp_path: Path) -> None:
    draw(tmp_path, count=12, task="source")
    assert {path.parent.name for path in tmp_path.rglob("*.jpg")} == set(SOURCE)
    assert not set(SOURCE) & set(TARGET)
