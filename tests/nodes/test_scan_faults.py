"""Cases of the fault catalogue that the scan decides."""

from pathlib import Path
from typing import Any

import pytest
from index_support import Place, folder_refusal, make_files, refusal

from outofcore.nodes.label_map import make_label_map


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.fault
def test_fault_023_duplicate_id_with_another_label(place: Place) -> None:
    assert refusal(place.csv("a.jpg,cat", "b.jpg,dog", "a.jpg,dog")) == (
        f"{place.labels}, row 4: expected one label for sample 'a.jpg', found 'cat' in row 2 and 'dog' in row 4. "
        "Take one of the rows out."
    )


@pytest.mark.fault
@pytest.mark.parametrize("sample_id", ["../a.jpg", "/etc/a.jpg", "x/../../a.jpg", "..", "x/.."])
def test_fault_024_id_that_leads_out_of_the_folder(place: Place, sample_id: str) -> None:
    place.parquet(image_name=["ok.jpg", sample_id], label=["0", "1"])
    assert refusal(place) == (
        f"{place.labels}, row 2: expected the name of a file below the folder of the samples as sample ID, "
        f"found '{sample_id}'. Correct the row or rename the file."
    )


@pytest.mark.fault
@pytest.mark.parametrize("sample_id", ["..a.jpg", "a..jpg", "x..y/a.jpg", "x/..y.jpg"])
def test_fault_024_dots_in_a_name_are_accepted(place: Place, sample_id: str) -> None:
    make_files(place.images, [sample_id])
    place.parquet(image_name=[sample_id], label=["0"])
    if sample_id.rpartition("/")[2].startswith("."):  # a hidden file is no sample
        assert "found none" in refusal(place)
    else:
        assert len(place.scan()) == 1


@pytest.mark.fault
@pytest.mark.parametrize("sample_id", ["a\n.jpg", "a\x00.jpg", "a\r.jpg", "\ta.jpg", ""])
def test_fault_025_control_character_in_an_id(place: Place, sample_id: str) -> None:
    place.parquet(image_name=["ok.jpg", sample_id], label=["0", "1"])
    assert f"{place.labels}, row 2: expected the name of a file" in refusal(place)
    assert repr(sample_id) in refusal(place)


@pytest.mark.fault
def test_fault_025_newline_in_a_file_name(place: Place) -> None:
    assert folder_refusal(place, "cat/1.jpg", "dog/a\nb.jpg") == (
        f"{place.images}: expected the name of a file below the folder of the samples as sample ID, "
        "found 'dog/a\\nb.jpg'. Correct the row or rename the file."
    )


ALIKE = [("A.jpg", "a.JPG"), ("\u00c4.jpg", "\u00e4.jpg"), ("\u00e9.jpg", "e\u0301.jpg"), ("\u00c9.jpg", "e\u0301.jpg")]


@pytest.mark.fault
@pytest.mark.parametrize(("first", "second"), ALIKE)
def test_fault_026_ids_that_differ_in_case_or_unicode_form(place: Place, first: str, second: str) -> None:
    assert refusal(place.csv(f"{first},0", "other.jpg,0", f"{second},1")) == (
        f"{place.labels}, row 4: expected IDs that differ in more than case or Unicode form, found "
        f"'{second}' beside '{first}'. Rename one of the files."
    )


@pytest.mark.fault
@pytest.mark.parametrize(("first", "second"), ALIKE)
def test_fault_026_file_names_that_differ_in_case_or_unicode_form(place: Place, first: str, second: str) -> None:
    message = folder_refusal(place, f"cat/{first}", f"cat/{second}", "dog/1.jpg")
    assert message.startswith(f"{place.images}: expected IDs that differ in more than case or Unicode form, found ")
    assert f"'cat/{first}'" in message
    assert f"'cat/{second}'" in message


@pytest.mark.fault
def test_fault_026_the_same_name_in_two_folders_is_accepted(place: Place) -> None:
    assert len(place.scan_folders("cat/1.jpg", "dog/1.jpg")) == 2


@pytest.mark.fault
def test_fault_027_id_with_leading_zeros(place: Place) -> None:
    make_files(place.images, ["007.jpg", "7.jpg"])
    assert place.csv("007,1", "7,0").scan(file_pattern="{id}.jpg")["sample_id"].tolist() == ["007", "7"]


@pytest.mark.fault
@pytest.mark.parametrize("name", ["007", "NA", "null", "nan"])
def test_fault_027_028_names_in_class_folders_stay_as_they_are(place: Place, name: str) -> None:
    index = place.scan_folders(f"{name}/{name}.jpg", "7/7.jpg")
    assert index.loc[index["label"] == name, "sample_id"].tolist() == [f"{name}/{name}.jpg"]
    assert len(index) == 2


@pytest.mark.fault
def test_fault_028_ids_that_look_like_missing_values(place: Place) -> None:
    make_files(place.images, ["NA.jpg", "null.jpg", "nan.jpg", "None.jpg"])
    index = place.csv("NA,a", "null,b", "nan,NA", "None,null").scan(file_pattern="{id}.jpg")
    assert index["sample_id"].tolist() == ["NA", "null", "nan", "None"]
    assert index["label"].tolist() == ["a", "b", "NA", "null"]


@pytest.mark.fault
@pytest.mark.parametrize("label", ["", "   ", "nan", "NaN"])
def test_fault_029_label_missing(place: Place, label: str) -> None:
    assert refusal(place.csv("a.jpg,1", f"b.jpg,{label}", "c.jpg,")) == (
        f"{place.labels}, row 3: expected a label without blanks around it for sample 'b.jpg', found '{label}' "
        "(2 rows are like it). Label them or take them out."
    )


@pytest.mark.fault
def test_fault_029_a_file_outside_of_the_class_folders(place: Place) -> None:
    assert folder_refusal(place, "cat/1.jpg", "x.jpg", "y.jpg") == (
        f"{place.images}/x.jpg: expected every file in a folder of its class, found 2 outside of one. "
        "Move them, or set scan.labels_from=table."
    )


@pytest.mark.fault
@pytest.mark.parametrize("labels", [[1.0, None], [1.0, float("nan")], ["x", None]])
def test_fault_029_label_missing_in_parquet(place: Place, labels: list[Any]) -> None:
    make_files(place.images, ["a.jpg", "b.jpg"])
    assert "row 2: expected a label" in refusal(place.parquet(image_name=["a.jpg", "b.jpg"], label=labels))


@pytest.mark.fault
@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["1.0", "1", "0."], ["1", "1", "0"]),
        (["1.00", "10.0", "0"], ["1", "10", "0"]),
        (["1", "01", "0"], ["1", "01", "0"]),
        (["1.0", "cat", "0"], ["1.0", "cat", "0"]),
        (["v1.0", "v1.5", "v2"], ["v1.0", "v1.5", "v2"]),
        (["1.5", "cat", "-1"], ["1.5", "cat", "-1"]),
    ],
)
def test_fault_031_labels_that_are_whole_numbers(place: Place, written: list[str], read: list[str]) -> None:
    place.csv(*(f"{number}.jpg,{label}" for number, label in enumerate(written)))
    assert place.scan()["label"].tolist() == read


@pytest.mark.fault
@pytest.mark.parametrize("label", ["1.5", "1e-3", ".5"])
def test_fault_031_label_with_a_fraction(place: Place, label: str) -> None:
    assert refusal(place.csv("a.jpg,0", f"b.jpg,{label}", "c.jpg,1")) == (
        f"{place.labels}, row 3: expected a name or a whole number of at least 0 as label of sample 'b.jpg', "
        f"found '{label}'. Number the classes from 0, or give them names."
    )


@pytest.mark.fault
def test_fault_031_032_class_folders_have_names_not_numbers(place: Place) -> None:
    """A folder is a class whatever its name is, and its code is its place in the label map."""
    index = place.scan_folders("1.0/a.jpg", "1.5/b.jpg", "-1/c.jpg", "nan/d.jpg")
    assert set(index["label"]) == {"1.0", "1.5", "-1", "nan"}
    assert sorted(make_label_map(index).values()) == [0, 1, 2, 3]


@pytest.mark.fault
@pytest.mark.parametrize("label", ["-1", "-1.0"])
def test_fault_032_negative_label(place: Place, label: str) -> None:
    assert refusal(place.csv("a.jpg,0", f"b.jpg,{label}", "c.jpg,1")) == (
        f"{place.labels}, row 3: expected a name or a whole number of at least 0 as label of sample 'b.jpg', "
        f"found '{label}'. Number the classes from 0, or give them names."
    )


@pytest.mark.fault
@pytest.mark.parametrize("empty", ["bird", "wolf"])
@pytest.mark.parametrize("content", [(), (".DS_Store",), ("notes.txt",)])
def test_fault_039_empty_class_folder(place: Place, empty: str, content: tuple[str, ...]) -> None:
    (place.images / empty).mkdir(parents=True)
    make_files(place.images / empty, content)
    assert folder_refusal(place, "cat/1.jpg", "dog/1.jpg") == (
        f"{place.images}/{empty}: expected a folder of a class with files ending in .jpg, .png, found none. "
        "Add samples of the class, or take the folder away."
    )


STRAY = [".DS_Store", "Thumbs.db", ".ipynb_checkpoints/1-checkpoint.jpg", "__MACOSX/cat/._1.jpg"]


@pytest.mark.fault
def test_fault_040_stray_files_beside_class_folders(place: Place) -> None:
    make_files(place.images, [*STRAY, *(f"cat/{name}" for name in STRAY)])
    (place.images / "dog" / ".ipynb_checkpoints").mkdir(parents=True)
    assert place.scan_folders("cat/1.jpg", "dog/1.jpg")["sample_id"].tolist() == ["cat/1.jpg", "dog/1.jpg"]


@pytest.mark.fault
def test_fault_040_stray_files_beside_a_table(place: Place) -> None:
    make_files(place.images, STRAY)
    assert place.csv("a.jpg,0", "b.jpg,1").scan()["sample_id"].tolist() == ["a.jpg", "b.jpg"]
