"""Handles: places on disk that need not exist, and that nobody can save to."""

from pathlib import Path
from typing import Any

import pytest
from kedro.io import DataCatalog, DatasetError

from outofcore.datasets.handles import FileDataset, FolderDataset, PlacedFileDataset, TrainingFolderDataset
from outofcore.types import File, Folder, TrainingFolder

KINDS = [(FolderDataset, Folder), (FileDataset, File), (TrainingFolderDataset, TrainingFolder)]


@pytest.mark.parametrize(("dataset", "handle"), KINDS)
def test_they_hand_out_an_absolute_path(dataset: Any, handle: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = dataset(filepath="data/../place").load()
    assert type(loaded) is handle
    assert loaded.path == tmp_path / "place"
    assert not loaded.path.exists()


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert FolderDataset(filepath="~/photos").load().path == tmp_path / "photos"


@pytest.mark.parametrize(("dataset", "handle"), KINDS)
def test_whether_the_place_exists(dataset: Any, handle: Any, tmp_path: Path) -> None:
    place = dataset(filepath=str(tmp_path / "place"))
    assert not place.exists()
    (tmp_path / "place").mkdir()
    assert place.exists()


@pytest.mark.parametrize(("dataset", "handle"), KINDS)
def test_saving_is_refused(dataset: Any, handle: Any, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="a handle cannot be saved to; a node writes to its path"):
        dataset(filepath=str(tmp_path / "place")).save("data")
    assert not (tmp_path / "place").exists()


@pytest.mark.parametrize("links", [True, False])
def test_a_placed_file_takes_the_place_of_what_stood_there(tmp_path: Path, monkeypatch: Any, links: bool) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    if not links:
        monkeypatch.setattr("os.link", refuse)
    made, place = tmp_path / "made.parquet", tmp_path / "out/table.parquet"
    dataset = PlacedFileDataset(filepath=str(place))
    for content in (b"first", b"second"):
        made.unlink(missing_ok=True)
        made.write_bytes(content)
        dataset.save(File(made))
        assert dataset.load() == File(place)
        assert place.read_bytes() == made.read_bytes() == content
        assert place.samefile(made) is links
        assert list(place.parent.iterdir()) == [place]
    made.unlink()
    assert place.read_bytes() == b"second"


def test_a_catalog_makes_them() -> None:
    entry = {
        "type": "outofcore.datasets.handles.FolderDataset",
        "filepath": "/data/images",
        "metadata": {"kedro-viz": {"layer": "raw"}},
    }
    catalog = DataCatalog.from_config({"images": entry})
    assert catalog.load("images") == Folder(Path("/data/images"))
    assert catalog["images"].metadata == {"kedro-viz": {"layer": "raw"}}
