"""Splits of samples: whole, stable, by share, and never through a group."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from index_support import make_index, partition_parameters

from outofcore.errors import DataError
from outofcore.nodes.partition import SPLITS, assign_splits, partition

SHARES = partition_parameters(0.7, 0.15, 0.15)
LABEL_MAP = {"cat": 0, "dog": 1}


def pets(count: int, **changes: Any) -> pd.DataFrame:
    """Make an index of cats and dogs in turn."""
    ids = [f"img_{number}.jpg" for number in range(count)]
    return make_index(ids, [("cat", "dog")[number % 2] for number in range(count)], **changes)


def splits_of(index: pd.DataFrame, seed: int, stratify: bool = True, shares: Any = SHARES) -> dict[str, str]:
    shares = partition_parameters(shares.train, shares.validation, shares.test, stratify)
    table, _ = partition(index, LABEL_MAP, shares, seed)
    return dict(zip(table["sample_id"], table["split"], strict=True))


def assigned(
    labels: list[int], groups: list[str] | None, shares: list[float], seed: int, stratify: bool = True
) -> pd.Series:
    """Give the number of each sample's split, by sample ID."""
    ids = pd.Series([f"id {number}" for number in range(len(labels))], dtype="str")
    held = pd.Series(groups or [""] * len(labels), dtype="str")
    strata = np.array(labels, np.int32) if stratify else None
    return pd.Series(assign_splits(ids, held, strata, np.array(shares), seed), index=ids)


@st.composite
def problems(draw: st.DrawFn, grouped: bool) -> dict[str, Any]:
    """Draw labels, groups, shares and a seed."""
    count = draw(st.integers(1, 120))
    labels = draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    names = st.sampled_from(["", *(f"g{number}" for number in range(12))])
    parts = draw(st.tuples(*[st.integers(0, 20)] * 3).filter(any))
    return {
        "labels": labels,
        "groups": draw(st.lists(names, min_size=count, max_size=count)) if grouped else None,
        "shares": [part / sum(parts) for part in parts],
        "seed": draw(st.integers(0, 2**40)),
        "stratify": draw(st.booleans()),
    }


@settings(max_examples=200, deadline=None)
@given(problems(grouped=True))
def test_every_sample_has_one_split(problem: dict[str, Any]) -> None:
    split = assigned(**problem)
    assert len(split) == len(problem["labels"])
    assert set(split) <= {number for number, share in enumerate(problem["shares"]) if share > 0}


@settings(max_examples=200, deadline=None)
@given(problems(grouped=True), st.randoms(use_true_random=False))
def test_the_order_of_the_index_plays_no_part(problem: dict[str, Any], random: Any) -> None:
    split = assigned(**problem)
    count = len(split)
    rows = list(range(count))
    random.shuffle(rows)
    ids = pd.Series([f"id {row}" for row in rows], dtype="str")
    groups = pd.Series([(problem["groups"] or [""] * count)[row] for row in rows], dtype="str")
    strata = np.array(problem["labels"], np.int32)[rows] if problem["stratify"] else None
    shuffled = assign_splits(ids, groups, strata, np.array(problem["shares"]), problem["seed"])
    assert dict(zip(ids, shuffled, strict=True)) == split.to_dict()


@settings(max_examples=200, deadline=None)
@given(problems(grouped=True))
def test_groups_are_never_divided(problem: dict[str, Any]) -> None:
    split = assigned(**problem)
    groups = np.array(problem["groups"])
    for group in set(problem["groups"]) - {""}:
        assert split[groups == group].nunique() == 1


@settings(max_examples=200, deadline=None)
@given(problems(grouped=False))
def test_shares_hold_within_one_sample_in_each_class(problem: dict[str, Any]) -> None:
    split = assigned(**problem).to_numpy()
    labels = np.array(problem["labels"]) if problem["stratify"] else np.zeros(len(split))
    for label in set(labels.tolist()):
        counts = np.bincount(split[labels == label], minlength=3)
        np.testing.assert_array_less(np.abs(counts - np.array(problem["shares"]) * counts.sum()), 1.0 + 1e-9)


def test_shares_hold_where_groups_are_small() -> None:
    groups = [f"g{number // 5}" for number in range(10_000)]
    split = assigned([0] * 10_000, groups, [0.7, 0.15, 0.15], seed=1)
    np.testing.assert_allclose(np.bincount(split) / 10_000, [0.7, 0.15, 0.15], atol=0.001)


def test_without_strata_the_classes_fall_as_they_may() -> None:
    labels = [0] * 900 + [1] * 100
    exact = np.bincount(assigned(labels, None, [0.5, 0.25, 0.25], 1)[900:])
    free = [np.bincount(assigned(labels, None, [0.5, 0.25, 0.25], seed, stratify=False)[900:]) for seed in range(5)]
    assert exact.tolist() == [50, 25, 25]
    assert any(counts.tolist() != [50, 25, 25] for counts in free)


def test_the_same_seed_gives_the_same_splits_and_another_seed_others() -> None:
    index = pets(1000)
    assert splits_of(index, 1) == splits_of(index, 1)
    other = splits_of(index, 2)
    changed = sum(split != other[name] for name, split in splits_of(index, 1).items())
    # two independent draws agree with probability 0.7^2 + 2 * 0.15^2 = 0.535
    assert 400 < changed < 530


def test_the_seed_decides_for_groups_too() -> None:
    index = pets(1000, groups=[f"g{number // 4}" for number in range(1000)])
    assert splits_of(index, 1) != splits_of(index, 2)


def test_more_files_change_few_memberships() -> None:
    before, after = splits_of(pets(10_000), 1), splits_of(pets(10_100), 1)
    changed = sum(split != after[name] for name, split in before.items())
    assert 0 < changed < 100


def test_a_group_of_two_classes_goes_with_the_lower_code() -> None:
    """Else the first row of the group would decide, and the order of the index with it."""
    groups = ["mixed"] * 2 + [""] * 98
    one = assigned([0, 1] + [0] * 49 + [1] * 49, groups, [0.5, 0.25, 0.25], seed=3)
    two = assigned([1, 0] + [0] * 49 + [1] * 49, groups, [0.5, 0.25, 0.25], seed=3)
    assert one.equals(two)


def test_the_table_is_sorted_by_split_and_keeps_the_order_of_the_index() -> None:
    index = pets(200, weight=0.5)
    table, _ = partition(index, LABEL_MAP, SHARES, 1)
    assert table.columns.tolist() == ["sample_id", "split", "label", "weight"]
    assert table["split"].cat.categories.tolist() == list(SPLITS)
    assert table["split"].cat.codes.is_monotonic_increasing
    assert table["label"].dtype == np.int32
    assert table["weight"].dtype == np.float32
    assert set(table["weight"]) == {0.5}
    place = {name: row for row, name in enumerate(index["sample_id"])}
    for split in SPLITS:
        rows = table["sample_id"][table["split"] == split].map(place)
        assert rows.is_monotonic_increasing
    label = dict(zip(index["sample_id"], index["label"].map(LABEL_MAP), strict=True))
    assert table["label"].tolist() == [label[name] for name in table["sample_id"]]


def test_the_table_survives_parquet(tmp_path: Path) -> None:
    table, _ = partition(pets(50), LABEL_MAP, SHARES, 1)
    table.to_parquet(tmp_path / "table.parquet", index=False)
    assert pd.read_parquet(tmp_path / "table.parquet").equals(table)


def test_codes_are_those_of_the_label_map_in_whatever_order_it_stands() -> None:
    one, _ = partition(pets(50), {"cat": 0, "dog": 1}, SHARES, 1)
    same, _ = partition(pets(50), {"dog": 1, "cat": 0}, SHARES, 1)
    other, _ = partition(pets(50), {"dog": 0, "cat": 1}, SHARES, 1)
    assert same.equals(one)
    assert set(zip(one["label"], other.set_index("sample_id").loc[one["sample_id"], "label"], strict=True)) == {
        (0, 1),
        (1, 0),
    }


def test_the_inputs_are_not_changed() -> None:
    index = pets(50)
    before = index.copy(deep=True)
    partition(index, LABEL_MAP, SHARES, 1)
    assert index.equals(before)


def test_golden_partition() -> None:
    """Raise `partition.VERSION` when this changes: the same data then gives other splits."""
    table, summary = partition(pets(40), LABEL_MAP, SHARES, 42)
    assert table["sample_id"][table["split"] == "test"].tolist() == GOLDEN_TEST
    assert summary["partition_digest"] == GOLDEN_DIGEST


GOLDEN_TEST = ["img_0.jpg", "img_10.jpg", "img_17.jpg", "img_22.jpg", "img_27.jpg", "img_31.jpg"]
GOLDEN_DIGEST = "2548f43444abf833d8172cb3ea776a8d"


# the fault catalogue


@pytest.mark.fault
def test_fault_030_label_that_is_not_in_the_label_map() -> None:
    index = pets(30)
    index.loc[[4, 7], "label"] = "bird"
    with pytest.raises(DataError) as caught:
        partition(index, LABEL_MAP, SHARES, 1)
    assert str(caught.value) == (
        "sample 'img_4.jpg': expected one of the labels cat, dog, found 'bird' (2 samples have a label that is not in "
        "the label map). Correct the label, or run the pipeline from its scan."
    )


@pytest.mark.fault
def test_fault_035_split_of_one_class() -> None:
    index = make_index([f"{number}.jpg" for number in range(40)], ["cat"] * 38 + ["dog"] * 2)
    with pytest.raises(DataError) as caught:
        partition(index, LABEL_MAP, SHARES, 1)
    assert str(caught.value) == (
        "split test: expected samples of at least two classes, found 6 samples of one class alone. "
        "Add samples, raise its share in partition, or set partition.stratify=true."
    )


@pytest.mark.fault
def test_fault_036_empty_split() -> None:
    with pytest.raises(DataError) as caught:
        partition(pets(4), LABEL_MAP, SHARES, 1)
    assert str(caught.value) == (
        "split test: expected samples of at least two classes, found no samples. "
        "Add samples, raise its share in partition, or set partition.stratify=true."
    )


@pytest.mark.fault
@settings(max_examples=50, deadline=None)
@given(st.integers(20, 200), st.integers(0, 2**40), st.booleans(), st.integers(1, 4))
def test_fault_037_no_id_stands_in_two_splits(count: int, seed: int, stratify: bool, size: int) -> None:
    index = pets(2 * count, groups=[f"g{number // size // 2}" if size > 1 else "" for number in range(2 * count)])
    try:
        table, _ = partition(index, LABEL_MAP, partition_parameters(0.4, 0.3, 0.3, stratify), seed)
    except DataError:
        return  # a split of one class
    assert sorted(table["sample_id"]) == sorted(index["sample_id"])
    assert table["sample_id"].is_unique
