"""Labels and splits as they should not be, on whole images: of cases 22 to 41 of the fault catalogue.

Cases that lie in one node alone have their tests beside that node: 24 to 32 and 39 in
`tests/nodes/test_scan.py`, 30 and 35 to 37 in `test_partition.py`, 33 in `test_evaluate.py`.
"""

import logging
from pathlib import Path
from typing import Any

import pytest
from images_support import GOOD, Images, encoded, reason_of, refused
from index_support import make_index, partition_parameters

from outofcore.errors import CheckpointError
from outofcore.nodes.label_map import make_label_map
from outofcore.nodes.partition import partition
from outofcore.training.stage_folder import open_stage

pytestmark = pytest.mark.fault

SHARES = partition_parameters(0.5, 0.25, 0.25)


@pytest.fixture(params=["table", "folders"])
def images(tmp_path: Path, request: Any) -> Images:
    made = Images(tmp_path, request.param == "folders")
    made.rows.pop()
    return made


@pytest.fixture
def listed(tmp_path: Path) -> Images:
    made = Images(tmp_path, folders=False)
    made.rows.pop()
    return made


def test_fault_022_duplicate_id_with_the_same_label(listed: Images) -> None:
    listed.rows.append(listed.rows[0])
    line = refused(listed.run, listed.labels, f"row {GOOD + 2}", "found 'cat/0.png' again")
    result = listed.run(max_bad_samples=1)
    assert result.report.values.tolist() == [["cat/0.png", "cat", reason_of(line)]]
    assert sorted(result.table["sample_id"]) == sorted(row.split(",")[0] for row in listed.rows[:-1])


def test_fault_023_duplicate_id_with_another_label_is_refused_however_many_may_be_bad(listed: Images) -> None:
    listed.rows.append("cat/0.png,dog")
    listed.refused(listed.labels, f"row {GOOD + 2}", "'cat' in row 2 and 'dog'")


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("../x.png,cat", "'../x.png'"),  # 24
        ("a\x01b.png,cat", "'a\\x01b.png'"),  # 25
        ("CAT/0.png,cat", "'CAT/0.png' beside 'cat/0.png'"),  # 26
        ("cat/new.png,", "''"),  # 29
    ],
    ids=["24", "25", "26", "29"],
)
def test_ids_and_labels_are_refused_however_many_may_be_bad(listed: Images, row: str, found: str) -> None:
    listed.rows.append(row)
    listed.refused(listed.labels, f"row {GOOD + 2}", found)


@pytest.mark.parametrize("label", ["1.5", "-1"])
def test_labels_that_are_no_class_are_refused_however_many_may_be_bad(listed: Images, label: str) -> None:
    listed.rows = [row.replace(",cat", ",0").replace(",dog", ",1") for row in listed.rows]
    listed.rows[3] = f"{listed.rows[3].split(',')[0]},{label}"
    listed.refused(listed.labels, "row 5", f"'{label}'")


def test_fault_034_binary_labels_1_and_2_are_coded_0_and_1(images: Images) -> None:
    """There is no way without a label map: the scan's own gives places in the output, in order of value."""
    for label, number in (("cat", "2"), ("dog", "1")):
        (images.root / label).rename(images.root / number)
        images.rows = [row.replace(f"{label}/", f"{number}/").replace(f",{label}", f",{number}") for row in images.rows]
    table = images.run().table.set_index("sample_id")["label"]
    assert table["1/0.png"] == 0
    assert table["2/0.png"] == 1
    assert set(table) == {0, 1}


def test_fault_034_a_label_map_without_one_of_the_labels_is_refused() -> None:
    index = make_index([f"{number}.jpg" for number in range(20)], ["1", "2"] * 10)
    refused(lambda: partition(index, {"0": 0, "1": 1}, SHARES, 1), "'1.jpg'", "found '2'")


def twins(images: Images) -> tuple[str, str]:
    """Give a training image's content to one of the test."""
    table = images.run().table
    one, other = (table["sample_id"][table["split"] == split].iloc[0] for split in ("train", "test"))
    (images.root / other).write_bytes((images.root / one).read_bytes())
    return one, other


def test_fault_038_the_same_content_in_two_splits_is_refused(images: Images) -> None:
    one, other = twins(images)
    images.refused(repr(one), repr(other), "train", "test", changed="accept")


def test_fault_038_the_same_content_in_two_splits_is_warned_of(
    images: Images, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = twins(images)
    with caplog.at_level(logging.WARNING):
        assert len(images.run(changed="accept", leakage="warn").table) == GOOD
    assert f"{one!r}" in caplog.text
    assert f"{other!r}" in caplog.text


def test_fault_038_the_same_content_in_one_split_is_accepted(images: Images) -> None:
    table = images.run().table
    one, other = table["sample_id"][table["split"] == "train"].iloc[:2]
    (images.root / other).write_bytes((images.root / one).read_bytes())
    assert len(images.run(changed="accept").table) == GOOD


def test_fault_039_an_empty_class_folder_is_refused_however_many_may_be_bad(tmp_path: Path) -> None:
    images = Images(tmp_path, folders=True)
    (images.root / "bird").mkdir()
    images.refused(images.root / "bird")


def test_fault_040_stray_files_are_ignored_and_listed(images: Images, caplog: pytest.LogCaptureFixture) -> None:
    clean = images.run()
    for stray in (".DS_Store", "cat/Thumbs.db", ".ipynb_checkpoints/0-checkpoint.png", ".outofcore-sample.json"):
        (images.root / stray).parent.mkdir(exist_ok=True)
        (images.root / stray).write_bytes(encoded(make_pixels()))
    with caplog.at_level(logging.INFO):
        assert images.run().index.equals(clean.index)
    assert "are ignored: .DS_Store, .ipynb_checkpoints, cat/Thumbs.db" in caplog.text


def make_pixels() -> Any:
    import numpy as np

    return np.zeros((28, 28), np.uint8)


def test_fault_041_another_class_order_is_not_resumed(images: Images, tmp_path: Path) -> None:
    """Both digests of the data are part of a training's identity: see `outofcore.nodes.train`."""
    index = images.run().index
    right = make_label_map(index)
    swapped = {label: 1 - code for label, code in right.items()}

    def identity(label_map: dict[str, int]) -> dict[str, Any]:
        summary = partition(index, label_map, SHARES, 1)[1]
        return {"data": {name: summary[name] for name in ("digest", "partition_digest")}}

    for resume in ("auto", "require"):  # the same order goes on
        store = open_stage(tmp_path, identity(right), resume, 2)
        if resume == "auto":
            from outofcore.training.stage_folder import announce

            announce(tmp_path, store, resumed=False)
            store.save({}, {"progress": {"step": 1}})
        store.close()
    with pytest.raises(CheckpointError, match="partition_digest"):
        open_stage(tmp_path, identity(swapped), "require", 2)
