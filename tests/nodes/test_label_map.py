"""Which label gets which code."""

import pytest
from index_support import make_index

from outofcore.errors import DataError
from outofcore.nodes.label_map import make_label_map


def codes(*labels: str) -> dict[str, int]:
    return make_label_map(make_index([f"{number}.jpg" for number in range(len(labels))], labels))


def test_names_are_numbered_in_order() -> None:
    assert list(codes("dog", "cat", "dog", "ant").items()) == [("ant", 0), ("cat", 1), ("dog", 2)]


def test_whole_numbers_are_numbered_by_value() -> None:
    assert list(codes("10", "9", "2", "10").items()) == [("2", 0), ("9", 1), ("10", 2)]


def test_a_single_name_makes_all_of_them_names() -> None:
    assert list(codes("10", "9", "x")) == ["10", "9", "x"]


def test_the_order_of_the_rows_plays_no_part() -> None:
    assert list(codes("b", "a", "c").items()) == list(codes("c", "b", "a").items())


@pytest.mark.parametrize(("labels", "found"), [(["cat", "cat"], "'cat' alone"), ([], "none")])
def test_fewer_than_two_labels(labels: list[str], found: str) -> None:
    with pytest.raises(DataError) as caught:
        codes(*labels)
    assert str(caught.value) == (
        f"labels: expected at least two different ones, found {found}. "
        "Look at scan.label_column or scan.labels_from, or add samples of another class."
    )
