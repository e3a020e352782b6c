"""The summary of the data: counts, and digests that change with what they cover."""

from typing import Any

import pandas as pd
import pytest
from index_support import make_index, partition_parameters

from outofcore.nodes.partition import partition

SHARES = partition_parameters(0.7, 0.15, 0.15)
LABEL_MAP = {"cat": 0, "dog": 1}


def pets(count: int, **changes: Any) -> pd.DataFrame:
    """Make an index of cats and dogs in turn."""
    ids = [f"img_{number}.jpg" for number in range(count)]
    return make_index(ids, [("cat", "dog")[number % 2] for number in range(count)], **changes)


def summary_of(index: pd.DataFrame, seed: int = 1) -> dict[str, Any]:
    return partition(index, LABEL_MAP, SHARES, seed)[1]


def test_the_summary_counts() -> None:
    summary = summary_of(pets(200))
    assert summary["samples"] == 200
    assert summary["bytes"] == sum(range(200))
    assert summary["classes"] == {
        "train": {"cat": 70, "dog": 70},
        "validation": {"cat": 15, "dog": 15},
        "test": {"cat": 15, "dog": 15},
    }


DIGESTS = ("digest", "partition_digest")


def changed_digests(change: dict[str, Any] | None = None, seed: int = 1, order: slice = slice(None)) -> set[str]:
    """Change the first row of an index; return which digests change."""
    before, index = summary_of(pets(60)), pets(60)
    for name, value in (change or {}).items():
        index.loc[0, name] = value
    after = summary_of(index[order].reset_index(drop=True), seed)
    return {name for name in DIGESTS if before[name] != after[name]}


def test_equal_data_has_equal_digests() -> None:
    assert changed_digests() == set()


@pytest.mark.parametrize(
    ("change", "digests"),
    [
        ({"sample_id": "other.jpg"}, {"digest", "partition_digest"}),
        ({"label": "dog"}, {"digest", "partition_digest"}),
        ({"weight": 2.0}, {"digest", "partition_digest"}),
        ({"content": 77_777}, {"digest"}),
        ({"size": 77}, set()),
        ({"mtime_ns": 77}, set()),
    ],
)
def test_what_changes_which_digest(change: dict[str, Any], digests: set[str]) -> None:
    assert changed_digests(change) == digests


def test_the_seed_changes_the_digest_of_the_partition_alone() -> None:
    assert changed_digests(seed=2) == {"partition_digest"}


FILES = {"train": 40, "validation": 10, "test": 10}


def changed_files(change: dict[str, Any]) -> set[str]:
    """Change the first row of an index with given splits; return whose digests of files change."""
    index = pets(60).assign(split=[split for split, count in FILES.items() for _ in range(count)])
    before, index = summary_of(index)["files_digest"], index.copy()
    for name, value in change.items():
        index.loc[0, name] = value
    after = summary_of(index)["files_digest"]
    assert set(before) == set(FILES)
    return {split for split in FILES if before[split] != after[split]}


@pytest.mark.parametrize(
    ("change", "splits"),
    [
        ({"label": "dog"}, set()),
        ({"weight": 2.0}, set()),
        ({"group": "g"}, set()),
        ({"mtime_ns": 77}, set()),
        ({"content": 77_777}, {"train"}),
        ({"sample_id": "other.jpg"}, {"train"}),
        ({"split": "test"}, {"train", "test"}),
    ],
)
def test_what_changes_the_digest_of_which_split_s_files(change: dict[str, Any], splits: set[str]) -> None:
    assert changed_files(change) == splits


def test_another_order_of_rows_is_other_data() -> None:
    assert changed_digests(order=slice(None, None, -1)) == set(DIGESTS)


def test_texts_that_join_alike_have_other_digests() -> None:
    one = summary_of(make_index([*"abcdefghijklmnopqrst", "xy", "z"], ["cat", "dog"] * 11))
    two = summary_of(make_index([*"abcdefghijklmnopqrst", "x", "yz"], ["cat", "dog"] * 11))
    assert one["digest"] != two["digest"]
