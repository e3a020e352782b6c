"""Splits and labels that somebody has fixed are taken as they are, or refused by name."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from images_support import refused
from volumes_support import GOOD, SHAPE, Volumes, values

SPLITS = {
    "train": [f"id-{number}" for number in range(4, 16)],
    "validation": ["id-0", "id-1", "id-16"],
    "test": [f"id-{number}" for number in range(20, GOOD)],
}


@pytest.fixture
def volumes(tmp_path: Path) -> Volumes:
    return Volumes(tmp_path)


def as_sets(splits: Any) -> dict[str, list[str]]:
    return {split: sorted(ids) for split, ids in splits.items()}


def write_table(volumes: Volumes, suffix: str, rows: list[tuple[str, str]]) -> None:
    volumes.given = volumes.given.with_suffix(suffix)
    table = pd.DataFrame(rows, columns=["sample_id", "split"])
    if suffix == ".csv":
        table.to_csv(volumes.given, index=False)
    else:
        table.to_parquet(volumes.given, index=False)


def test_json_is_taken_as_it_is(volumes: Volumes, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        result = volumes.run(SPLITS)
    assert result.splits() == as_sets(SPLITS)
    assert "5 samples stand in no split" in caplog.text
    assert result.data["samples"] == GOOD - 5
    assert result.data["tested_split"] == "test"


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_is_taken_as_it_is(volumes: Volumes, suffix: str) -> None:
    write_table(volumes, suffix, [(sample, split) for split, ids in SPLITS.items() for sample in ids])
    assert volumes.run().splits() == as_sets(SPLITS)


def test_without_a_given_partition_splits_are_made(volumes: Volumes) -> None:
    result = volumes.run()
    assert {split: len(ids) for split, ids in result.splits().items()} == {"train": 12, "validation": 6, "test": 6}


def test_labels_may_be_json(volumes: Volumes) -> None:
    from_csv = volumes.run(SPLITS)
    volumes.labels = volumes.labels.with_suffix(".json")
    volumes.labels.write_text(json.dumps(volumes.rows))
    assert volumes.run(SPLITS).table.equals(from_csv.table)
    volumes.labels.write_text(json.dumps({sample: int(label == "dog") for sample, label in volumes.rows.items()}))
    assert volumes.run(SPLITS).table.equals(from_csv.table)


def test_without_a_test_split_validation_is_tested_and_it_is_said(
    volumes: Volumes, caplog: pytest.LogCaptureFixture
) -> None:
    result = volumes.run({"train": SPLITS["train"], "validation": SPLITS["validation"]})
    assert "names no test split: the validation split is evaluated" in caplog.text
    assert result.data["tested_split"] == "validation"
    loaders = volumes.loaders(result)
    assert loaders["test"]["source"] == loaders["validation"]["source"]


def test_a_sample_that_validation_found_bad_is_left_out_of_its_split(volumes: Volumes) -> None:
    volumes.put(b"")
    splits = {**SPLITS, "train": [*SPLITS["train"], "subject"]}
    assert volumes.run(splits, max_bad_samples=1).splits() == as_sets(SPLITS)


# the fault catalogue


@pytest.mark.fault
def test_fault_037_an_id_in_two_splits(volumes: Volumes) -> None:
    splits = {**SPLITS, "test": [*SPLITS["test"], "id-7"]}
    refused(lambda: volumes.run(splits, max_bad_samples=5), volumes.given, "'id-7'", "twice, in train and test")


@pytest.mark.fault
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_fault_037_an_id_in_two_rows_of_a_table(volumes: Volumes, suffix: str) -> None:
    write_table(volumes, suffix, [("id-1", "train"), ("id-2", "train"), ("id-1", "validation")])
    refused(volumes.run, volumes.given, "'id-1'", "train and validation")


@pytest.mark.fault
def test_fault_022_an_id_twice_in_one_split(volumes: Volumes) -> None:
    splits = {**SPLITS, "train": [*SPLITS["train"], "id-7"]}
    refused(lambda: volumes.run(splits), volumes.given, "'id-7'", "found it twice, in train")


@pytest.mark.fault
def test_fault_001_an_id_with_no_file(volumes: Volumes) -> None:
    """Its row in the label table is what names it first."""
    (volumes.root / "id-5.npy").unlink()
    refused(lambda: volumes.run(SPLITS), volumes.root / "id-5.npy", "expected the file of sample 'id-5', found none")
    left = {**SPLITS, "train": [sample for sample in SPLITS["train"] if sample != "id-5"]}
    assert volumes.run(SPLITS, max_bad_samples=1).splits() == as_sets(left)


@pytest.mark.fault
def test_fault_029_a_file_with_no_label(volumes: Volumes) -> None:
    del volumes.rows["id-5"]
    refused(lambda: volumes.run(SPLITS, max_bad_samples=5), volumes.given, "'id-5'", "neither label nor sample")


@pytest.mark.fault
@pytest.mark.parametrize("suffix", [".json", ".csv", ".parquet"])
def test_faults_027_and_028_ids_stay_text(volumes: Volumes, suffix: str) -> None:
    odd = {"007": "cat", "NA": "dog", "null": "cat", "1.0": "dog"}
    for seed, sample in enumerate(odd, start=GOOD):
        np.save(volumes.root / f"{sample}.npy", values(*SHAPE, seed=seed))
    volumes.rows |= odd
    splits = {**SPLITS, "test": [*SPLITS["test"], *odd]}
    if suffix == ".json":
        assert volumes.run(splits).splits() == as_sets(splits)
    else:
        write_table(volumes, suffix, [(sample, split) for split, ids in splits.items() for sample in ids])
        assert volumes.run().splits() == as_sets(splits)


@pytest.mark.fault
@pytest.mark.parametrize("label", [-1, 1.5])
def test_faults_031_and_032_a_number_in_json_that_is_no_class(volumes: Volumes, label: float) -> None:
    volumes.labels = volumes.labels.with_suffix(".json")
    codes: dict[str, float] = {sample: int(name == "dog") for sample, name in volumes.rows.items()}
    volumes.labels.write_text(json.dumps({**codes, "id-3": label}))
    refused(lambda: volumes.run(SPLITS, max_bad_samples=5), f"{volumes.labels}, entry 4", "'id-3'", f"found '{label}'")


@pytest.mark.fault
def test_an_id_with_neither_file_nor_label(volumes: Volumes) -> None:
    splits = {**SPLITS, "train": [*SPLITS["train"], "id-999"]}
    refused(lambda: volumes.run(splits, max_bad_samples=5), volumes.given, "'id-999'")


@pytest.mark.fault
@pytest.mark.parametrize("key", ["train", "validation"])
def test_a_duplicate_key_in_the_partition(volumes: Volumes, key: str) -> None:
    text = json.dumps(SPLITS)[:-1] + f', "{key}": ["id-19"]}}'
    assert json.loads(text)[key] == ["id-19"]  # which plain JSON would take
    refused(lambda: volumes.run(text), volumes.given, f"found {key!r} again")


@pytest.mark.fault
def test_a_duplicate_key_in_the_labels(volumes: Volumes) -> None:
    volumes.labels = volumes.labels.with_suffix(".json")
    volumes.labels.write_text(json.dumps(volumes.rows)[:-1] + ', "id-3": "cat"}')
    refused(volumes.run, volumes.labels, "found 'id-3' again")


@pytest.mark.fault
@pytest.mark.parametrize("label", [None, "", "nan", " cat"])
def test_fault_029_a_label_missing_in_json(volumes: Volumes, label: Any) -> None:
    volumes.labels = volumes.labels.with_suffix(".json")
    volumes.labels.write_text(json.dumps({**volumes.rows, "id-3": label}))
    refused(volumes.run, f"{volumes.labels}, entry 4", "'id-3'")


@pytest.mark.fault
@pytest.mark.parametrize("label", [True, ["cat"], {"a": 1}])
def test_a_label_in_json_that_is_none(volumes: Volumes, label: Any) -> None:
    volumes.labels = volumes.labels.with_suffix(".json")
    volumes.labels.write_text(json.dumps({**volumes.rows, "id-3": label}))
    refused(volumes.run, volumes.labels, "'id-3'", "expected a text or a number as label")


@pytest.mark.fault
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[1, 2]", "found list"),
        ("{", "Expecting property name"),
        ('{"train": "id-1"}', "a list of IDs as texts for split 'train'"),
        ('{"train": [1, 2]}', "a list of IDs as texts for split 'train'"),
        ('{"training": ["id-1"]}', "found 'training'"),
    ],
)
def test_what_is_no_partition(volumes: Volumes, text: str, found: str) -> None:
    refused(lambda: volumes.run(text), volumes.given, found)


@pytest.mark.fault
@pytest.mark.parametrize("split", ["train", "validation"])
def test_fault_036_an_empty_split(volumes: Volumes, split: str) -> None:
    refused(lambda: volumes.run({**SPLITS, split: []}), f"split {split}", "found no samples", volumes.given)


@pytest.mark.fault
@pytest.mark.parametrize("split", SPLITS)
def test_fault_035_a_split_of_one_class(volumes: Volumes, split: str) -> None:
    cats = [sample for sample in SPLITS[split] if volumes.rows[sample] == "cat"]
    refused(lambda: volumes.run({**SPLITS, split: cats}), f"split {split}", "of one class alone", volumes.given)


@pytest.mark.fault
def test_fault_038_the_same_content_in_two_splits(volumes: Volumes) -> None:
    (volumes.root / "id-20.npy").write_bytes((volumes.root / "id-4.npy").read_bytes())
    refused(lambda: volumes.run(SPLITS), "'id-4'", "'id-20'", "train", "test")


@pytest.mark.fault
def test_a_given_partition_that_is_not_there(volumes: Volumes, tmp_path: Path) -> None:
    from outofcore.nodes.given_partition import read_partition

    for name in ("partition.json", "partition.csv"):
        refused(lambda name=name: read_partition(tmp_path / name), tmp_path / name, "found no such file")
