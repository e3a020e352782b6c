"""A thread that works ahead ends with its taker, and its errors reach it."""

import threading
import time
from collections.abc import Iterator

import pytest

from outofcore.sources.ahead import ahead


def test_items_come_in_order() -> None:
    assert list(ahead(iter(range(100)), 3)) == list(range(100))
    assert list(ahead([])) == []


def test_an_error_comes_where_its_item_would_have_been() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("the second")

    items = ahead(failing())
    assert next(items) == 1
    with pytest.raises(ValueError, match="the second"):
        next(items)


def test_no_more_is_made_than_may_wait_and_the_thread_ends_with_the_taker() -> None:
    made: list[int] = []

    def counted() -> Iterator[int]:
        for number in range(1000):
            made.append(number)
            yield number

    before = threading.active_count()
    items = ahead(counted(), 2)
    assert next(items) == 0
    time.sleep(0.2)
    assert len(made) <= 5
    items.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
