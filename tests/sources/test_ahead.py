"""Threads that work ahead end with their taker, and their errors reach it."""

import threading
import time
from collections.abc import Iterator

import pytest

from outofcore.sources.ahead import ahead, map_ahead


def noted(taken: list[int]) -> Iterator[int]:
    """A thousand numbers, each noted when it is taken."""
    for number in range(1000):
        taken.append(number)
        yield number


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
    before = threading.active_count()
    items = ahead(noted(made), 2)
    assert next(items) == 0
    time.sleep(0.2)
    assert len(made) <= 5
    items.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_results_come_in_the_order_of_the_items_though_they_are_done_in_another() -> None:
    second_is_done = threading.Event()

    def doubled(number: int) -> int:
        if number == 0:
            assert second_is_done.wait(10)  # or the threads would not work side by side
        elif number == 1:
            second_is_done.set()
        return 2 * number

    assert list(map_ahead(doubled, range(50), 3)) == list(range(0, 100, 2))
    assert list(map_ahead(doubled, [], 3)) == []


def test_an_error_of_the_function_comes_where_its_result_would_have_been_and_ends_the_threads() -> None:
    taken: list[int] = []
    before = threading.active_count()
    results = map_ahead(lambda number: 6 // (3 - number), noted(taken), 2)
    assert [next(results) for _ in range(3)] == [2, 3, 6]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert len(taken) <= 6
    assert threading.active_count() == before
