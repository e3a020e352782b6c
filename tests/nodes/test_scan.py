"""From files and labels to an index: what is taken, what is left out, what is refused."""

import logging
from pathlib import Path

import numpy as np
import pytest
from index_support import Place, folder_refusal, make_files, refusal

from outofcore.errors import ConfigurationError


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


# what is taken


def test_rows_of_the_table_in_their_order(place: Place) -> None:
    index = place.csv("b.jpg,cat", "sub/a.png,dog", "c.jpg,cat").scan()
    assert index["sample_id"].tolist() == ["b.jpg", "sub/a.png", "c.jpg"]
    assert index["label"].tolist() == ["cat", "dog", "cat"]
    assert index["weight"].tolist() == [1.0, 1.0, 1.0]
    assert index["group"].tolist() == ["", "", ""]
    status = [(place.images / name).stat() for name in index["sample_id"]]
    assert index["size"].tolist() == [each.st_size for each in status]
    assert index["mtime_ns"].tolist() == [each.st_mtime_ns for each in status]
    assert index["weight"].dtype == np.float32


def test_columns_of_any_name(place: Place) -> None:
    place.csv("a.jpg,3,0.5,left", "b.jpg,1,2,right", header="file,digit,how much,eye")
    index = place.scan(id_column="file", label_column="digit", weight_column="how much", group_column="eye")
    assert index["label"].tolist() == ["3", "1"]
    assert index["weight"].tolist() == [0.5, 2.0]
    assert index["group"].tolist() == ["left", "right"]


def test_one_column_may_serve_twice(place: Place) -> None:
    index = place.csv("a.jpg,3", "b.jpg,1").scan(weight_column="label", group_column="label")
    assert index["label"].tolist() == index["group"].tolist() == ["3", "1"]
    assert index["weight"].tolist() == [3.0, 1.0]


@pytest.mark.parametrize(("pattern", "name"), [("{id}.jpg", "{}.jpg"), ("{id}/image.png", "{}/image.png")])
def test_ids_become_file_names_by_the_pattern(place: Place, pattern: str, name: str) -> None:
    place.csv("p1,0", "p2,1")
    make_files(place.images / "below", [name.format("p1"), name.format("p2")])
    index = place.scan(file_pattern=f"below/{pattern}")
    assert index["sample_id"].tolist() == ["p1", "p2"]
    assert index["size"].tolist() == [len(name.format("p1"))] * 2


def test_a_parquet_table(place: Place) -> None:
    make_files(place.images, ["a.jpg", "b.jpg"])
    index = place.parquet(image_name=["a.jpg", "b.jpg"], label=[0.0, 1.0], weight=[0.25, 1.0]).scan(
        weight_column="weight"
    )
    assert index["label"].tolist() == ["0", "1"]
    assert index["weight"].tolist() == [0.25, 1.0]


def test_files_without_a_row_are_left_out_and_counted(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    place.csv("a.jpg,0", "b.jpg,1")
    make_files(place.images, ["c.jpg", "d.jpg", "notes.txt"])
    with caplog.at_level(logging.INFO):
        assert len(place.scan()) == 2
    assert f"2 files in {place.images} have no row in {place.labels} and are left out" in caplog.text


def test_folders_are_classes(place: Place) -> None:
    index = place.scan_folders("dog/2.jpg", "cat/1.jpg", "dog/old_3.PNG", "cat/notes.txt")
    assert index["sample_id"].tolist() == ["cat/1.jpg", "dog/2.jpg", "dog/old_3.PNG"]
    assert index["label"].tolist() == ["cat", "dog", "dog"]
    assert index["weight"].tolist() == [1.0] * 3
    assert index["weight"].dtype == np.float32
    assert index["group"].tolist() == [""] * 3
    assert index["size"].tolist() == [9, 9, 13]


@pytest.mark.parametrize(("pattern", "name"), [("{id}.jpg", "{}.jpg"), ("{id}/image.png", "{}/image.png")])
def test_ids_in_class_folders_are_those_of_the_pattern(place: Place, pattern: str, name: str) -> None:
    make_files(place.images, [name.format(sample) for sample in ("cat/007", "dog/é")])
    index = place.scan(labels_from="folders", file_pattern=pattern)
    assert index[["sample_id", "label"]].to_numpy().tolist() == [["cat/007", "cat"], ["dog/é", "dog"]]


def test_both_ways_give_the_same_columns(place: Place) -> None:
    table = place.csv("cat/1.jpg,cat", "dog/2.jpg,dog").scan()
    index = place.scan(labels_from="folders")
    assert index.dtypes.equals(table.dtypes)
    assert index.equals(table)


# what is refused


@pytest.mark.parametrize("pattern", ["img.jpg", "{id}/{id}.jpg"])
def test_a_pattern_without_one_id(place: Place, pattern: str) -> None:
    assert refusal(place.csv("a.jpg,0"), ConfigurationError, file_pattern=pattern) == (
        f"scan.file_pattern: expected {{id}} once, as in '{{id}}.jpg', found '{pattern}'. Correct it in the parameters."
    )


def test_a_file_in_a_class_folder_that_the_pattern_does_not_name(place: Place) -> None:
    make_files(place.images, ["cat/1.jpg", "dog/2.png"])
    assert refusal(place, labels_from="folders", file_pattern="{id}.jpg") == (
        f"{place.images}/dog/2.png: expected a file named as scan.file_pattern says, '{{id}}.jpg', found another name. "
        "Correct scan.file_pattern, for example to '{id}', or rename the file."
    )


def test_a_folder_without_samples(place: Place) -> None:
    assert folder_refusal(place, "cat/notes.txt") == (
        f"{place.images}: expected files ending in .jpg, .png, found none. "
        "Correct the filepath in the catalog or scan.extensions."
    )


def test_folders_in_class_folders(place: Place) -> None:
    assert folder_refusal(place, "cat/1.jpg", "dog/black/1.jpg") == (
        f"{place.images}/dog/black/1.jpg: expected the folders of the classes directly in {place.images}, found "
        "folders in them. Point the catalog at the folder that holds the class folders, or set "
        "scan.splits_from=folders where it holds the trees of the splits."
    )


def test_a_table_without_rows(place: Place) -> None:
    make_files(place.images, ["a.jpg"])
    assert refusal(place.csv()) == (
        f"{place.labels}: expected a row for every sample, found none. "
        "Add rows, or set scan.labels_from=folders where each class has a folder."
    )


def test_a_row_without_a_file_is_marked(place: Place) -> None:
    place.csv("a.jpg,0", "b.jpg,1", "c.jpg,1")
    (place.images / "b.jpg").unlink()
    index = place.scan()
    assert index["problem"].tolist() == [
        "",
        f"{place.images}/b.jpg: expected the file of sample 'b.jpg', found none. "
        "Restore it, take its row out of the label table, or correct scan.file_pattern or scan.extensions.",
        "",
    ]
    assert index["size"].tolist() == [5, 0, 5]


def test_no_files_at_all(place: Place) -> None:
    place.csv("a.jpg,0", "b.jpg,0")
    for name in ("a.jpg", "b.jpg"):
        (place.images / name).unlink()
    assert "sample a.jpg, found none, nor any of the other 1 samples' files" in refusal(place)


@pytest.mark.parametrize("weight", ["-1", "heavy", "", "nan", "inf", "1e39", "1e400", "0x10"])
def test_a_weight_that_is_no_number_of_at_least_0(place: Place, weight: str) -> None:
    place.csv("a.jpg,0,1.5", f"b.jpg,1,{weight}", header="image_name,label,w")
    assert refusal(place, weight_column="w") == (
        f"{place.labels}, row 3: expected a weight of at least 0 for sample 'b.jpg', found '{weight}'. Correct the row."
    )


@pytest.mark.parametrize("weight", ["0", "+2", "1.", ".5", "1e-3"])
def test_ways_to_write_a_weight(place: Place, weight: str) -> None:
    place.csv(f"a.jpg,0,{weight}", header="image_name,label,w")
    assert place.scan(weight_column="w")["weight"].tolist() == [np.float32(weight)]


def test_a_label_with_blanks_around_it(place: Place) -> None:
    assert refusal(place.csv("a.jpg,1", "b.jpg, 1")) == (
        f"{place.labels}, row 3: expected a label without blanks around it for sample 'b.jpg', found ' 1' "
        "(1 rows are like it). Label them or take them out."
    )
